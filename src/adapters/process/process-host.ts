/**
 * Runners as plain detached processes: sessions of their own, without a terminal. For machines
 * without tmux. A session's name is the runner's last argument, so a daemon that was started
 * later finds it again, and proves it absent, by looking through all processes.
 */
import { execFile, spawn } from "node:child_process";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { errnoOf, Fault, messageOf } from "../../kernel/fault.ts";
import type { Host, ProcessIdentity, RunnerStart, SessionSeen } from "../../supervision/ports.ts";
import { endHints } from "./end-hints.ts";
import { markOptions } from "../../runner/mark-options.ts";
import { listPids, readArgv, readLiveStat, readMark } from "../proc/proc-table.ts";
import { type Mark, sameMark } from "../../kernel/watermark.ts";

export interface ProcessHostOptions {
  /** Absolute path of runner.sh. */
  readonly runnerScript: string;
  /** What the runners bear; null where there is no watermark. */
  readonly mark: Mark | null;
  /** Absolute path of prlimit; null where there is none. */
  readonly prlimit: string | null;
  /** The whole environment of every runner. */
  readonly env: Readonly<Record<string, string>>;
  /** From the containment. */
  readonly identify: (pid: number) => ProcessIdentity | null;
  /** Why tmux is not used, for people. */
  readonly reason: string;
}

/** A runner whose agent is gone leaves by itself, after at most its own grace of 2 s. Milliseconds. */
const LEAVE_MS = 3_000;
const POLL_MS = 5;

/** Opens the host; starts nothing. {@link Host} tells what its methods promise. */
export function processHost(options: ProcessHostOptions): Host {
  const { identify, reason } = options;
  const hints = endHints();
  return {
    kind: "process",
    detail: `detached processes: ${reason}`,
    start: async (runner) => start(runner, options, hints.tell),
    release: async (session) => release(session, options),
    list: async () => listRunners(options),
    serverPid: async () => null,
    close: async () => {
      const left = await listRunners(options);
      return left.length === 0 ? "no runner is left" : `${left.length} runners are left`;
    },
    look: async () => null,
    onEnded: hints.listen,
  };

  async function release(session: string, from: ProcessHostOptions): Promise<string> {
    const seen = (await listRunners(from)).find(({ name }) => name === session);
    const runner = seen === undefined ? null : identify(seen.panePid);
    if (runner === null) return "no runner of that session among all processes";
    const lives = () => identify(runner.pid)?.startTicks === runner.startTicks;
    if (await goneWithin(LEAVE_MS, lives)) return "the runner left by itself";
    for (const pid of [...clocksOf(runner.pid, from), runner.pid]) end(pid);
    if (await goneWithin(LEAVE_MS, lives)) return "the runner was killed and is gone";
    throw unreachable(`runner ${runner.pid} of ${session} does not end`);
  }
}

async function start(
  { agentId, directory, session }: RunnerStart,
  { env, identify, mark, prlimit, runnerScript }: ProcessHostOptions,
  tellEnd: (agentId: string) => void,
): Promise<ProcessIdentity | null> {
  const argv = ["/bin/sh", runnerScript, directory, session];
  const marked = mark !== null && prlimit !== null ? [prlimit, ...markOptions(mark), "--"] : [];
  const [program = "/bin/sh", ...args] = [...marked, ...argv];
  const child = spawn(program, args, {
    cwd: "/",
    detached: true,
    env: { ...env },
    stdio: "ignore",
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(unreachable(error.message)));
  });
  child.once("exit", () => tellEnd(agentId));
  child.unref();
  return child.pid === undefined ? null : identify(child.pid);
}

async function listRunners(options: ProcessHostOptions): Promise<readonly SessionSeen[]> {
  return process.platform === "darwin" ? listByPs(options) : listByProc(options);
}

/**
 * A runner leads its session; its wall clock shares its argv and does not. Between fork and the
 * shell's exec the argv is still that of prlimit, which ends with the same words.
 */
function listByProc({ mark, runnerScript }: ProcessHostOptions): readonly SessionSeen[] {
  return listPids().flatMap((pid) => {
    const argv = readArgvOf(pid);
    const name = sessionIn(argv, runnerScript);
    if (name === null || readLiveStat(pid)?.sessionId !== pid) return [];
    const isOurs = mark === null || argv.length > 4 || sameMark(readMark(pid), mark);
    return isOurs ? [{ name, panePid: pid }] : [];
  });
}

function readArgvOf(pid: number): readonly string[] {
  return readArgv(pid) ?? [];
}

function sessionIn(argv: readonly string[], runnerScript: string): string | null {
  const at = argv.indexOf(runnerScript);
  return at > 0 && argv.length === at + 3 ? (argv[at + 2] ?? null) : null;
}

async function listByPs({ runnerScript }: ProcessHostOptions): Promise<readonly SessionSeen[]> {
  const { stdout } = await promisify(execFile)("/bin/ps", ["-axww", "-o", "pid=,pgid=,command="], {
    env: { LC_ALL: "C" },
  }).catch((error: unknown) => {
    throw unreachable(messageOf(error));
  });
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*?)\s+(\S+)$/.exec(line);
    const [, pid, pgid, command = "", name = ""] = match ?? [];
    if (pid === undefined || pid !== pgid) return [];
    return command.includes(`${runnerScript} /`)
      ? [{ name: basename(name), panePid: Number(pid) }]
      : [];
  });
}

/** The wall clock of a runner: in its session, bearing its mark, which no agent bears. */
function clocksOf(runnerPid: number, { mark }: ProcessHostOptions): readonly number[] {
  if (mark === null) return [];
  return listPids().filter(
    (pid) =>
      pid !== runnerPid &&
      readLiveStat(pid)?.sessionId === runnerPid &&
      sameMark(readMark(pid), mark),
  );
}

async function goneWithin(ms: number, lives: () => boolean): Promise<boolean> {
  const until = performance.now() + ms;
  while (lives()) {
    if (performance.now() > until) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw unreachable(messageOf(error));
  }
}

function unreachable(reason: string): Fault {
  return new Fault("HOST_UNREACHABLE", `The process host did not serve: ${reason}.`, {
    hint: 'Run "corral doctor"; agents run on meanwhile, and the call may be repeated.',
  });
}
