/** The streams and archives of a state directory behind the port of supervision. */
import { lstatSync, readdirSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Fault, isAbsence } from "../../kernel/fault.ts";
import { MIB } from "../../kernel/units.ts";
import { RUNNER_FILES } from "../../runner/records.ts";
import type { Streams } from "../../supervision/streams.ts";
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

/** Where things lie. All paths absolute. */
export interface StreamsPlaces {
  /** Folder of agents' directories: what can be done there is found out there. */
  readonly agents: string;
  readonly archives: string;
}

export function fileStreams(places: StreamsPlaces, files: DurableFiles = durableFiles): Streams {
  /** How far the segments of each agent's streams reach, so that a look needs no listing. */
  const known = new Map<string, Covered>();
  const inTurn = serially();
  let probe: Promise<PunchProbe> | null = null;
  /** Asked once; again as long as the answer is not certain. */
  const canRotate = (): Promise<PunchProbe> =>
    (probe ??= probePunch(places.agents, files).then((found) => {
      if (!found.isCertain) probe = null;
      return found;
    }));
  const coveredOf = (directory: string): Covered => {
    const found = known.get(directory) ?? coveredIn(directory);
    known.set(directory, found);
    return found;
  };
  return {
    plainBytes(directory, { stdoutBytes, stderrBytes }) {
      const covered = coveredOf(directory);
      const out = stdoutBytes - (covered.get(RUNNER_FILES.stdout) ?? 0);
      const err = stderrBytes - (covered.get(RUNNER_FILES.stderr) ?? 0);
      return Math.max(0, out, err);
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
      return exportArchive(index, to, form);
    },
    async removeArchive(archive) {
      await files.remove(`${archive}.tmp`);
      return removed(files, archive);
    },
    sizeOf(path) {
      const size = sizeOf(path);
      const segments = segmentNames(dirname(path), basename(path));
      return size === null && segments.length === 0 ? null : (size ?? 0);
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

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** By stream. Byte offsets. */
type Covered = ReadonlyMap<string, number>;

function coveredIn(directory: string): Covered {
  return new Map(
    STREAMS.map((stream) => {
      const ends = segmentNames(directory, stream).map(
        (name) => segmentNamed(stream, name)?.to ?? 0,
      );
      return [stream, Math.max(0, ...ends)];
    }),
  );
}

function segmentNames(directory: string, stream: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => segmentNamed(stream, name) !== null);
  } catch (error) {
    if (isAbsence(error)) return [];
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
