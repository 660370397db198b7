/** Child processes and daemons of a world: starting, asking, ending, waiting. */
import type { ChildProcess } from "node:child_process";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { HealthAnswer } from "../../src/contract/api.ts";
import { mentions, processOf } from "./os-look.ts";

const DAEMON_START_MS = 20_000;
/** Above the daemon's own time for ending all agents. */
export const DAEMON_STOP_MS = 30_000;
const LAST_WORDS_MS = 1_000;
const LOOK_AGAIN_MS = 20;
/** Above the longest wait that one may ask for. */
const ANSWER_MS = 60_000;

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Looks until the answer is something, at most that long.
 * @returns the answer. @throws when the time is up, with `what` in the message.
 */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(LOOK_AGAIN_MS);
  }
}

/** Waits until a daemon that is our child answers. @throws with its stderr when it ended instead. */
export async function daemonAnswers(
  socket: string,
  child: ChildProcess,
  stderr: () => string,
): Promise<HealthAnswer> {
  return await waitFor(
    "the daemon",
    async () => {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`the daemon ended with ${child.exitCode ?? child.signalCode}: ${stderr()}`);
      }
      const answer = await ask(socket, "/api/health").catch(() => undefined);
      return answer?.status === 200 ? HealthAnswer.parse(answer.body) : undefined;
    },
    DAEMON_START_MS,
  );
}

/**
 * A daemon that a verb or a bridge started is no child of ours: it is asked to end all and leave.
 * One that does not is killed, if it is certainly this world's, and shows in what it leaves.
 */
export async function endDaemon(socket: string, folder: string): Promise<void> {
  const answer = await ask(socket, "/api/health").catch(() => undefined);
  if (answer === undefined) return;
  await ask(socket, "/api/leave", { mode: "end" }, DAEMON_STOP_MS).catch(() => undefined);
  const { pid } = HealthAnswer.parse(answer.body);
  const isGone = () => (processOf(pid) === undefined ? true : undefined);
  await waitFor("the daemon's end", isGone, DAEMON_STOP_MS).catch(() => {
    if (mentions(pid, folder)) process.kill(pid, "SIGKILL");
  });
}

/** Ends one child: the signal, then KILL after the time. */
export async function endChild(
  child: ChildProcess,
  withinMs: number,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<Pick<Ran, "code" | "signal">> {
  const timer = setTimeout(() => child.kill("SIGKILL"), withinMs);
  child.kill(signal);
  const end = await ended(child);
  clearTimeout(timer);
  return end;
}

/** How a child ended, as soon as it has. */
export function ended(child: ChildProcess): Promise<Pick<Ran, "code" | "signal">> {
  const { exitCode, signalCode } = child;
  if (exitCode !== null || signalCode !== null) {
    return Promise.resolve({ code: exitCode, signal: signalCode });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
}

/** Waits, at most a second, until all that the child wrote was read. */
export async function closed(child: ChildProcess): Promise<void> {
  const open = [child.stdout, child.stderr].filter((stream) => stream?.closed === false);
  const all = Promise.all(
    open.map((stream) => new Promise((resolve) => stream?.once("close", resolve))),
  );
  await Promise.race([all, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
}

/** Gathers what a child prints; call the result to read it. */
export function collect(child: ChildProcess): () => Pick<Ran, "stdout" | "stderr"> {
  const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout?.on("data", (part: Buffer) => parts.stdout.push(part));
  child.stderr?.on("data", (part: Buffer) => parts.stderr.push(part));
  return () => ({
    stdout: Buffer.concat(parts.stdout).toString("utf8"),
    stderr: Buffer.concat(parts.stderr).toString("utf8"),
  });
}

/** Asks the HTTP API over a unix socket: GET, or POST when there is a body. */
export function ask(
  socketPath: string,
  path: string,
  body?: unknown,
  timeoutMs = ANSWER_MS,
): Promise<ApiAnswer> {
  const method = body === undefined ? "GET" : "POST";
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, path, method, headers, signal, agent: false },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          resolve({
            status: response.statusCode ?? 0,
            body: text === "" ? null : JSON.parse(text),
          });
        });
      },
    );
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
