/**
 * Finds every process that bears the marks of one world.
 *
 * One look reads the limits of every process, so looks are shared: a request is served by a
 * look that BEGAN after it, never by one already under way, because that one may have passed
 * by what the caller wants to see.
 *
 * What a look costs is what the kernel writes: measured per process, limits 13 µs, stat 18 µs,
 * status 29 µs. So stat is read of our own only, and status (the real uid) not here at all: who
 * is about to believe or to strike one process reads that one's.
 */
import type { Mark, ProcessSeen } from "../../supervision/ports.ts";
import { listPids, readLiveStat, readMark } from "./proc-table.ts";
import { inSlices } from "./slices.ts";

export interface MarkedProcess extends Omit<ProcessSeen, "uid"> {
  readonly mark: Mark;
  readonly sessionId: number;
}

export interface MarkScanner {
  /**
   * All live processes whose hard limit is this world's, of any uid.
   * @throws {Fault} PROBE_FAILED when any process could not be looked at.
   */
  scan(): Promise<readonly MarkedProcess[]>;
}

/** Whether some process of this machine bears that hard limit now; false where it cannot be looked at. */
export function isHardBorne(hard: number): boolean {
  try {
    return listPids().some((pid) => readMark(pid)?.hard === hard);
  } catch {
    return false; // it only makes a coincidence rarer
  }
}

/** How often newcomers are looked for; a fork bomb must not keep a look from ending. */
const MAX_ROUNDS = 20;

/** @param hard  Hard limit that names the world. Bytes. */
export function markScanner(hard: number): MarkScanner {
  let underWay: Promise<unknown> = Promise.resolve();
  let queued: Promise<readonly MarkedProcess[]> | null = null;

  return {
    scan() {
      queued ??= begin();
      return queued;
    },
  };

  function begin(): Promise<readonly MarkedProcess[]> {
    const look = underWay.then(() => {
      queued = null; // from here on a request must wait for the next look
      return lookThrough(hard);
    });
    underWay = look.catch(() => {});
    return look;
  }
}

/**
 * A chain of short-lived forks can outrun a long list: a link that was listed is gone when its
 * turn comes, and its child was not listed yet. So the listing is repeated, and the newcomers
 * (few, hence read at once) are looked at until a listing shows none.
 */
async function lookThrough(hard: number): Promise<readonly MarkedProcess[]> {
  const seen = new Set<number>();
  const found = new Map<number, MarkedProcess>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const begunAt = performance.now();
    const newcomers = listPids().filter((pid) => !seen.has(pid));
    if (newcomers.length === 0) break;
    const visit = (pid: number): void => {
      seen.add(pid);
      const marked = lookAtOne(pid, hard);
      if (marked !== null) found.set(pid, marked);
    };
    await inSlices(newcomers, visit, begunAt);
  }
  return [...found.values()];
}

function lookAtOne(pid: number, hard: number): MarkedProcess | null {
  const mark = readMark(pid);
  if (mark?.hard !== hard) return null;
  const stat = readLiveStat(pid);
  if (stat === null) return null;
  const { startTicks, ppid, name, sessionId } = stat;
  return { pid, startTicks, ppid, name, mark, sessionId };
}
