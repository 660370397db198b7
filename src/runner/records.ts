/**
 * The records that a runner leaves in an agent's directory, parsed. Pure.
 *
 * A record that is not whole (a reader may come between its making and its writing) is answered
 * with null, like one that is not there yet: look again.
 */
import type { ExitFacts } from "../harness/harness.ts";
import type { ProcessIdentity } from "../supervision/ports.ts";

/** Names of the files in an agent's directory that the runner reads and writes. */
export const RUNNER_FILES = {
  launch: "launch.sh",
  runner: "runner.json",
  started: "started.json",
  exit: "exit.json",
  /** Room for the exit record, taken at the start; it becomes `exit` or is left by a runner that was killed. */
  exitRoom: "exit.json.tmp",
  /** Room for the word of the wall clock, likewise. */
  clockRoom: ".clock",
  stdout: "stream.jsonl",
  stderr: "stderr.log",
  log: "runner.log",
} as const;

export interface ExitRecord extends ExitFacts {
  /** What the shell saw: the code, or 128 + the signal's number. */
  readonly status: number;
  /** True when the runner ended the agent because its wall clock ran out. */
  readonly timedOut: boolean;
  /** True when the runner ended the agent because no daemon had come back in time. */
  readonly daemonGone: boolean;
  /** Milliseconds since the epoch, to the second; the file's mtime is finer. */
  readonly endedAt: number;
}

/**
 * started.json (the agent) or runner.json (its runner).
 * @returns `startTicks` 0 where the platform tells none to a shell (macOS): ask the containment.
 */
export function parseStarted(text: string): ProcessIdentity | null {
  const record = parseRecord(text);
  if (typeof record?.["pid"] !== "number") return null;
  const ticks = record["start_ticks"];
  return { pid: record["pid"], startTicks: typeof ticks === "number" ? ticks : 0 };
}

/** exit.json; null when it is not whole. */
export function parseExit(text: string): ExitRecord | null {
  const record = parseRecord(text);
  const { code, signal, status, timed_out, daemon_gone, ended_at } = record ?? {};
  if (typeof status !== "number" || typeof ended_at !== "number") return null;
  return {
    code: typeof code === "number" ? code : null,
    signal: typeof signal === "string" ? signal : null,
    status,
    timedOut: timed_out === true,
    daemonGone: daemon_gone === true, // records of earlier runners do not tell
    endedAt: ended_at * 1_000,
  };
}

function parseRecord(text: string): Record<string, unknown> | null {
  if (!text.endsWith("}\n")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}
