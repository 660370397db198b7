/** Time and chance, which every room takes as a port. */
import type { RandomHex } from "./ids.ts";
import type { EpochMs } from "./units.ts";

export interface Clock {
  /** Current time. Not monotonic: a clock jump may move it either way. */
  now(): EpochMs;
}

export interface Chance {
  /** Lower-case hexadecimal of that many unpredictable bytes. */
  readonly hex: RandomHex;
}

/** Structured log; one JSON object a line. Never throws, never blocks on a reader. */
export interface Log {
  info(event: string, facts?: Readonly<Record<string, unknown>>): void;
  warn(event: string, facts?: Readonly<Record<string, unknown>>): void;
  error(event: string, facts?: Readonly<Record<string, unknown>>): void;
}
