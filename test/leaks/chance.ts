/** Random numbers that a printed seed brings back. */
import { randomInt } from "node:crypto";

export interface Chance {
  readonly seed: number;
  /** A whole number from 0 to below `most`. */
  below(most: number): number;
  /** One of these. @throws {RangeError} when there is none. */
  oneOf<T>(all: readonly T[]): T;
}

/** CORRAL_LEAKS_SEED, or a new seed (mulberry32). */
export function makeChance(): Chance {
  const seed = Number(process.env["CORRAL_LEAKS_SEED"] ?? randomInt(2 ** 31));
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (most: number): number => Math.floor(next() * most);
  return {
    seed,
    below,
    oneOf(all) {
      const one = all[below(all.length)];
      if (one === undefined) throw new RangeError("nothing to choose from");
      return one;
    },
  };
}
