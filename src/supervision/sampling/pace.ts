/**
 * How long to wait for the next look. Pure.
 *
 *   watched   every 2 s
 *   at rest   after 15 s, 30 s, then every minute, until an agent starts or ends
 *
 * And never so often that looking takes more than its share of a core: what a look has cost says
 * how long the next one must wait. So the cost is bounded for any number of processes.
 */
import { MINUTE_MS, SECOND_MS } from "../../kernel/units.ts";

const WATCHED_MS = 2 * SECOND_MS;
const REST_FIRST_MS = 15 * SECOND_MS;
const REST_LAST_MS = MINUTE_MS;
/** Of one core. */
const WATCHED_SHARE = 0.02;
const REST_SHARE = 0.003;
/** However dear: a look comes within that. */
const LATEST_MS = 10 * MINUTE_MS;

export interface Round {
  /** Whether somebody looks on. */
  readonly isWatched: boolean;
  /** Processor time that the last look took. Milliseconds, >= 0. */
  readonly spentMs: number;
  /** Looks since an agent has started or ended, or since somebody looked on. */
  readonly quietRounds: number;
}

/** From the end of a look to the beginning of the next. Milliseconds, 2 000 to 600 000. */
export function pauseAfter(round: Round): number {
  const { isWatched, quietRounds, spentMs } = round;
  const wanted = isWatched
    ? WATCHED_MS
    : Math.min(REST_LAST_MS, REST_FIRST_MS * 2 ** Math.min(quietRounds, 8));
  return Math.min(LATEST_MS, Math.max(wanted, leastPause(isWatched, spentMs)));
}

/** What has to lie between two looks whoever asks. Milliseconds. */
export function leastPause(isWatched: boolean, spentMs: number): number {
  return spentMs / (isWatched ? WATCHED_SHARE : REST_SHARE);
}
