/** The ends of running agents' streams, as they grow. */
import type { OutputFile } from "../output/ports.ts";
import type { EpochMs } from "../kernel/units.ts";

export interface TailSizes {
  /** Bytes written so far; 0 while there is no file. */
  readonly stdout: number;
  readonly stderr: number;
  /** When the younger of the two was last written to; 0 while there is none. */
  readonly at: EpochMs;
}

/** Holds no handle between calls. */
export interface Tail {
  /**
   * A look at each file, whatever is in it. Never throws: what cannot be looked at has not grown.
   * @param withStderr  False leaves it out: its size is then told as 0.
   */
  sizes(withStderr: boolean): TailSizes;
  readonly stdout: Pick<OutputFile, "read">;
  readonly stderr: Pick<OutputFile, "read">;
}

/** The tail of an agent's streams, by its directory. */
export type TailOf = (directory: string) => Tail;
