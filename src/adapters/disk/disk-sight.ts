/** Free space and use of real file systems. */
import { lstatSync, opendirSync, readFileSync, type Stats } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { errnoOf, Fault, messageOf } from "../../kernel/fault.ts";
import { RUNNER_FILES } from "../../runner/records.ts";
import type {
  DiskSight,
  FilesSeen,
  FileSystemSeen,
  StreamsSeen,
} from "../../supervision/disk-ports.ts";

/** `st_blocks` counts these, whatever the file system's own are. */
const BLOCK_BYTES = 512;
/** A file system that does not answer (a server that is gone) must not keep the others waiting. */
const ANSWER_MS = 2_000;
/** Entries that one walk looks at. */
const ENTRIES_MOST = 50_000;
const ENTRIES_AT_ONCE = 256;

const { stdout: STDOUT, stderr: STDERR } = RUNNER_FILES;
const STREAMS: readonly string[] = [STDOUT, STDERR];

export function diskSight(): DiskSight {
  const asked = new Map<string, Promise<FileSystemSeen>>();
  return {
    async fileSystemOf(path) {
      // One question at a time: each that hangs keeps a thread of ours.
      let answer = asked.get(path);
      if (answer === undefined) {
        answer = ask(path).finally(() => asked.delete(path));
        // Who gave up on it is told by the deadline.
        answer.catch(() => undefined);
        asked.set(path, answer);
      }
      return Promise.race([answer, deadline(path)]);
    },
    streamsIn,
    walk,
    writtenBy: (pids) => pids.reduce((sum, pid) => sum + writtenByOne(pid), 0),
  };
}

async function ask(path: string): Promise<FileSystemSeen> {
  try {
    const [{ dev }, seen] = await Promise.all([stat(path), statfs(path)]);
    const { bsize, blocks, bfree, bavail, files, ffree } = seen;
    return {
      id: String(dev),
      space: {
        // As df: what only root may still take belongs to nobody.
        totalBytes: (blocks - bfree + bavail) * bsize,
        freeBytes: bavail * bsize,
        totalInodes: files,
        freeInodes: ffree,
      },
    };
  } catch (error) {
    throw unknown(path, messageOf(error));
  }
}

async function deadline(path: string): Promise<never> {
  await sleep(ANSWER_MS, undefined, { ref: false });
  throw unknown(path, `no answer within ${ANSWER_MS} ms`);
}

function unknown(path: string, why: string): Fault {
  return new Fault("PROBE_FAILED", `The disk of ${path} could not be asked: ${why}.`, {
    hint: "It is asked again by itself; look at the mount if this stays so.",
  });
}

function streamsIn(directory: string): StreamsSeen {
  const out = lstatSync(`${directory}/${STDOUT}`, { throwIfNoEntry: false });
  const err = lstatSync(`${directory}/${STDERR}`, { throwIfNoEntry: false });
  return {
    stdoutBytes: out?.size ?? 0,
    stderrBytes: err?.size ?? 0,
    diskBytes: ((out?.blocks ?? 0) + (err?.blocks ?? 0)) * BLOCK_BYTES,
    writtenAt: Math.max(out?.mtimeMs ?? 0, err?.mtimeMs ?? 0),
  };
}

/**
 * Synchronous stats, a fifth of what promises cost, some hundred at a time: in between whoever
 * waits for this thread has his turn.
 */
async function walk(path: string): Promise<FilesSeen> {
  const top = seenAt(path);
  if (top === undefined) return { streams: 0, others: 0 };
  const linked = new Set<number>();
  let [streams, others, entries] = [0, top.blocks * BLOCK_BYTES, 0];
  const pending = top.isDirectory() ? [path] : [];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const name of namesIn(folder)) {
      entries += 1;
      if (entries > ENTRIES_MOST) return { streams, others };
      if (entries % ENTRIES_AT_ONCE === 0) await nextTurn();
      const inside = join(folder, name);
      const seen = seenAt(inside);
      if (seen === undefined || seen.dev !== top.dev || linked.has(seen.ino)) continue;
      if (seen.nlink > 1 && !seen.isDirectory()) linked.add(seen.ino);
      const bytes = seen.blocks * BLOCK_BYTES;
      if (folder === path && isOfStream(name)) streams += bytes;
      else others += bytes;
      if (seen.isDirectory()) pending.push(inside);
    }
  }
  return { streams, others };
}

/** A stream, or a segment of one. */
function isOfStream(name: string): boolean {
  return STREAMS.some((stream) => name === stream || name.startsWith(`${stream}.`));
}

/** Entry by entry: a folder may hold a million. One that goes away, or may not be read, has none. */
function* namesIn(folder: string): Generator<string> {
  try {
    using entries = opendirSync(folder);
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      yield entry.name;
    }
  } catch (error) {
    if (!isOutOfSight(error)) throw error;
  }
}

function seenAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isOutOfSight(error)) return undefined;
    throw error;
  }
}

function isOutOfSight(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(errnoOf(error) ?? "");
}

/** A process that is gone, or not ours to look at, counts nothing; where there is no /proc, none does. */
function writtenByOne(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/io`, "latin1");
    const value = (key: string) => Number(new RegExp(`^${key}: (\\d+)`, "m").exec(text)?.[1] ?? 0);
    return value("write_bytes") - value("cancelled_write_bytes");
  } catch {
    return 0;
  }
}
