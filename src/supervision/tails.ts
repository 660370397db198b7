/** The ends of running agents' streams, as they grow. */
import type { OutputFile } from "../output/ports.ts";

/** Holds no handle between calls. How far they have grown the looks at streams tell. */
export interface Tail {
  readonly stdout: Pick<OutputFile, "read">;
  readonly stderr: Pick<OutputFile, "read">;
}

/** The tail of an agent's streams, by its directory. */
export type TailOf = (directory: string) => Tail;
