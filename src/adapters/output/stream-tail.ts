/** Tails of running agents' streams on disk. */
import { RUNNER_FILES } from "../../runner/records.ts";
import type { Tail } from "../../supervision/tails.ts";
import { streamView } from "./stream-view.ts";

/** Opens nothing: a quiet agent's tail is never read. */
export function streamTail(directory: string): Tail {
  const fileOf = (stream: string) => streamView({ directory, stream, archive: null });
  return { stdout: fileOf(RUNNER_FILES.stdout), stderr: fileOf(RUNNER_FILES.stderr) };
}
