/** Chooses lines by a user's pattern, as grep does: case counts, and any part of the line may match. */
import type { LineMatcher } from "./ports.ts";

export interface LineFilter {
  /**
   * Offsets in `bytes` at which matching lines start, ascending.
   *
   * @throws {Fault} FILTER_INVALID when the pattern takes too long.
   */
  select(bytes: Uint8Array): Promise<readonly number[]>;
  /** Ends what the filter holds; may be called twice. */
  close(): Promise<void>;
}

const NEWLINE = 0x0a;
const LITERAL = /^[^\\^$.*+?()[\]{}|\n]+$/;

/**
 * Prepares a filter.
 *
 * Plain text is searched for here, in linear time; anything with an operator in it goes to
 * the matcher, which can be stopped.
 *
 * @throws {Fault} FILTER_INVALID when the pattern is no regular expression.
 */
export async function openFilter(pattern: string, matcher: LineMatcher): Promise<LineFilter> {
  if (LITERAL.test(pattern)) return literalFilter(pattern);
  const session = await matcher.open(pattern);
  return {
    // A copy goes: the matcher may hand its block to another thread, and ours is still needed.
    select: async (bytes) => startsOf(bytes, await session.match(bytes.slice())),
    close: () => session.close(),
  };
}

function literalFilter(text: string): LineFilter {
  const needle = Buffer.from(text);
  const select = (bytes: Uint8Array): readonly number[] => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const starts: number[] = [];
    for (let at = buffer.indexOf(needle); at >= 0;) {
      starts.push(at === 0 ? 0 : buffer.lastIndexOf(NEWLINE, at - 1) + 1);
      const lineEnd = buffer.indexOf(NEWLINE, at);
      at = lineEnd < 0 ? -1 : buffer.indexOf(needle, lineEnd + 1);
    }
    return starts;
  };
  return { select: async (bytes) => select(bytes), close: async () => {} };
}

function startsOf(bytes: Uint8Array, numbers: readonly number[]): readonly number[] {
  const starts: number[] = [];
  let start = 0;
  let current = 0;
  for (const number of numbers) {
    for (; current < number; current += 1) start = bytes.indexOf(NEWLINE, start) + 1;
    starts.push(start);
  }
  return starts;
}
