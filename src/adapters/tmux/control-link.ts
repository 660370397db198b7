/**
 * One lasting connection to a tmux server: `tmux -C` as our child, over pipes.
 *
 * A spawn costs the caller milliseconds that grow with its memory; a line in a pipe does not.
 * The child attaches to the keeper, a session of its own whose pane is empty, so it holds no
 * process, no terminal and nothing of an agent's. It ends with its input, so it never outlives us.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import {
  answerOf,
  blockReader,
  type ControlBlock,
  isLastBlock,
  requestText,
  type TmuxAnswer,
} from "./control-protocol.ts";

/** Never an agent's: those begin with `agent_`. */
export const KEEPER_SESSION = "corral-control";

/** Why there is no answer: the connection ended, or the server said nothing for too long. */
export type NoAnswer = "gone" | "silent";

export interface ControlLink {
  /** True once the server answers; false when it ended before. Never rejects. */
  readonly isReady: Promise<boolean>;
  /** From the moment that the server answers to the one that the connection ends. */
  isUp(): boolean;
  /**
   * Sends commands; the first that fails ends them. Answers come in the order of the requests.
   * Without an answer the commands may or may not have been performed.
   */
  send(commands: readonly (readonly string[])[]): Promise<TmuxAnswer | NoAnswer>;
  /** Ends the connection and waits until its process is gone. May be called twice. */
  end(): Promise<void>;
}

export interface ControlLinkOptions {
  readonly tmux: string;
  /** Words before tmux that mark the child as ours: should we die while it is being started, a sweep finds it. */
  readonly before: readonly string[];
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
  /** Sent first, so that a server which runs already is as we want it. */
  readonly setUp: readonly (readonly string[])[];
  /** How long a server with something to do may say nothing. Milliseconds. */
  readonly silentMs: number;
  /** Told what the server says unasked, a line at a time. Absent: nobody listens. */
  readonly onNotice?: (line: string) => void;
}

interface Request {
  readonly serial: number;
  readonly asked: number;
  readonly blocks: ControlBlock[];
  readonly resolve: (answer: TmuxAnswer | NoAnswer) => void;
}

/** A client told to leave does so at once. Milliseconds. */
const LEAVE_MS = 1_000;

/** Connects to a server that runs; never starts one. */
export function controlLink(options: ControlLinkOptions): ControlLink {
  const { tmux, before, socket, env, setUp, silentMs } = options;
  const arguments_ = ["-N", "-S", socket, "-f", "/dev/null", "-C", ...ATTACH_TO_KEEPER];
  const [program = tmux, ...words] = [...before, tmux, ...arguments_];
  const child = spawn(program, words, {
    env: { ...env },
    cwd: "/",
    stdio: ["pipe", "pipe", "ignore"],
  });
  const exited = once(child, "exit").catch(() => {}); // "error" instead: it never ran
  const requests: Request[] = [];
  const readBlocks = blockReader(options.onNotice);
  let serial = 0;
  let isUp = false;
  // Out of file descriptors, a child has not even pipes.
  let hasFallen = child.pid === undefined;
  let silence: NodeJS.Timeout | null = null;

  child.on("error", () => fall("gone"));
  child.on("exit", () => fall("gone"));
  if (!hasFallen) listen();
  return { isReady: connect(), isUp: () => isUp, send, end };

  /** Only a request that waits keeps us alive (through its timer), never the connection. */
  function listen(): void {
    child.unref();
    for (const pipe of [child.stdin, child.stdout] as unknown as readonly Socket[]) {
      pipe.unref();
      pipe.on("error", () => fall("gone"));
      pipe.on("close", () => fall("gone"));
    }
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      for (const block of readBlocks(piece)) if (block.isOurs) take(block);
    });
  }

  async function connect(): Promise<boolean> {
    const answering = send(setUp);
    silence?.unref(); // nobody waits for this one
    const answer = await answering;
    if (typeof answer === "string" || !answer.ok) fall("gone");
    isUp = !hasFallen;
    return isUp;
  }

  async function send(commands: readonly (readonly string[])[]): Promise<TmuxAnswer | NoAnswer> {
    if (hasFallen) return "gone";
    const { promise, resolve } = Promise.withResolvers<TmuxAnswer | NoAnswer>();
    serial += 1;
    requests.push({ serial, asked: commands.length, blocks: [], resolve });
    if (requests.length === 1) listenForSilence();
    child.stdin.write(requestText(serial, commands));
    return promise;
  }

  function take(block: ControlBlock): void {
    if (hasFallen) return;
    const request = requests[0];
    if (request === undefined) return fall("gone");
    if (!isLastBlock(block, request.serial)) {
      request.blocks.push(block);
      return;
    }
    const answer = answerOf(request.blocks, request.asked);
    if (answer === null) return fall("gone");
    requests.shift();
    listenForSilence();
    request.resolve(answer);
  }

  function listenForSilence(): void {
    if (silence !== null) clearTimeout(silence);
    silence = requests.length === 0 ? null : setTimeout(hearOnce, silentMs);
  }

  /** If it was us who did not listen so long, the answer waits in the pipe: it is read first. */
  function hearOnce(): void {
    const deaf = silence;
    setImmediate(() => {
      if (silence === deaf) fall("silent");
    });
  }

  function fall(why: NoAnswer): void {
    if (hasFallen) return;
    hasFallen = true;
    isUp = false;
    if (silence !== null) clearTimeout(silence);
    child.kill("SIGKILL");
    child.stdin.destroy();
    child.stdout.destroy();
    for (const { resolve } of requests.splice(0)) resolve(why);
  }

  async function end(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.ref();
    child.stdin.end();
    const impatience = setTimeout(() => child.kill("SIGKILL"), LEAVE_MS);
    await exited;
    clearTimeout(impatience);
  }
}

const NEW_KEEPER = ["new-session", "-A", "-s", KEEPER_SESSION, "-c", "/", "/bin/sh", "-c", ":"];
const EMPTY_PANE = ["split-window", "-t", `=${KEEPER_SESSION}:`, ""];
const ONLY_THAT_PANE = ["kill-pane", "-a", "-t", `=${KEEPER_SESSION}:`];
/**
 * The keeper's pane is an empty one, which only a split makes: it has no process and no terminal.
 * A dead pane would not do, because tmux remembers its terminal's name: once the kernel gives
 * that name to somebody else, he may not attach ("sessions should be nested with care").
 */
const ATTACH_TO_KEEPER: readonly string[] = [
  ...NEW_KEEPER,
  ";",
  ...EMPTY_PANE,
  ";",
  ...ONLY_THAT_PANE,
];
