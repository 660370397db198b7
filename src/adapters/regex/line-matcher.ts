/**
 * A user's regular expression in a thread of its own, which is ended when it takes too long.
 *
 * JavaScript's matcher backtracks: `(a+)+$` over one line can run for years, and on the
 * daemon's own thread nothing could stop it.
 */
import { Worker } from "node:worker_threads";
import { Fault, messageOf } from "../../kernel/fault.ts";
import type { PatternPlan } from "../../output/pattern-plan.ts";
import type { LineMatcher, MatchSession } from "../../output/ports.ts";
import type { MatcherQuestion, MatcherWork } from "./line-matcher-worker.ts";

export interface MatcherLimits {
  /** Longest that nothing may move: one block, or 256 KiB of a file. Milliseconds. An honest pattern needs a few per block. */
  readonly blockMs: number;
  /** Sessions at the same time; more wait for their turn. */
  readonly sessions: number;
}

const LIMITS: MatcherLimits = { blockMs: 2_000, sessions: 4 };
const WORKER_MEMORY_MB = 256;
/** Of one session. Reading a file is half of the work, and a search uses one core. */
const THREADS_MOST = 2;
// Beside this file, as source or as built.
const WORKER_FILE = new URL(
  import.meta.url.endsWith(".ts") ? "./line-matcher-worker.ts" : "./line-matcher-worker.js",
  import.meta.url,
);

/** Matches lines in worker threads; none lives outside a session. */
export function threadLineMatcher(limits: MatcherLimits = LIMITS): LineMatcher {
  const places = placesFor(limits.sessions);
  return {
    async open(pattern, plan) {
      compile(pattern);
      await places.take();
      return sessionOf(pattern, plan, limits.blockMs, places.giveBack);
    },
  };
}

function sessionOf(
  pattern: string,
  plan: PatternPlan,
  blockMs: number,
  giveBack: () => void,
): MatchSession {
  // One begins to load at once; the second one only when there is more to do than one can.
  const threads = [threadOf(pattern, plan, blockMs)];
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= Promise.all(threads.map((thread) => thread.end())).then(giveBack, giveBack);
    return closing;
  };
  const ask = async (question: MatcherQuestion): Promise<readonly number[]> => {
    let thread = threads.toSorted((a, b) => a.waiting() - b.waiting())[0]!;
    if (thread.waiting() > 0 && threads.length < THREADS_MOST && closing === null) {
      thread = threadOf(pattern, plan, blockMs);
      threads.push(thread);
    }
    try {
      return await thread.ask(question);
    } catch (error) {
      if (error instanceof Fault) throw error;
      await close();
      throw tookTooLong(pattern, error);
    }
  };
  return { match: (block) => ask({ block }), scan: (range) => ask({ range }), close };
}

interface MatcherThread {
  /** Questions that are not answered yet. */
  waiting(): number;
  /** One after the other. Rejects when the thread ended, or nothing moved for too long. */
  ask(question: MatcherQuestion): Promise<readonly number[]>;
  end(): Promise<unknown>;
}

function threadOf(pattern: string, plan: PatternPlan, stallMs: number): MatcherThread {
  const pulse = new SharedArrayBuffer(4);
  const worker = new Worker(WORKER_FILE, {
    workerData: { pattern, plan, pulse } satisfies MatcherWork,
    resourceLimits: { maxOldGenerationSizeMb: WORKER_MEMORY_MB },
  });
  // A worker that fails between two questions must not take the daemon with it.
  let failure: Error | null = null;
  worker.on("error", (error: Error) => {
    failure = error;
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("exit", () => reject(failure ?? new Error("the matcher ended")));
  });
  // Observed by the first question; a session that is closed before it has nobody who listens.
  ready.catch(() => {});
  let last: Promise<unknown> = ready;
  let waiting = 0;
  return {
    waiting: () => waiting,
    async ask(question) {
      waiting += 1;
      // Starting the thread is not the pattern's fault, so the clock starts behind it.
      const answer = last.then(() => answerOf(worker, question, new Int32Array(pulse), stallMs));
      last = answer.catch(() => {});
      try {
        return await answer;
      } finally {
        waiting -= 1;
      }
    },
    end: () => worker.terminate(),
  };
}

/** The answer to one question, as long as something moves within each span of time. */
function answerOf(
  worker: Worker,
  question: MatcherQuestion,
  pulse: Int32Array,
  stallMs: number,
): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    let seen = Atomics.load(pulse, 0);
    const done = (settle: () => void) => {
      clearInterval(timer);
      worker.off("message", onMessage);
      worker.off("exit", onExit);
      settle();
    };
    const onMessage = (answer: { found: readonly number[] } | { failed: string }) =>
      done(() => ("found" in answer ? resolve(answer.found) : reject(unreadable(answer.failed))));
    const onExit = () => done(() => reject(new Error("the matcher ended")));
    const timer = setInterval(() => {
      const now = Atomics.load(pulse, 0);
      if (now === seen) done(() => reject(new Error("deadline")));
      seen = now;
    }, stallMs);
    worker.once("message", onMessage);
    worker.once("exit", onExit);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(question);
  });
}

function unreadable(cause: string): Fault {
  return new Fault("PROBE_FAILED", `The agent's output could not be read (${cause}).`, {
    hint: "Call again: the stream may just have been rotated or archived.",
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
