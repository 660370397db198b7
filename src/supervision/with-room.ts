/**
 * Writing down what must be written down, on a full disk.
 *
 * First with the room that the store has of its own and that nobody can take: its log, written
 * from the start again, and its free pages. Then with the ballast, a piece a try and each at once:
 * what fills the disk takes that room, too.
 */
import { asFault } from "../kernel/fault.ts";
import type { Ballast } from "./disk-ports.ts";
import type { Store } from "./store.ts";

export interface Room {
  readonly ballast: Pick<Ballast, "spend">;
  /** Absent while the store is not open. */
  readonly store?: Pick<Store, "reuseLog">;
}

/**
 * Does some work, and again after making room when the disk was full.
 *
 * @param work  One transaction, or safe to do again after a failure. Told how often it has failed.
 * @throws what the work threw, when that was no full disk or there is no more room to be had.
 */
export function withRoom<T>({ ballast, store }: Room, work: (failures: number) => T): T {
  for (let failures = 0; ; failures += 1) {
    try {
      return work(failures);
    } catch (error) {
      if (asFault(error).code !== "DISK_FULL") throw error;
      store?.reuseLog();
      const isFirst = failures === 0 && store !== undefined;
      if (!isFirst && !ballast.spend()) throw error;
    }
  }
}

/** What is written when an agent, or the daemon, ends. */
const ENDS = [
  "settle",
  "revokeToken",
  "beginRelease",
  "recordReleases",
  "failRelease",
  "addEvent",
  "atomically",
] as const satisfies readonly (keyof Store)[];

/** The store for whoever brings things to an end: those writes are done with room, see {@link withRoom}. */
export function storeOfEnds(store: Store, ballast: Room["ballast"]): Store {
  let depth = 0;
  const roomy = <A extends unknown[], R>(write: (...args: A) => R) => {
    return (...args: A): R => {
      // A part of a transaction cannot be done again alone: the whole of it is.
      if (depth > 0) return write(...args);
      return withRoom({ ballast, store }, () => {
        depth += 1;
        try {
          return write(...args);
        } finally {
          depth -= 1;
        }
      });
    };
  };
  const ends = ENDS.map((name) => [name, roomy(store[name] as (...args: unknown[]) => unknown)]);
  return { ...store, ...(Object.fromEntries(ends) as Pick<Store, (typeof ENDS)[number]>) };
}
