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
import type { ProcessSeen } from "../../supervision/ports.ts";
import { listPids, readLiveStat, readMark, readText } from "./proc-table.ts";
import { parseLocksHard } from "./proc-text.ts";
import { inSlices } from "./slices.ts";
import { type Mark, isOfWorld, type WorldNumbers } from "../../kernel/watermark.ts";

export interface MarkedProcess extends Omit<ProcessSeen, "uid"> {
  readonly mark: Mark;
  readonly sessionId: number;
}

export interface Scan {
  readonly marked: readonly MarkedProcess[];
  /** Who bears a mark that was to be passed, by pid, maybe already a zombie. */
  readonly passed: ReadonlyMap<number, Mark>;
}

export interface MarkScanner {
  /**
   * All live processes that bear this world's numbers, of any uid.
   * @throws {Fault} PROBE_FAILED when any process could not be looked at.
   */
  scan(): Promise<readonly MarkedProcess[]>;
  /**
   * The same in a look of its own, which of those with certain marks tells pid and mark alone.
   * @throws {Fault} as above.
   */
  scanPast(isPassed: (mark: Mark) => boolean): Promise<Scan>;
}

/** Whether some process of this machine bears that hard limit now; false where it cannot be looked at. */
export function isHardBorne(hard: number): boolean {
  try {
    return listPids().some((pid) => readMark(pid)?.hard === hard);
  } catch {
    return false; // it only makes a coincidence rarer
  }
}

/** The greatest RLIMIT_LOCKS that we may set unprivileged; null where there is no bound, or it cannot be told. */
export function mostLocks(): number | null {
  try {
    return parseLocksHard(readText("/proc/self/limits") ?? "");
  } catch {
    return null;
  }
}

/** How often newcomers are looked for; a fork bomb must not keep a look from ending. */
const MAX_ROUNDS = 20;

export function markScanner(world: WorldNumbers): MarkScanner {
  let underWay: Promise<unknown> = Promise.resolve();
  let queued: Promise<readonly MarkedProcess[]> | null = null;

  return {
    scan() {
      queued ??= next(async () => {
        queued = null; // from here on a request must wait for the next look
        return (await lookThrough(world, () => false)).marked;
      });
      return queued;
    },
    scanPast: (isPassed) => next(() => lookThrough(world, isPassed)),
  };

  function next<T>(begin: () => Promise<T>): Promise<T> {
    const look = underWay.then(begin);
    underWay = look.catch(() => {});
    return look;
  }
}

/**
 * A chain of short-lived forks can outrun a long list: a link that was listed is gone when its
 * turn comes, and its child was not listed yet. So the listing is repeated, and the newcomers
 * (few, hence read at once) are looked at until a listing shows none.
 */
async function lookThrough(world: WorldNumbers, isPassed: (mark: Mark) => boolean): Promise<Scan> {
  const seen = new Set<number>();
  const marked: MarkedProcess[] = [];
  const passed = new Map<number, Mark>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const begunAt = performance.now();
    const newcomers = listPids().filter((pid) => !seen.has(pid));
    if (newcomers.length === 0) break;
    const visit = (pid: number): void => {
      seen.add(pid);
      const mark = readMark(pid);
      if (mark === null || !isOfWorld(mark, world)) return;
      if (isPassed(mark)) passed.set(pid, mark);
      else marked.push(...identified(pid, mark));
    };
    await inSlices(newcomers, visit, begunAt);
  }
  return { marked, passed };
}

/** Nobody when it has ended meanwhile. */
function identified(pid: number, mark: Mark): readonly MarkedProcess[] {
  const stat = readLiveStat(pid);
  if (stat === null) return [];
  const { startTicks, ppid, name, sessionId } = stat;
  return [{ pid, startTicks, ppid, name, mark, sessionId }];
}
