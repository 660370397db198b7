/** How fast something grows, from looks at its size. Pure. */
import type { EpochMs } from "../kernel/units.ts";

/** One look at a size. */
export interface Look {
  readonly at: EpochMs;
  readonly bytes: number;
}

/** Looks that are older than this say nothing about now. */
const WINDOW_MS = 30_000;
/** Looks that are kept at most; at a look a second the window is shorter. */
const LOOKS_MOST = 12;

/** The looks with one more, without those that are too old; the one before the window stays, as its edge. */
export function withLook(looks: readonly Look[], look: Look): readonly Look[] {
  const firstInside = looks.findIndex(({ at }) => look.at - at <= WINDOW_MS);
  const kept = firstInside === -1 ? looks.slice(-1) : looks.slice(Math.max(0, firstInside - 1));
  return [...kept, look].slice(-LOOKS_MOST);
}

/**
 * Bytes per second between the first and the last look; 0 when it shrank, stood still, was
 * looked at once, or the clock went back.
 */
export function growthOf(looks: readonly Look[]): number {
  const [first, last] = [looks[0], looks.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return 0;
  return Math.max(0, ((last.bytes - first.bytes) * 1_000) / (last.at - first.at));
}
