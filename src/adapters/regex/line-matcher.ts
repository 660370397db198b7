/**
 * A user's regular expression in a thread of its own, which is ended when it takes too long.
 *
 * JavaScript's matcher backtracks: `(a+)+$` over one line can run for years, and on the
 * daemon's own thread nothing could stop it.
 */
import { Fault, messageOf } from "../../kernel/fault.ts";
import type { LineMatcher, MatchSession } from "../../output/ports.ts";
import type { MatcherFound, Search, SearchWork } from "./matcher-protocol.ts";
import { type WarmThreads, warmThreads } from "./warm-threads.ts";

export interface MatcherLimits {
  /** Longest that nothing may move: one block, or 1 MiB of a file. Milliseconds. An honest pattern needs a few per block. */
  readonly blockMs: number;
  /** Sessions at the same time; more wait for their turn. */
  readonly sessions: number;
  /** How long threads are kept ready for the next session. Milliseconds. */
  readonly idleMs: number;
  /** How long a thread may take to leave a search that is over; then it is ended. Milliseconds. */
  readonly quietMs: number;
}

const LIMITS: MatcherLimits = { blockMs: 2_000, sessions: 4, idleMs: 30_000, quietMs: 250 };
/** Of one session. Reading a file is half of the work, and a search uses one core. */
const THREADS_MOST = 2;

export interface ThreadLineMatcher extends LineMatcher {
  /** Ends the threads that are kept ready; those of a session end with it. */
  close(): Promise<void>;
}

/** Matches lines in worker threads. Outside a session two at the most are kept ready, for a time. */
export function threadLineMatcher(limits: Partial<MatcherLimits> = {}): ThreadLineMatcher {
  const { blockMs, sessions, idleMs, quietMs } = { ...LIMITS, ...limits };
  const places = placesFor(sessions);
  const warm = warmThreads(blockMs, { idleMs, most: THREADS_MOST, quietMs });
  let searches = 0;
  return {
    async open(pattern, plan) {
      compile(pattern);
      await places.take();
      searches += 1;
      return sessionOf({ number: searches, pattern, plan }, warm, places.giveBack);
    },
    close: () => warm.close(),
  };
}

function sessionOf(search: Search, warm: WarmThreads, giveBack: () => void): MatchSession {
  // One begins to load at once; the second one only when there is more to do than one can.
  const threads = [warm.take()];
  let closing: Promise<void> | null = null;
  const giveBackThreads = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => warm.giveBack(thread, search.number)));
  };
  const close = (): Promise<void> => (closing ??= giveBackThreads().then(giveBack, giveBack));
  const ask = async (work: SearchWork): Promise<MatcherFound> => {
    // From then on the threads may be somebody else's.
    if (closing !== null) throw tookTooLong(search.pattern, new Error("closed"));
    let thread = threads.toSorted((a, b) => a.waiting() - b.waiting())[0]!;
    if (thread.waiting() > 0 && threads.length < THREADS_MOST) {
      thread = warm.take();
      threads.push(thread);
    }
    try {
      return await thread.ask({ search, ...work });
    } catch (error) {
      if (error instanceof Fault) throw error;
      await close();
      throw tookTooLong(search.pattern, error);
    }
  };
  return {
    async match(block) {
      const found = await ask({ block });
      return "starts" in found ? found.starts : [];
    },
    async scan(range) {
      const found = await ask({ range });
      return "runs" in found ? found.runs : [];
    },
    close,
  };
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
