/**
 * Runs tmux commands: over one lasting connection while our server runs, else one invocation
 * each, with argv and never through a shell. What is certain about a server that does not answer
 * (that none runs) is always the word of an invocation.
 */
import { execFile } from "node:child_process";
import { Fault } from "../../kernel/fault.ts";
import { MIB } from "../../kernel/units.ts";
import { type ControlLink, controlLink } from "./control-link.ts";
import type { TmuxAnswer } from "./control-protocol.ts";

export interface TmuxClientOptions {
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tmux: string;
  /** Words before tmux: what marks the server, should this client have to start it. */
  readonly before: readonly string[];
  /** What every server of ours is told before its first session. */
  readonly setUp: readonly (readonly string[])[];
  /** Told what the server says unasked while the connection is up. Absent: nobody listens. */
  readonly onNotice?: (line: string) => void;
}

export interface TmuxClient {
  /**
   * Runs commands as one sequence, and starts a server first if one of them makes a session; the first that fails ends it. Commands of tmux that failed
   * are an answer (`ok: false`). May be called at the same time as itself.
   * @throws {Fault} HOST_UNREACHABLE when tmux could not be run, said nothing for 5 s, or went
   *         away in the middle of a sequence that makes a session: whether it did is unknown.
   */
  run(...commands: readonly (readonly string[])[]): Promise<TmuxAnswer>;
  /**
   * Runs commands by an invocation of their own, whatever connection there is: for what prints words of
   * an agent's, which over the connection could look like the protocol. Starts no server.
   * @throws {Fault} HOST_UNREACHABLE when tmux could not be run, or said nothing for 5 s.
   */
  apart(...commands: readonly (readonly string[])[]): Promise<TmuxAnswer>;
  /** "tmux 3.3a". @throws {Fault} HOST_UNREACHABLE. */
  version(): Promise<string>;
  /** True for the two answers that say no server listens; any other failure is uncertain. */
  isAbsent(answer: TmuxAnswer): boolean;
  /**
   * Ends the connection and waits until its process is gone; the next session made opens one
   * again. May be called twice.
   */
  disconnect(): Promise<void>;
  unreachable(reason: string): Fault;
}

const TIMEOUT_MS = 5_000;
/** The largest screen with a colour in each cell is less. */
const ANSWER_MAX_BYTES = 8 * MIB;
const NO_ANSWER = `no answer in ${TIMEOUT_MS} ms`;
/** Waiting this long for a connection that is being made is cheaper than an invocation. Milliseconds. */
const PATIENCE_MS = 500;
/** Before a connection that could not be made is tried again; doubles each time. Milliseconds. */
const RETRY_MS = { first: 1_000, last: 300_000 } as const;
const ABSENT = [/^no server running on /, /^error connecting to .* \(No such file or directory\)$/];

export function tmuxClient(given: TmuxClientOptions): TmuxClient {
  const { socket, env, tmux, before, setUp, onNotice } = given;
  const [prefix, ...rest] = before;
  const program = prefix ?? tmux;
  const words = prefix === undefined ? [] : [...rest, tmux];
  let link: ControlLink | null = null;
  /** Settles when the connection is up or could not be made; null while none is being made. */
  let opening: Promise<void> | null = null;
  let isWanted = true;
  let retry = { afterMs: RETRY_MS.first as number, at: 0 };

  return {
    run,
    apart: (...commands) =>
      exec(["-N", "-S", socket, "-f", "/dev/null", ...commands.flatMap(joinCommand)]),
    version: async () => {
      const { ok, stdout, stderr } = await exec(["-V"]);
      if (!ok) throw unreachable(stderr);
      return stdout.trim();
    },
    isAbsent: ({ stderr }) => ABSENT.some((pattern) => pattern.test(stderr.trim())),
    disconnect,
    unreachable,
  };

  async function run(...commands: readonly (readonly string[])[]): Promise<TmuxAnswer> {
    if (makesSession(commands)) isWanted = true;
    if (opening !== null) await patiently(opening);
    if (link?.isUp() !== true) return invoke(commands);
    const answer = await link.send(commands);
    if (typeof answer !== "string") return answer;
    if (answer === "silent") throw unreachable(NO_ANSWER);
    // Whoever asks again after a loss must not make a thing twice.
    if (makesSession(commands)) throw unreachable("it went away before it answered");
    return invoke(commands);
  }

  async function disconnect(): Promise<void> {
    isWanted = false;
    await link?.end();
    await opening;
    await link?.end();
    retry = { afterMs: RETRY_MS.first, at: 0 };
  }

  async function invoke(commands: readonly (readonly string[])[]): Promise<TmuxAnswer> {
    const all = makesSession(commands) ? [["start-server"], ...setUp, ...commands] : commands;
    const answering = exec(["-S", socket, "-f", "/dev/null", ...all.flatMap(joinCommand)]);
    // Whoever else comes while the server starts waits for the connection rather than invoke, too.
    if (makesSession(commands)) openAfter(answering);
    const answer = await answering;
    if (answer.ok) openAfter(answering);
    return answer;
  }

  function openAfter(answering: Promise<TmuxAnswer>): void {
    if (opening !== null || link?.isUp() === true || performance.now() < retry.at) return;
    opening = answering
      .then(async ({ ok }) => (ok && isWanted ? open() : undefined))
      .catch(() => {}) // told to whoever invoked
      .finally(() => (opening = null));
  }

  async function open(): Promise<void> {
    const listening = onNotice === undefined ? {} : { onNotice };
    link = controlLink({ tmux, before, socket, env, setUp, silentMs: TIMEOUT_MS, ...listening });
    const isReady = await link.isReady;
    retry = isReady
      ? { afterMs: RETRY_MS.first, at: 0 }
      : {
          afterMs: Math.min(retry.afterMs * 2, RETRY_MS.last),
          at: performance.now() + retry.afterMs,
        };
  }

  async function exec(args: readonly string[]): Promise<TmuxAnswer> {
    const options = { env: { ...env }, maxBuffer: ANSWER_MAX_BYTES };
    return new Promise((resolve, reject) => {
      const child = execFile(program, [...words, ...args], options, (...ended) => {
        clearTimeout(timer);
        const [error, stdout, stderr] = ended;
        if (error === null) resolve({ ok: true, stdout, stderr });
        else if (typeof error.code === "number") resolve({ ok: false, stdout, stderr });
        else reject(unreachable(error.message));
      });
      // Not execFile's own limit: when we were busy for as long, it drops what the pipe still
      // holds and calls the rest a success. Here an answer that is there is read first.
      const timer = setTimeout(() => setImmediate(giveUp), TIMEOUT_MS);
      const giveUp = (): void => {
        if (child.exitCode !== null) return; // it answered; its last words are being read
        child.kill("SIGKILL");
        reject(unreachable(NO_ANSWER));
      };
    });
  }

  function unreachable(reason: string): Fault {
    return new Fault("HOST_UNREACHABLE", `tmux on "${socket}" did not serve: ${reason.trim()}.`, {
      hint: 'Run "corral doctor"; agents run on meanwhile, and the call may be repeated.',
      details: { socket },
    });
  }
}

function makesSession(commands: readonly (readonly string[])[]): boolean {
  return commands.some(([name]) => name === "new-session");
}

async function patiently(work: Promise<unknown>): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PATIENCE_MS);
  await Promise.race([work, enough]);
  clearTimeout(timer);
}

/** tmux takes an argument that ends in `;` for the end of a command, unless it is escaped. */
function joinCommand(command: readonly string[], index: number): readonly string[] {
  const words = command.map((word) => (word.endsWith(";") ? `${word.slice(0, -1)}\\;` : word));
  return index === 0 ? words : [";", ...words];
}
