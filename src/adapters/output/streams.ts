/** The streams and archives of a state directory behind the port of supervision. */
import { lstatSync, readdirSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf, Fault } from "../../kernel/fault.ts";
import { MIB } from "../../kernel/units.ts";
import { RUNNER_FILES } from "../../runner/records.ts";
import type { StreamBytes, Streams } from "../../supervision/streams.ts";
import { archiveIndex } from "./archive-index.ts";
import { probePunch, type PunchProbe } from "./can-punch.ts";
import { type DurableFiles, durableFiles } from "./durable-files.ts";
import { exportArchive } from "./export-archive.ts";
import { makeArchive, removeArchived } from "./make-archive.ts";
import { type Rotated, rotate } from "./rotate.ts";
import { punchedName, segmentNamed, unfinishedName } from "./segments.ts";
import { serially } from "./serially.ts";

const STREAMS: readonly string[] = [RUNNER_FILES.stdout, RUNNER_FILES.stderr];
/** Plain bytes that stay at the end of a running stream: most questions are about the end. */
const KEEP_BYTES = MIB;
/** Of a small segment setting, that part stays. */
const KEEP_SHARE = 4;
/** Segments that one call makes of one stream. */
const SEGMENTS_MOST = 8;
/** Frames in the making at once: beside a running agent one, afterwards as many as help on a small machine. */
const FRAMES_RUNNING = 1;
const FRAMES_IDLE = 2;
const STAT_BLOCK_BYTES = 512;

/** Where things lie. All paths absolute. */
export interface StreamsPlaces {
  /** Folder of agents' directories: what can be done there is found out there. */
  readonly agents: string;
  readonly archives: string;
}

/** What is remembered of one agent's segments, so that a look needs no listing. */
interface Known {
  readonly covered: ReadonlyMap<string, number>;
  /** Bytes of all segments on disk. */
  readonly bytes: number;
}

export function fileStreams(places: StreamsPlaces, files: DurableFiles = durableFiles): Streams {
  const known = new Map<string, Known>();
  const inTurn = serially();
  let probe: Promise<PunchProbe> | null = null;
  const canRotate = (): Promise<PunchProbe> => (probe ??= probePunch(places.agents, files));
  const knownOf = (directory: string): Known => {
    const found = known.get(directory) ?? segmentsIn(directory);
    known.set(directory, found);
    return found;
  };
  return {
    look(directory) {
      const { covered, bytes } = knownOf(directory);
      let total: StreamBytes = { written: 0, onDisk: bytes, plain: 0 };
      for (const stream of STREAMS) {
        const seen = sizesOf(join(directory, stream));
        if (seen === null) continue;
        total = {
          written: total.written + seen.size,
          onDisk: total.onDisk + seen.onDisk,
          plain: Math.max(total.plain, seen.size - (covered.get(stream) ?? 0)),
        };
      }
      return total;
    },
    canRotate,
    rotate: (directory, { segmentBytes, all }) =>
      inTurn(directory, async () => {
        const rotated = { segments: 0, bytes: 0 };
        if (!(await canRotate()).works) return rotated;
        const keepBytes = Math.min(KEEP_BYTES, Math.floor(segmentBytes / KEEP_SHARE));
        const order = { directory, segmentBytes, keepBytes, frames: FRAMES_RUNNING, punches: true };
        const whenOver = all ? keepBytes : segmentBytes;
        try {
          for (const stream of STREAMS) {
            const most = { ...order, stream, whenOver, segmentsMost: SEGMENTS_MOST };
            add(rotated, await rotate(files, most));
          }
        } finally {
          known.delete(directory);
        }
        return rotated;
      }),
    archiveOf: (agentId) => join(places.archives, `${agentId}.tar`),
    archive: (wish) =>
      inTurn(wish.directory, async () => {
        const manifest = await makeArchive(files, { ...wish, frames: FRAMES_IDLE });
        return { manifest, bytes: (await stat(wish.target)).size };
      }),
    removeArchived: (directory, manifest) =>
      inTurn(directory, async () => {
        known.delete(directory);
        return removeArchived(files, directory, manifest);
      }),
    manifest: async (archive) => (await archiveIndex(archive))?.manifest ?? null,
    async export(archive, to, form) {
      const index = await archiveIndex(archive);
      if (index === null) throw noArchive(archive);
      return exportArchive(archive, index, to, form);
    },
    async removeArchive(archive) {
      await files.remove(`${archive}.tmp`);
      return removed(files, archive);
    },
    sizeOf(path) {
      const seen = sizesOf(path);
      const segments = segmentsIn(dirname(path), [basename(path)]);
      return seen === null && segments.bytes === 0 ? null : (seen?.size ?? 0);
    },
    remove: (path) =>
      inTurn(dirname(path), async () => {
        const [directory, stream] = [dirname(path), basename(path)];
        known.delete(directory);
        const record = punchedName(stream);
        const beside = [...segmentNames(directory, stream), unfinishedName(stream)];
        for (const name of [...beside, `${record}.tmp`]) await files.remove(join(directory, name));
        const seen = await removed(files, path);
        // Last: while a part of the stream is there, what is missing of it is told as lost.
        await files.remove(join(directory, record));
        return seen;
      }),
  };
}

function add(sum: { segments: number; bytes: number }, { segments, bytes }: Rotated): void {
  sum.segments += segments;
  sum.bytes += bytes;
}

function sizesOf(path: string): { readonly size: number; readonly onDisk: number } | null {
  const seen = statSync(path, { throwIfNoEntry: false });
  return seen === undefined ? null : { size: seen.size, onDisk: seen.blocks * STAT_BLOCK_BYTES };
}

function segmentsIn(directory: string, streams = STREAMS): Known {
  const covered = new Map<string, number>();
  let bytes = 0;
  for (const stream of streams) {
    for (const name of segmentNames(directory, stream)) {
      const to = segmentNamed(stream, name)?.to ?? 0;
      covered.set(stream, Math.max(covered.get(stream) ?? 0, to));
      bytes += sizesOf(join(directory, name))?.onDisk ?? 0;
    }
  }
  return { covered, bytes };
}

function segmentNames(directory: string, stream: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => segmentNamed(stream, name) !== null);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function removed(files: DurableFiles, path: string): Promise<string> {
  await files.remove(path);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return "no such file";
  throw new Fault("PROBE_FAILED", `${path} is still there after its removal.`, {
    hint: "Something writes to it; it is tried again by itself.",
  });
}

/** The fault for an agent that has no archive. */
export function noArchive(archive: string): Fault {
  const name = archive.split("/").at(-1) ?? archive;
  return new Fault("ARCHIVE_NOT_FOUND", `There is no archive "${name}".`, {
    hint: 'Take an agent from "corral archive list"; one that is not archived yet is read with "corral logs".',
    details: { archive: name },
  });
}
