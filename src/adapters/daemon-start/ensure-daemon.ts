/**
 * Starting the daemon on demand.
 *
 * Any number of callers may do this at once: each may start a process, the kernel's lock lets
 * one of them be the daemon, the others leave, and every caller ends up with the one that
 * answers. Readiness is an answered health request, never a guess at how long a start takes.
 */
import { spawn } from "node:child_process";
import { mkdirSync, openSync, closeSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HealthAnswer } from "../../contract/api.ts";
import {
  asFault,
  errnoOf,
  Fault,
  faultFromWire,
  type FaultWire,
  messageOf,
} from "../../kernel/fault.ts";
import { SECOND_MS } from "../../kernel/units.ts";

export interface DaemonStart {
  /** File that takes the daemon's stdout and stderr, appended. Its directory is made 0700. */
  readonly log: string;
  /** Argv of the daemon; argv[0] is an absolute path. */
  readonly argv: readonly string[];
  /** Changes the argv at the last moment, when a daemon has to be started at all. Absent: as it is. */
  readonly within?: (argv: readonly string[]) => Promise<readonly string[]>;
  /** The daemon's whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks the daemon that listens now; throws DAEMON_UNREACHABLE when none does. */
  readonly health: () => Promise<HealthAnswer>;
  /** How long a start may take. Milliseconds; 10 000 when absent. */
  readonly deadlineMs?: number;
}

/** A daemon that answers, and whether this call started a process for it. */
export interface DaemonFound {
  readonly health: HealthAnswer;
  readonly started: boolean;
}

const DEADLINE_MS = 10 * SECOND_MS;
const FIRST_POLL_MS = 5;
const LAST_POLL_MS = 50;
/** What `corral daemon` exits with when another daemon owns the state directory. */
const EXIT_LOCKED = 4;
/** A daemon that died may have lost to one that is about to listen. */
const AFTER_DEATH_MS = 300;
const LAST_WORDS_LINES = 6;
const LAST_WORDS_BYTES = 4_096;

/**
 * Health of the running daemon, started in the background when there was none.
 *
 * Idempotent, also at the same time. The process is its own session with `/` as its folder, so
 * that it outlives the caller and holds no folder busy.
 *
 * @throws {Fault} What the daemon itself said when it did not come up, else DAEMON_UNREACHABLE
 *                 with the end of its log; STATE_UNUSABLE when there can be no log; whatever
 *                 else `health` throws (a socket that may not be opened is not "none").
 */
export async function ensureDaemon(start: DaemonStart): Promise<DaemonFound> {
  const running = await healthOrNull(start.health);
  if (running !== null) return { health: running, started: false };
  const argv = (await start.within?.(start.argv)) ?? start.argv;
  const { child, logFrom } = launchLogged({ ...start, argv });
  const health = await untilHealthy(start, child);
  if (health !== null) return { health, started: health.pid === child.pid };
  throw didNotComeUp(start, child, logFrom);
}

interface Child {
  readonly pid: number | undefined;
  /** How it ended, for people; null while it runs. */
  ended: { readonly how: string; readonly code: number | null; readonly at: number } | null;
}

function launchLogged(start: DaemonStart): { readonly child: Child; readonly logFrom: number } {
  try {
    mkdirSync(dirname(start.log), { recursive: true, mode: 0o700 });
    return { logFrom: sizeOf(start.log), child: launch(start) };
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== "INTERNAL") throw fault;
    throw new Fault("STATE_UNUSABLE", `The state directory cannot be used: ${messageOf(error)}.`, {
      hint: "Make it a writable directory of your own, or set CORRAL_STATE_DIR to another one.",
      cause: error,
    });
  }
}

function launch({ argv: [program = "", ...rest], env, log }: DaemonStart): Child {
  const output = openSync(log, "a", 0o600);
  try {
    const started = spawn(program, rest, {
      cwd: "/",
      detached: true,
      env,
      stdio: ["ignore", output, output],
    });
    const child: Child = { pid: started.pid, ended: null };
    started.once("error", (error) => {
      child.ended = { how: error.message, code: null, at: performance.now() };
    });
    started.once("exit", (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      child.ended = { how, code, at: performance.now() };
    });
    started.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

async function untilHealthy(
  { health, deadlineMs = DEADLINE_MS }: DaemonStart,
  child: Child,
): Promise<HealthAnswer | null> {
  const deadline = performance.now() + deadlineMs;
  for (let pollMs = FIRST_POLL_MS; performance.now() < deadline;) {
    const answer = await healthOrNull(health);
    if (answer !== null) return answer;
    if (hasFailed(child)) return null;
    await sleep(pollMs);
    pollMs = Math.min(pollMs * 2, LAST_POLL_MS);
  }
  return await healthOrNull(health);
}

/** True when our process ended for a reason other than another daemon being there. */
function hasFailed({ ended }: Child): boolean {
  if (ended === null || ended.code === EXIT_LOCKED) return false;
  return performance.now() - ended.at > AFTER_DEATH_MS;
}

async function healthOrNull(health: DaemonStart["health"]): Promise<HealthAnswer | null> {
  try {
    return await health();
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === "DAEMON_UNREACHABLE") return null;
    throw thrown;
  }
}

function didNotComeUp({ log }: DaemonStart, { ended }: Child, logFrom: number): Fault {
  const words = lastWords(log, logFrom);
  const own = faultIn(words.at(-1) ?? "");
  if (own !== null) return own;
  const how = ended === null ? "it does not answer" : `it ended with ${ended.how}`;
  const printed = words.join(" | ");
  const said = printed === "" ? "It printed nothing" : `It printed: ${printed}`;
  return new Fault("DAEMON_UNREACHABLE", `The daemon was started, but ${how}.`, {
    hint: `${said}. Run "corral doctor", or "corral daemon" to watch it start.`,
    details: { daemon_log: printed },
  });
}

/** The daemon's own reason, when its last line is one. */
function faultIn(line: string): Fault | null {
  try {
    const said = JSON.parse(line) as FaultWire & { readonly event?: unknown };
    return said.event === "daemon.failed" ? faultFromWire(said) : null;
  } catch {
    return null; // words for people
  }
}

/** The last lines that were added to the log since. */
function lastWords(log: string, from: number): readonly string[] {
  try {
    const added = readFileSync(log).subarray(from);
    return added
      .subarray(-LAST_WORDS_BYTES)
      .toString("utf8")
      .trim()
      .split("\n")
      .slice(-LAST_WORDS_LINES);
  } catch (thrown) {
    return [`(its log cannot be read: ${errnoOf(thrown) ?? "unknown error"})`];
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
