/** Tails of running agents' streams on disk. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { RUNNER_FILES } from "../../runner/records.ts";
import type { Tail } from "../../supervision/tails.ts";
import { streamView } from "./stream-view.ts";

/** Looks at two files by two calls and no handle: hundreds of quiet agents are looked at every two seconds. */
export function streamTail(directory: string): Tail {
  const paths = [
    join(directory, RUNNER_FILES.stdout),
    join(directory, RUNNER_FILES.stderr),
  ] as const;
  const fileOf = (stream: string) => streamView({ directory, stream, archive: null });
  return {
    sizes(withStderr) {
      const out = look(paths[0]);
      const err = withStderr ? look(paths[1]) : NOTHING;
      return { stdout: out.size, stderr: err.size, at: Math.max(out.at, err.at) };
    },
    stdout: fileOf(RUNNER_FILES.stdout),
    stderr: fileOf(RUNNER_FILES.stderr),
  };
}

const NOTHING = { size: 0, at: 0 };

function look(path: string): { readonly size: number; readonly at: number } {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return { size: stats?.size ?? 0, at: stats?.mtimeMs ?? 0 };
  } catch {
    return NOTHING;
  }
}
