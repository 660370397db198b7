/**
 * A stream in blocks of whole lines, forwards and backwards, never the whole file.
 *
 * A line may be of any length: a block grows until it holds one whole line. A line longer
 * than `lineMaxBytes` comes as a block of its own with its beginning only, so that memory
 * stays bounded whatever an agent prints. No block spans a gap: a line that a gap cuts ends, or
 * begins, at the gap.
 */
import type { OutputFile } from "./ports.ts";
import { KIB, MIB } from "../kernel/units.ts";

const NEWLINE = 0x0a;
/** Looked at first for the end of the last line. */
const LINE_END_BYTES = 4 * KIB;

export interface Block {
  /** Byte offset of the first line. */
  readonly from: number;
  /** Byte offset behind the last line and its newline. */
  readonly to: number;
  /** The bytes; fewer than `to - from` when this is the beginning of one oversized line. */
  readonly bytes: Uint8Array;
  /** Offsets in `bytes` of the lines that the filter has chosen, ascending; absent: it has yet to choose. */
  readonly starts?: readonly number[];
}

export interface BlockSizes {
  /** Bytes read at first. */
  readonly chunkBytes: number;
  /** Bytes read at a time once a reader has gone on for a while; >= chunkBytes. */
  readonly chunkMaxBytes: number;
  /** Longest line, with its newline, that is held in memory. Bytes, >= chunkMaxBytes. */
  readonly lineMaxBytes: number;
  /** What is kept of a longer one. Bytes, <= lineMaxBytes. */
  readonly headBytes: number;
}

export const BLOCK_SIZES: BlockSizes = {
  // The last lines of a stream are mostly in so much; readers that go on read more at a time.
  chunkBytes: 64 * KIB,
  // Larger ones read no faster, and each is judged in one go on the daemon's thread.
  chunkMaxBytes: MIB,
  lineMaxBytes: 16 * MIB,
  headBytes: 8 * KIB,
};

/**
 * The offset behind the last line that may be shown.
 *
 * A line that is still being written is left until its newline is there; when the agent has
 * ended, nothing more will come and what is there is the line.
 *
 * @param from  Where to stop looking; the answer is never smaller.
 */
export async function wholeLinesEnd(
  file: OutputFile,
  from: number,
  size: number,
  ended: boolean,
  sizes: BlockSizes = BLOCK_SIZES,
): Promise<number> {
  if (ended || size <= from) return Math.max(from, size);
  // A line that a gap cuts off ends there, newline or not.
  const behindGaps = (await file.gaps(from, size)).at(-1)?.to ?? from;
  return lineStartBefore(file, behindGaps, size, sizes);
}

/** What there is of a range: its parts between the gaps, ascending. */
async function partsOf(
  file: OutputFile,
  from: number,
  to: number,
): Promise<readonly { readonly from: number; readonly to: number }[]> {
  const gaps = from < to ? await file.gaps(from, to) : [];
  const starts = [from, ...gaps.map((gap) => gap.to)];
  const ends = [...gaps.map((gap) => gap.from), to];
  return starts
    .map((start, index) => ({ from: start, to: ends[index] ?? to }))
    .filter((part) => part.from < part.to);
}

/**
 * Blocks from `from` up to `to`, in order.
 *
 * @param to  Ends a line, or the stream. The last block ends there.
 */
export async function* forwardBlocks(
  file: OutputFile,
  from: number,
  to: number,
  sizes: BlockSizes = BLOCK_SIZES,
): AsyncGenerator<Block> {
  for (const part of await partsOf(file, from, to)) {
    yield* forwardWithin(file, part.from, part.to, sizes);
  }
}

async function* forwardWithin(
  file: OutputFile,
  from: number,
  to: number,
  sizes: BlockSizes,
): AsyncGenerator<Block> {
  let at = from;
  let chunk = sizes.chunkBytes;
  let want = chunk;
  while (at < to) {
    const bytes = await file.read(at, Math.min(want, to - at));
    // The stream is shorter than it was: nothing more can be shown.
    if (bytes.length === 0) return;
    const isLast = at + bytes.length >= to;
    const whole = isLast ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    if (whole > 0) {
      yield { from: at, to: at + whole, bytes: bytes.subarray(0, whole) };
      at += whole;
      want = chunk = larger(chunk, sizes);
    } else if (want < sizes.lineMaxBytes) {
      want = Math.min(want * 2, sizes.lineMaxBytes);
    } else {
      const end = await lineEndAfter(file, at + bytes.length, to, sizes);
      yield { from: at, to: end, bytes: bytes.slice(0, sizes.headBytes) };
      at = end;
      want = chunk = larger(chunk, sizes);
    }
  }
}

/**
 * Blocks from `to` down to `from`: the last block first, each with its lines in file order.
 *
 * @param to  Ends a line, or the stream.
 */
export async function* backwardBlocks(
  file: OutputFile,
  from: number,
  to: number,
  sizes: BlockSizes = BLOCK_SIZES,
): AsyncGenerator<Block> {
  for (const part of (await partsOf(file, from, to)).toReversed()) {
    yield* backwardWithin(file, part.from, part.to, sizes);
  }
}

async function* backwardWithin(
  file: OutputFile,
  from: number,
  to: number,
  sizes: BlockSizes,
): AsyncGenerator<Block> {
  // One byte more than the longest line: the newline in front of it.
  const most = sizes.lineMaxBytes + 1;
  let end = to;
  let chunk = sizes.chunkBytes;
  let want = chunk;
  while (end > from) {
    const low = Math.max(from, end - want);
    const bytes = await file.read(low, end - low);
    if (bytes.length < end - low) return;
    const inner = firstLineStart(bytes);
    const isWhole = low === from && (inner > 0 || bytes.length <= sizes.lineMaxBytes);
    if (isWhole || inner > 0) {
      const start = isWhole ? 0 : inner;
      yield { from: low + start, to: end, bytes: bytes.subarray(start) };
      end = low + start;
      want = chunk = larger(chunk, sizes);
    } else if (want < most) {
      want = Math.min(want * 2, most);
    } else {
      const lineFrom = await lineStartBefore(file, from, low, sizes);
      yield { from: lineFrom, to: end, bytes: await file.read(lineFrom, sizes.headBytes) };
      end = lineFrom;
      want = chunk = larger(chunk, sizes);
    }
  }
}

/** Readers that go far read in larger pieces; those that stop soon have read little in vain. */
function larger(chunk: number, { chunkMaxBytes }: BlockSizes): number {
  return Math.min(chunk * 2, chunkMaxBytes);
}

/** Start of the second line in `bytes`: the first that certainly begins here; 0 when there is none. */
function firstLineStart(bytes: Uint8Array): number {
  const newline = bytes.indexOf(NEWLINE);
  return newline >= bytes.length - 1 ? 0 : newline + 1;
}

/** Offset behind the first newline at or behind `from`; `to` when there is none before it. */
export async function lineEndAfter(
  file: OutputFile,
  from: number,
  to: number,
  { chunkBytes }: BlockSizes,
): Promise<number> {
  for (let at = from; at < to;) {
    const bytes = await file.read(at, Math.min(chunkBytes, to - at));
    if (bytes.length === 0) return to;
    const newline = bytes.indexOf(NEWLINE);
    if (newline >= 0) return at + newline + 1;
    at += bytes.length;
  }
  return to;
}

/** Offset behind the last newline before `to`; `from` when there is none. */
async function lineStartBefore(
  file: OutputFile,
  from: number,
  to: number,
  { chunkBytes }: BlockSizes,
): Promise<number> {
  // Mostly the newline is the very last byte.
  let look = Math.min(LINE_END_BYTES, chunkBytes);
  for (let end = to; end > from; look = Math.min(look * 4, chunkBytes)) {
    const low = Math.max(from, end - look);
    const newline = (await file.read(low, end - low)).lastIndexOf(NEWLINE);
    if (newline >= 0) return low + newline + 1;
    end = low;
  }
  return from;
}
