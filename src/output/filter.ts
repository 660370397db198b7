/** Chooses lines by a user's pattern, as grep does: case counts, and any part of the line may match. */
import { planOf } from "./pattern-plan.ts";
import type { LineMatcher, MatchSession } from "./ports.ts";

export interface LineFilter {
  /**
   * Offsets in `bytes` at which matching lines start, ascending.
   *
   * @throws {Fault} FILTER_INVALID when the pattern takes too long.
   */
  select(bytes: Uint8Array): Promise<readonly number[]>;
  /** Where a large file has matching lines: read and searched aside; see {@link MatchSession}. */
  scan: MatchSession["scan"];
  /** Ends what the filter holds; may be called twice. */
  close(): Promise<void>;
}

const NEWLINE = 0x0a;

/**
 * Prepares a filter.
 *
 * Plain text in a small part is searched for here, in linear time; all else goes to the matcher,
 * which can be stopped.
 *
 * @throws {Fault} FILTER_INVALID when the pattern is no regular expression.
 */
export async function openFilter(pattern: string, matcher: LineMatcher): Promise<LineFilter> {
  const plan = planOf(pattern);
  const [[needle = ""] = []] = plan.needed;
  const isText = plan.isPlain && plan.needed.length === 1;
  const session = lazily(() => matcher.open(pattern, plan));
  // Whether it is a pattern at all is said before anything is read.
  if (!isText) await session.get();
  return {
    // A copy goes: the matcher may hand its block to another thread, and ours is still needed.
    select: async (bytes) =>
      isText ? holding(Buffer.from(needle), bytes) : (await session.get()).match(bytes.slice()),
    scan: async (range) => (await session.get()).scan(range),
    close: async () => (await session.made())?.close(),
  };
}

function lazily<T>(make: () => Promise<T>) {
  let made: Promise<T> | null = null;
  return { get: () => (made ??= make()), made: async () => made };
}

/** Where lines start that hold a text. */
function holding(needle: Buffer, bytes: Uint8Array): readonly number[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const starts: number[] = [];
  for (let at = buffer.indexOf(needle); at >= 0;) {
    starts.push(at === 0 ? 0 : buffer.lastIndexOf(NEWLINE, at - 1) + 1);
    const lineEnd = buffer.indexOf(NEWLINE, at);
    at = lineEnd < 0 ? -1 : buffer.indexOf(needle, lineEnd + 1);
  }
  return starts;
}
