/**
 * Finds a prlimit (util-linux) that sets the watermark. sh cannot: dash has no `ulimit -q`.
 */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "../../kernel/fault.ts";
import type { Mark } from "../../supervision/ports.ts";
import { parseMark, sameMark } from "../proc/proc-text.ts";
import { markOption } from "./marks.ts";

export interface PrlimitFinding {
  /** Absolute path; null when there is none that works. */
  readonly path: string | null;
  readonly detail: string;
}

/** A busy machine must not cost the daemon a means for as long as it lives. Milliseconds. */
const PROBE_MS = 6_000;
const USUAL_FOLDERS = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"];

/** Tries the mark on a real process; never throws. */
export async function findPrlimit(mark: Mark): Promise<PrlimitFinding> {
  const path = firstExecutable("prlimit");
  if (path === null) return { path, detail: "prlimit (util-linux) is not installed" };
  try {
    const read = 'while IFS= read -r line; do echo "$line"; done < /proc/self/limits';
    const { stdout } = await promisify(execFile)(
      path,
      [markOption(mark), "--", "/bin/sh", "-c", read],
      { timeout: PROBE_MS },
    );
    if (sameMark(parseMark(stdout), mark)) return { path, detail: `RLIMIT_MSGQUEUE by ${path}` };
    return { path: null, detail: `${path} did not set RLIMIT_MSGQUEUE` };
  } catch (error) {
    // Inside another world the hard limit is already lower, and nobody may raise it.
    return { path: null, detail: `${path} failed: ${messageOf(error).split("\n").join(" ")}` };
  }
}

/** Absolute path of a program in PATH or a usual folder; null when there is none. */
export function firstExecutable(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...USUAL_FOLDERS];
  for (const folder of folders.filter((one) => one.startsWith("/"))) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
