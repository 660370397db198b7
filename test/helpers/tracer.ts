/**
 * Faults below the program: strace(1) stands on a living process and kills it, or fails its call,
 * at the n-th system call of a kind. Nothing in the product knows of it.
 *
 * A call is struck at its entry, before the kernel does it: dying at `write:7` is dying after all
 * that came before it and in the middle of whatever the program was about to finish. Only the
 * traced thread counts, so another thread's calls and those of children never shift a number.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collect, ended, waitFor } from "./daemon-process.ts";

/** `"write"`, and the how many-th of it since the tracer stood there, from 1. */
export interface Call {
  readonly kind: string;
  readonly nth: number;
}

/** What happens at a call: the process dies, or the call fails and is not made. */
export type Fate = "SIGKILL" | "ENOSPC" | "EIO" | "EACCES" | "EMFILE" | "EAGAIN";

export interface Tracer {
  /** Leaves the process as it is. @returns the calls that it saw, in order; the struck one is the last of a killed process. */
  leave(): Promise<readonly Call[]>;
}

/** Whether strace is here and may trace. */
export function canTrace(): boolean {
  if (process.platform !== "linux") return false;
  try {
    execFileSync("strace", ["-qq", "-o", "/dev/null", "-e", "trace=write", "true"], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

/** The words that make one call of a kind end so. */
export function fateWords({ kind, nth }: Call, fate: Fate): readonly string[] {
  const what = fate === "SIGKILL" ? "signal=KILL" : `error=${fate}`;
  return ["-e", `inject=${kind}:${what}:when=${nth}`];
}

/**
 * Stands on a process and notes its calls of these kinds; returns when it does.
 *
 * @param pid    Its main thread is traced, and nothing else of it.
 * @param fate   What one call is to meet; absent only notes.
 * @throws when strace does not come to stand, with its own words.
 */
export async function trace(
  pid: number,
  kinds: readonly string[],
  fate?: { readonly at: Call; readonly is: Fate },
): Promise<Tracer> {
  const folder = mkdtempSync(join(tmpdir(), "trace-"));
  const file = join(folder, "calls");
  const told = fate === undefined ? [] : fateWords(fate.at, fate.is);
  const words = ["-o", file, "-e", `trace=${kinds.join(",")}`, ...told, "-p", String(pid)];
  const tracer = spawn("strace", words, { stdio: ["ignore", "ignore", "pipe"] });
  const output = collect(tracer);
  try {
    await stands(tracer, pid, () => output().stderr);
  } catch (error) {
    await left(tracer);
    rmSync(folder, { recursive: true });
    throw error;
  }
  return {
    async leave() {
      await left(tracer);
      const calls = callsOf(readFileSync(file, "latin1"));
      rmSync(folder, { recursive: true });
      return calls;
    },
  };
}

async function stands(tracer: ChildProcess, pid: number, stderr: () => string): Promise<void> {
  await waitFor("the tracer", () => {
    if (tracerOf(pid) === tracer.pid) return true;
    if ((tracer.exitCode ?? tracer.signalCode) === null) return undefined;
    // It stood there, and what it stood on met its fate at once.
    if (/Process \d+ attached/.test(stderr())) return true;
    throw new Error(`strace ended: ${stderr()}`);
  });
}

function tracerOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return Number(/^TracerPid:\s+(\d+)$/m.exec(status)?.[1]);
  } catch {
    return undefined; // it has ended
  }
}

/** INT makes strace let go; one whose process has ended has left by itself. */
async function left(tracer: ChildProcess): Promise<void> {
  const end = ended(tracer);
  tracer.kill("SIGINT");
  await end;
}

/**
 * Words to put before a program so that it is traced from its first call on, and stays the child of
 * whoever starts it; {@link readTrace} tells what happened.
 *
 * @param isFollowed  True: every process that it starts meets the fate at its own n-th call, too.
 */
export function tracedFromBirth(
  file: string,
  kinds: readonly string[],
  fate?: { readonly at: Call; readonly is: Fate },
  isFollowed = false,
): readonly string[] {
  const told = fate === undefined ? [] : fateWords(fate.at, fate.is);
  const follow = isFollowed ? ["-f"] : [];
  return ["strace", "-DDD", ...follow, "-o", file, "-e", `trace=${kinds.join(",")}`, ...told];
}

/** The calls in such a file, and whether a SIGKILL ended the program or one that it started. */
export function readTrace(file: string): {
  readonly calls: readonly Call[];
  readonly isKilled: boolean;
} {
  const text = readFileSync(file, "latin1");
  return { calls: callsOf(text), isKilled: text.includes("+++ killed by SIGKILL +++") };
}

/** Lines that strace writes of calls; what it says of signals and of resumed calls is none. */
function callsOf(text: string): readonly Call[] {
  const counts = new Map<string, number>();
  return text.split("\n").flatMap((line) => {
    const kind = /^([a-z0-9_]+)\(/.exec(line)?.[1];
    if (kind === undefined) return [];
    const nth = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, nth);
    return [{ kind, nth }];
  });
}
