/**
 * Finds a prlimit (util-linux) that sets the watermark. sh cannot: dash has no `ulimit -q`.
 */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { Fault, messageOf } from "../../kernel/fault.ts";
import { markOptions } from "../../runner/mark-options.ts";
import { parseMark } from "../proc/proc-text.ts";
import { type Mark, sameMark } from "../../kernel/watermark.ts";

export interface PrlimitFinding {
  /** Absolute path; null when there is none that works. */
  readonly path: string | null;
  readonly detail: string;
}

/** A busy machine must not cost the daemon a means for as long as it lives. Milliseconds. */
const PROBE_MS = 6_000;
const USUAL_FOLDERS = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"];

/** How often a trial that came to no end is made again. */
const TRIALS = 3;

/**
 * Tries the mark on a real process.
 *
 * A trial that came to no end (a machine too busy, no process to be had) says nothing of prlimit:
 * without a mark of their own, agents would bear that of the tmux server in which they start, and
 * no sweep would tell them from it.
 *
 * @param find  Where prlimit is; for tests.
 * @param probeMs  How long one trial may take. Milliseconds.
 * @throws {Fault} PROBE_FAILED when no trial came to an end (retryable).
 */
export async function findPrlimit(
  mark: Mark,
  find: () => string | null = () => firstExecutable("prlimit"),
  probeMs = PROBE_MS,
): Promise<PrlimitFinding> {
  const path = find();
  if (path === null) return { path, detail: "prlimit (util-linux) is not installed" };
  for (let trial = 1; ; trial += 1) {
    try {
      return await tryMark(path, mark, probeMs);
    } catch (error) {
      // Inside another world the hard limit is already lower, and nobody may raise it.
      if (hasExited(error)) {
        return { path: null, detail: `${path} failed: ${messageOf(error).split("\n").join(" ")}` };
      }
      if (trial === TRIALS) throw unknown(path, error);
    }
  }
}

async function tryMark(path: string, mark: Mark, timeout: number): Promise<PrlimitFinding> {
  const read = 'while IFS= read -r line; do echo "$line"; done < /proc/self/limits';
  const argv = [...markOptions(mark), "--", "/bin/sh", "-c", read];
  const { stdout } = await promisify(execFile)(path, argv, { timeout, killSignal: "SIGKILL" });
  if (sameMark(parseMark(stdout), mark)) return { path, detail: `${namesOf(mark)} by ${path}` };
  return { path: null, detail: `${path} did not set ${namesOf(mark)}` };
}

function namesOf({ seal = null }: Mark): string {
  return seal === null ? "RLIMIT_MSGQUEUE" : "RLIMIT_MSGQUEUE and RLIMIT_LOCKS";
}

/** It ran and said no, by a number; a signal or a failed fork is no word of its own. */
function hasExited(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "number";
}

function unknown(path: string, cause: unknown): Fault {
  return new Fault("PROBE_FAILED", `Whether ${path} can mark processes could not be tried.`, {
    hint: "Look at the load of the machine, then start Corral again; agents are not started without their mark.",
    cause,
  });
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
