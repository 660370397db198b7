/**
 * Threads that stay for a while after their search: starting one takes longer than searching 1 GiB.
 *
 * One goes to a single search at a time. It comes back only when it has answered everything;
 * one that hangs in a pattern is ended instead.
 */
import { type MatcherThread, startThread } from "./matcher-thread.ts";

export interface WarmLimits {
  /** How long a thread is kept that nobody uses. Milliseconds. */
  readonly idleMs: number;
  /** Threads kept at the most; more are ended as they come back. */
  readonly most: number;
  /** Time that a thread gets to notice that its search was dropped: it looks after each piece of a file. Milliseconds. */
  readonly quietMs: number;
}

export interface WarmThreads {
  take(): MatcherThread;
  /**
   * Takes a thread back from its search. May be called while it still has questions.
   *
   * @param search  Whose thread it was: what it still asks is dropped.
   * @returns       Resolves when the thread is ready for others, or has ended.
   */
  giveBack(thread: MatcherThread, search: number): Promise<void>;
  /** Ends those that nobody uses; whoever comes back later is ended as well. */
  close(): Promise<void>;
}

/** @param stallMs  Of each thread; see {@link startThread}. */
export function warmThreads(stallMs: number, { idleMs, most, quietMs }: WarmLimits): WarmThreads {
  const idle = new Map<MatcherThread, NodeJS.Timeout>();
  let isClosed = false;
  const keep = (thread: MatcherThread): void => {
    thread.holdProcess(false);
    const timer = setTimeout(() => {
      idle.delete(thread);
      void thread.end();
    }, idleMs);
    idle.set(thread, timer.unref());
  };
  return {
    take() {
      for (const [thread, timer] of [...idle].toReversed()) {
        clearTimeout(timer);
        idle.delete(thread);
        if (!thread.isAlive()) continue;
        thread.holdProcess(true);
        return thread;
      }
      return startThread(stallMs);
    },
    async giveBack(thread, search) {
      thread.drop(search);
      const isQuiet = await isSoonQuiet(thread, quietMs);
      if (isQuiet && thread.isAlive() && idle.size < most && !isClosed) keep(thread);
      else await thread.end();
    },
    async close() {
      isClosed = true;
      const ends = [...idle].map(([thread, timer]) => {
        clearTimeout(timer);
        return thread.end();
      });
      idle.clear();
      await Promise.all(ends);
    },
  };
}

async function isSoonQuiet(thread: MatcherThread, withinMs: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), withinMs);
  const isQuiet = await Promise.race([thread.quiet().then(() => true), late.promise]);
  clearTimeout(timer);
  return isQuiet;
}
