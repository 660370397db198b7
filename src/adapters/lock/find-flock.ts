/**
 * Finds a flock(1) (util-linux) that takes a lock on an open file which it was handed, and that
 * waits for one no longer than it is told to. busybox has one that does not; macOS has none.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../../kernel/fault.ts";
import { firstExecutable } from "../containment/find-prlimit.ts";

export interface FlockFinding {
  /** Absolute path; null when there is none that works. */
  readonly path: string | null;
  /** One line for people. */
  readonly detail: string;
}

/** A busy machine must not cost the daemon a means for as long as it lives. Milliseconds. */
const PROBE_MS = 6_000;
/** Locks this very shell's own file by its number, and asks for the option that waits. */
const PROBE = 'exec 9<"$0" && "$1" -n -s 9 && exec "$1" -s -w 1 "$0" true';

/** Tries it on a real file, for reading; never throws. */
export async function findFlock(): Promise<FlockFinding> {
  const path = firstExecutable("flock");
  if (path === null) return { path, detail: "flock (util-linux) is not installed" };
  try {
    await promisify(execFile)("/bin/sh", ["-c", PROBE, "/bin/sh", path], { timeout: PROBE_MS });
    return { path, detail: path };
  } catch (error) {
    const reason = messageOf(error).trim().split("\n").at(-1) ?? "";
    return { path: null, detail: `${path} does not serve: ${reason}` };
  }
}
