/** One thread that searches, and that can be ended from outside whatever it is doing. */
import { Worker } from "node:worker_threads";
import { Fault } from "../../kernel/fault.ts";
import { WORKER_FILE } from "./worker-file.ts";
import {
  type MatcherAnswer,
  type MatcherFound,
  type MatcherQuestion,
  SHARED,
} from "./matcher-protocol.ts";

const WORKER_MEMORY_MB = 256;
/** As `ps -T` shows it. */
export const MATCHER_THREAD_NAME = "corral-filter";

export interface MatcherThread {
  /** Questions that are not answered yet. */
  waiting(): number;
  /**
   * One after the other.
   *
   * @throws {Fault} PROBE_FAILED when the file could not be read.
   * @throws {Error} when the thread ended, its search was dropped, or nothing moved for too long.
   */
  ask(question: MatcherQuestion): Promise<MatcherFound>;
  /** Nobody wants answers to that search any more: what waits is answered soon, by a rejection. */
  drop(search: number): void;
  /** Resolves when every question so far is answered, or failed. */
  quiet(): Promise<void>;
  /** False once it has ended, for whatever reason. */
  isAlive(): boolean;
  /** Whether it keeps this process from ending. */
  holdProcess(holds: boolean): void;
  /** Ends it, also in the middle of a match. May be called twice. */
  end(): Promise<void>;
}

/** @param stallMs  Longest that nothing may move while a question is open. Milliseconds. */
export function startThread(stallMs: number): MatcherThread {
  const shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(WORKER_FILE, {
    name: MATCHER_THREAD_NAME,
    workerData: shared.buffer,
    resourceLimits: { maxOldGenerationSizeMb: WORKER_MEMORY_MB },
  });
  // A worker that fails between two questions must not take the daemon with it.
  let failure: Error | null = null;
  let isAlive = true;
  worker.on("error", (error: Error) => {
    failure = error;
  });
  worker.once("exit", () => {
    isAlive = false;
  });
  const end = async (): Promise<void> => {
    isAlive = false;
    await worker.terminate();
  };
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("exit", () => reject(failure ?? new Error("the matcher ended")));
  });
  // Observed by the first question; a thread that is ended before it has nobody who listens.
  ready.catch(() => {});
  let last: Promise<unknown> = ready;
  let waiting = 0;
  return {
    waiting: () => waiting,
    async ask(question) {
      waiting += 1;
      // Starting the thread is not the pattern's fault, so the clock starts behind it.
      const answer = last.then(() => {
        if (!isAlive) throw failure ?? new Error("the matcher ended");
        return answerOf(worker, question, shared, stallMs);
      });
      last = answer.catch(() => {});
      try {
        return await answer;
      } catch (error) {
        // It is still in that match, and would be for years.
        if (error instanceof Stalled) await end();
        throw error;
      } finally {
        waiting -= 1;
      }
    },
    drop: (search) => void Atomics.store(shared, SHARED.dropped, search),
    quiet: () => last.then(noValue, noValue),
    isAlive: () => isAlive,
    holdProcess(holds) {
      if (holds) worker.ref();
      else worker.unref();
    },
    end,
  };
}

/** Nothing moved for too long. */
class Stalled extends Error {}

/** The answer to one question, as long as something moves within each span of time. */
function answerOf(
  worker: Worker,
  question: MatcherQuestion,
  shared: Int32Array,
  stallMs: number,
): Promise<MatcherFound> {
  return new Promise((resolve, reject) => {
    let seen = Atomics.load(shared, SHARED.beats);
    const done = (settle: () => void) => {
      clearInterval(timer);
      worker.off("message", onMessage);
      worker.off("exit", onExit);
      settle();
    };
    const onMessage = (answer: MatcherAnswer) =>
      done(() => {
        if ("found" in answer) resolve(answer.found);
        else reject("failed" in answer ? unreadable(answer.failed) : new Error("dropped"));
      });
    const onExit = () => done(() => reject(new Error("the matcher ended")));
    const timer = setInterval(() => {
      const now = Atomics.load(shared, SHARED.beats);
      if (now === seen) done(() => reject(new Stalled("deadline")));
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

function noValue(): void {}
