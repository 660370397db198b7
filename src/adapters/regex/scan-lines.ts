/** Finding the lines of a buffer that a pattern matches: bytes first, text only where it must be. */
import { isAscii } from "node:buffer";
import { KIB } from "../../kernel/units.ts";
import type { PatternPlan } from "../../output/pattern-plan.ts";
import { textSearch } from "./find-text.ts";

const NEWLINE = 0x0a;

/** Offsets of matching lines in the bytes given, ascending. */
export type FindLines = (bytes: Buffer) => readonly number[];

/** Where more lines than one in so many bytes hold a text that is needed, one search over all is quicker than one for each. */
const DENSE_BYTES = 2_048;
/** Pieces behind such a one for which that is taken for granted. */
const DENSE_PIECES = 15;

/**
 * @param pattern     Compiles.
 * @param plan        Of that pattern.
 * @param denseBytes  For tests.
 */
export function lineFinder(
  pattern: string,
  plan: PatternPlan,
  denseBytes: number = DENSE_BYTES,
): FindLines {
  const regexp = new RegExp(pattern);
  const overall = new RegExp(pattern, "gm");
  const test = (bytes: Buffer, start: number): boolean =>
    regexp.test(bytes.toString("utf8", start, lineEnd(bytes, start)));
  if (plan.needed.length > 0) {
    let searches: readonly FindLines[] | null = null;
    let densePieces = 0;
    const isForOne = (bytes: Buffer): boolean => plan.isLocal && !plan.isPlain && isAscii(bytes);
    return (bytes) => {
      if (densePieces > 0 && isForOne(bytes)) {
        densePieces -= 1;
        return atOnce(bytes, overall, regexp);
      }
      // What is rare is seen in the first piece: others are mostly like it.
      searches ??= searchesFor(plan, bytes);
      const found = searches.map((search) => search(bytes));
      const starts = found.length === 1 ? (found[0] ?? []) : mergedOf(found);
      if (plan.isPlain) return starts;
      if (starts.length * denseBytes > bytes.length && isForOne(bytes)) {
        densePieces = DENSE_PIECES;
        return atOnce(bytes, overall, regexp);
      }
      return starts.filter((start) => test(bytes, start));
    };
  }
  return (bytes) =>
    plan.isLocal && isAscii(bytes) ? atOnce(bytes, overall, regexp) : lineByLine(bytes, regexp);
}

/** One search over all lines; each line it stops at is then judged by itself. */
function atOnce(bytes: Buffer, overall: RegExp, regexp: RegExp): readonly number[] {
  const text = bytes.toString("latin1");
  const starts: number[] = [];
  overall.lastIndex = 0;
  for (let match = overall.exec(text); match !== null; match = overall.exec(text)) {
    const start = match.index === 0 ? 0 : text.lastIndexOf("\n", match.index - 1) + 1;
    if (start >= text.length) break;
    const newline = text.indexOf("\n", match.index);
    const end = newline < 0 ? text.length : newline;
    if (regexp.test(text.slice(start, end))) starts.push(start);
    overall.lastIndex = end + 1;
    if (end + 1 >= text.length) break;
  }
  return starts;
}

function lineByLine(bytes: Buffer, regexp: RegExp): readonly number[] {
  const starts: number[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = lineEnd(bytes, start);
    if (regexp.test(bytes.toString("utf8", start, end))) starts.push(start);
    start = end + 1;
  }
  return starts;
}

function lineEnd(bytes: Buffer, start: number): number {
  const newline = bytes.indexOf(NEWLINE, start);
  return newline < 0 ? bytes.length : newline;
}

/** Node looks for texts shorter than eight bytes by their first byte, with the processor's own search. */
const PART_MAX_BYTES = 7;
/** Where even the rarest byte is more frequent than one in so many, a long text is better looked for whole. */
const COMMON_SHARE = 48;
const LONG_BYTES = 12;

/** Enough to tell how frequent each byte is; all of a piece takes longer to count than to search. */
const SAMPLE_BYTES = 64 * KIB;

function searchesFor({ needed }: PatternPlan, piece: Buffer): readonly FindLines[] {
  const sample = piece.subarray(0, SAMPLE_BYTES);
  const counts = new Uint32Array(256);
  for (let at = 0; at < sample.length; at += 1) counts[sample[at]!]! += 1;
  return needed.map((texts) => {
    const place = rarestOf(texts, counts);
    const plain = searchFor(place, sample.length);
    return withVectors(place, sample, plain) ?? plain;
  });
}

interface Place {
  readonly text: Buffer;
  readonly at: number;
  readonly count: number;
}

/** The rarest byte of these texts, and the text that it is in. */
function rarestOf(texts: readonly string[], counts: Uint32Array): Place {
  const places = texts.flatMap((text): Place[] => {
    const bytes = Buffer.from(text);
    return [...bytes].map((byte, at) => ({ text: bytes, at, count: counts[byte] ?? 0 }));
  });
  return places.reduce((best, place) =>
    place.count < best.count || (place.count === best.count && room(place) > room(best))
      ? place
      : best,
  );
}

/** Where a byte is more frequent than one in so many, stopping at each costs more than comparing two everywhere. */
const RARE_SHARE = 2_500;

/** Lines that hold a text without a rare byte; null where that is no gain, or cannot be done. */
function withVectors(
  { text, at, count }: Place,
  sample: Buffer,
  plain: FindLines,
): FindLines | null {
  if (count * RARE_SHARE < sample.length) return null;
  const search = textSearch(text, at, sample);
  if (search === null) return null;
  return (bytes) => {
    // A line longer than a piece is read elsewhere.
    if (!search.reaches(bytes)) return plain(bytes);
    search.begin();
    const starts: number[] = [];
    for (let found = search.next(bytes, 0); found >= 0;) {
      starts.push(lineStart(bytes, found));
      const newline = bytes.indexOf(NEWLINE, found);
      found = newline < 0 ? -1 : search.next(bytes, newline + 1);
    }
    return starts;
  };
}

/**
 * Lines that hold a text. It is looked for from its rarest byte on, forwards or, when the byte is its
 * last, backwards: both are native and stop only where that byte is.
 */
function searchFor({ text, at, count }: Place, total: number): FindLines {
  const isCommon = count * COMMON_SHARE > total;
  if (isCommon && text.length >= LONG_BYTES) return (bytes) => forwards(bytes, text, text, 0);
  if (text.length - at >= 2 || at === 0) {
    const part = text.subarray(at, at + PART_MAX_BYTES);
    return (bytes) => forwards(bytes, text, part, at);
  }
  const from = Math.max(0, at + 1 - PART_MAX_BYTES);
  return (bytes) => backwards(bytes, text, text.subarray(from, at + 1), from);
}

function room({ text, at }: Place): number {
  return Math.min(PART_MAX_BYTES, text.length - at);
}

function forwards(text: Buffer, whole: Buffer, part: Buffer, offset: number): readonly number[] {
  const starts: number[] = [];
  for (let at = text.indexOf(part); at >= 0;) {
    if (!isAt(text, whole, at - offset)) {
      at = text.indexOf(part, at + 1);
      continue;
    }
    starts.push(lineStart(text, at));
    const newline = text.indexOf(NEWLINE, at);
    at = newline < 0 ? -1 : text.indexOf(part, newline + 1);
  }
  return starts;
}

function backwards(text: Buffer, whole: Buffer, part: Buffer, offset: number): readonly number[] {
  const starts: number[] = [];
  for (let at = text.lastIndexOf(part); at >= 0;) {
    const start = isAt(text, whole, at - offset) ? lineStart(text, at) : null;
    if (start !== null) starts.push(start);
    const before = (start ?? at) - 1;
    at = before < 0 ? -1 : text.lastIndexOf(part, before);
  }
  return starts.toReversed();
}

function isAt(text: Buffer, whole: Buffer, at: number): boolean {
  if (at < 0 || at + whole.length > text.length) return false;
  return text.compare(whole, 0, whole.length, at, at + whole.length) === 0;
}

function lineStart(text: Buffer, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf(NEWLINE, at - 1) + 1;
}

function mergedOf(lists: readonly (readonly number[])[]): readonly number[] {
  return [...new Set(lists.flat())].toSorted((a, b) => a - b);
}
