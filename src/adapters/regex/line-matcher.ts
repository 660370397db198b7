/**
 * A user's regular expression in a thread of its own, which is ended when it takes too long.
 *
 * JavaScript's matcher backtracks: `(a+)+$` over one line can run for years, and on the
 * daemon's own thread nothing could stop it.
 */
import { Worker } from "node:worker_threads";
import { Fault, messageOf } from "../../kernel/fault.ts";
import type { LineMatcher, MatchSession } from "../../output/ports.ts";

export interface MatcherLimits {
  /** Longest one block may take. Milliseconds. An honest pattern needs a few per block. */
  readonly blockMs: number;
  /** Sessions at the same time; more wait for their turn. */
  readonly sessions: number;
}

const LIMITS: MatcherLimits = { blockMs: 2_000, sessions: 4 };
const WORKER_MEMORY_MB = 256;
// Beside this file, as source or as built.
const WORKER_FILE = new URL(
  import.meta.url.endsWith(".ts") ? "./line-matcher-worker.ts" : "./line-matcher-worker.js",
  import.meta.url,
);

/** Matches lines in worker threads; none lives outside a session. */
export function threadLineMatcher(limits: MatcherLimits = LIMITS): LineMatcher {
  const places = placesFor(limits.sessions);
  return {
    async open(pattern) {
      compile(pattern);
      await places.take();
      const worker = new Worker(WORKER_FILE, {
        workerData: pattern,
        resourceLimits: { maxOldGenerationSizeMb: WORKER_MEMORY_MB },
      });
      return sessionOf(worker, pattern, limits.blockMs, places.giveBack);
    },
  };
}

function sessionOf(
  worker: Worker,
  pattern: string,
  blockMs: number,
  giveBack: () => void,
): MatchSession {
  // A worker that fails between two matches must not take the daemon with it.
  let failure: Error | null = null;
  worker.on("error", (error: Error) => {
    failure = error;
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("exit", () => reject(failure ?? new Error("the matcher ended")));
  });
  // Observed by the first match; a session that is closed before it has nobody who listens.
  ready.catch(() => {});
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= worker.terminate().then(giveBack, giveBack);
    return closing;
  };
  return {
    async match(block) {
      try {
        // Starting the thread is not the pattern's fault, so the clock starts behind it.
        await ready;
        return await answerWithin(worker, block, blockMs);
      } catch (error) {
        await close();
        throw tookTooLong(pattern, error);
      }
    },
    close,
  };
}

function answerWithin(worker: Worker, block: Uint8Array, blockMs: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      clearTimeout(timer);
      worker.off("message", onMessage);
      worker.off("exit", onExit);
      settle();
    };
    const onMessage = (numbers: number[]) => done(() => resolve(numbers));
    const onExit = () => done(() => reject(new Error("the matcher ended")));
    const timer = setTimeout(() => done(() => reject(new Error("deadline"))), blockMs);
    worker.once("message", onMessage);
    worker.once("exit", onExit);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(block);
  });
}

function compile(pattern: string): void {
  try {
    // oxlint-disable-next-line no-new -- only whether it compiles is of interest here
    new RegExp(pattern);
  } catch (error) {
    throw new Fault(
      "FILTER_INVALID",
      `The filter "${shown(pattern)}" is no regular expression: ${messageOf(error)}.`,
      {
        hint: "Give a JavaScript regular expression without slashes, or plain text.",
      },
    );
  }
}

function tookTooLong(pattern: string, cause: unknown): Fault {
  return new Fault(
    "FILTER_INVALID",
    `The filter "${shown(pattern)}" took too long and was stopped.`,
    {
      hint: "Use a simpler pattern, without nested repetition such as (a+)+.",
      cause,
    },
  );
}

function shown(pattern: string): string {
  return pattern.length <= 80 ? pattern : `${pattern.slice(0, 80)}…`;
}

/** A counting gate: first come, first served. */
function placesFor(count: number) {
  let free = count;
  const waiting: (() => void)[] = [];
  return {
    async take(): Promise<void> {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    giveBack(): void {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
}
