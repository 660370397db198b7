/** Going through a range of a file in pieces of whole lines, with one buffer. */
import { closeSync, openSync, readSync } from "node:fs";
import { KIB, MIB } from "../../kernel/units.ts";
import { pieceBuffer } from "./find-text.ts";
import type { ScanRange } from "../../output/ports.ts";
import type { FindLines } from "./scan-lines.ts";

/** Read at a time where only the next newline is looked for. */
const PEEK_BYTES = 64 * KIB;
/** A longer line is looked at by its beginning only. */
const LINE_MOST_BYTES = 16 * MIB;
const NEWLINE = 0x0a;

/** Where to search; see {@link ScanRange}. */
type FileRange = Omit<ScanRange, "bring">;

/**
 * The matching lines that start in a range, as pairs of numbers: offset, and offset behind its newline.
 *
 * @param goesOn     Asked after each piece.
 * @param firstByte  What lies before it in the file is not what it was; a range that begins there begins a line.
 * @returns          Null when it was told not to go on.
 */
export function scanFile(
  range: FileRange,
  find: FindLines,
  goesOn: () => boolean,
  firstByte = 0,
): number[] | null {
  const file = openSync(range.path, "r");
  try {
    return scan(file, range, find, goesOn, firstByte);
  } finally {
    closeSync(file);
  }
}

function scan(
  file: number,
  { from, to, limit }: FileRange,
  find: FindLines,
  goesOn: () => boolean,
  firstByte: number,
): number[] | null {
  const found: number[] = [];
  let buffer = pieceBuffer();
  let at = from <= firstByte ? from : lineStartFrom(file, from, limit);
  while (at < to) {
    const read = readSync(file, buffer, 0, Math.min(buffer.length, limit - at), at);
    if (read === 0) break;
    const isLast = at + read >= limit;
    const whole = isLast ? read : buffer.lastIndexOf(NEWLINE, read - 1) + 1;
    if (whole === 0 && buffer.length < LINE_MOST_BYTES) {
      buffer = Buffer.allocUnsafe(buffer.length * 2);
      continue;
    }
    // A line without end is judged by its beginning, and passed over.
    const piece = buffer.subarray(0, whole === 0 ? read : whole);
    const end = whole === 0 ? lineStartFrom(file, at + read + 1, limit) : at + whole;
    for (const start of find(piece)) {
      if (at + start >= to) break;
      const newline = piece.indexOf(NEWLINE, start);
      found.push(at + start, newline < 0 ? end : at + newline + 1);
    }
    at = end;
    if (!goesOn()) return null;
  }
  return found;
}

/** The first offset at or behind `from` at which a line starts; `limit` when there is none. */
function lineStartFrom(file: number, from: number, limit: number): number {
  const buffer = Buffer.allocUnsafe(PEEK_BYTES);
  for (let at = from - 1; at < limit;) {
    const read = readSync(file, buffer, 0, Math.min(buffer.length, limit - at), at);
    if (read === 0) return limit;
    const newline = buffer.subarray(0, read).indexOf(NEWLINE);
    if (newline >= 0) return at + newline + 1;
    at += read;
  }
  return limit;
}
