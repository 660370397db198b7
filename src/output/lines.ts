/**
 * Whole lines of a stream: forwards from a cursor, or the last ones.
 *
 * A cursor is a byte offset. Pages that start where the last one ended hold every line
 * once; the filter comes before everything that counts lines.
 */
import { backwardBlocks, forwardBlocks, type Block, type BlockSizes } from "./blocks.ts";
import type { LineFilter } from "./filter.ts";
import type { OutputFile } from "./ports.ts";
import { type Searched, searchedBlocks, type SearchSizes } from "./searched.ts";

export interface Line {
  readonly from: number;
  /** Offset behind the line and its newline: the cursor for what follows. */
  readonly next: number;
  /** Without its newline. Bytes that are no UTF-8 show as U+FFFD. */
  readonly text: string;
  /** Bytes of an oversized line that `text` does not hold; 0 for all others. */
  readonly hiddenBytes: number;
}

export interface LinesPage {
  /** In file order. */
  readonly lines: readonly Line[];
  /** Forwards: where to read on. Backwards: where the first line looked at starts. */
  readonly cursor: number;
  /** True when the range was read to its other end. */
  readonly complete: boolean;
  /** Lines looked at, matching or not. */
  readonly linesRead: number;
  readonly linesMatched: number;
}

export interface LinesWanted {
  /** Offset of a line's start. */
  readonly from: number;
  /** Offset of a line's end; see wholeLinesEnd. */
  readonly to: number;
  /** Most lines; absent means all. */
  readonly maxLines?: number;
  /** Stop once the lines hold this much; at least one line is answered. Bytes. */
  readonly maxBytes: number;
  readonly filter?: LineFilter | null;
  /** False saves counting the lines that do not match: linesRead is then 0. Default true. */
  readonly countsLines?: boolean;
  readonly sizes?: BlockSizes;
  /** For tests; absent means the usual. */
  readonly search?: SearchSizes;
}

const NEWLINE = 0x0a;
// One decoder serves all: without `stream` it keeps nothing between calls.
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The lines from `from` on, whole, in order, until `to` or a limit. */
export async function linesFrom(file: OutputFile, wanted: LinesWanted): Promise<LinesPage> {
  const lines: Line[] = [];
  const quota = quotaOf(wanted);
  let linesRead = 0;
  for await (const block of blocksOf(file, wanted, "forward")) {
    for (const line of await matching(block, wanted.filter)) {
      if (quota.isFullFor(line)) {
        linesRead += counted(wanted, block, block.from, line.from);
        return page(lines, line.from, false, linesRead);
      }
      lines.push(line);
    }
    linesRead += counted(wanted, block, block.from, block.to);
  }
  return page(lines, wanted.to, true, linesRead);
}

/** The last lines before `to`, looked for from the end, so that a long stream costs no more than a short one. */
export async function tailLines(file: OutputFile, wanted: LinesWanted): Promise<LinesPage> {
  const newestFirst: Line[] = [];
  const quota = quotaOf(wanted);
  let linesRead = 0;
  for await (const block of blocksOf(file, wanted, "backward")) {
    for (const line of (await matching(block, wanted.filter)).toReversed()) {
      if (quota.isFullFor(line)) {
        linesRead += counted(wanted, block, line.next, block.to);
        return page(newestFirst.toReversed(), line.next, false, linesRead);
      }
      newestFirst.push(line);
    }
    linesRead += counted(wanted, block, block.from, block.to);
    // Enough: the next match may be gigabytes away.
    if (newestFirst.length >= (wanted.maxLines ?? Number.POSITIVE_INFINITY)) {
      return page(newestFirst.toReversed(), block.from, block.from === wanted.from, linesRead);
    }
  }
  return page(newestFirst.toReversed(), wanted.from, true, linesRead);
}

/** All blocks, or those in which the filter can find something; counting lines needs all. */
function blocksOf(
  file: OutputFile,
  { from, to, filter, countsLines, sizes, search }: LinesWanted,
  direction: Searched["direction"],
): AsyncGenerator<Block> {
  if (filter && countsLines === false) {
    const more = { ...(sizes && { sizes }), ...(search && { search }) };
    return searchedBlocks(file, { from, to, filter, direction, ...more });
  }
  return direction === "forward"
    ? forwardBlocks(file, from, to, sizes)
    : backwardBlocks(file, from, to, sizes);
}

/** Every line of a block, for readers that go through a stream block by block. */
export function linesOf(block: Block): readonly Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < block.bytes.length;) {
    const line = lineAt(block, start);
    lines.push(line);
    start = line.next - block.from;
  }
  return lines;
}

async function matching(
  block: Block,
  filter: LineFilter | null | undefined,
): Promise<readonly Line[]> {
  if (filter === null || filter === undefined) return linesOf(block);
  const starts = block.starts ?? (await filter.select(block.bytes));
  return starts.map((start) => lineAt(block, start));
}

function lineAt(block: Block, start: number): Line {
  const isOversized = block.bytes.length < block.to - block.from;
  const newline = isOversized ? -1 : block.bytes.indexOf(NEWLINE, start);
  const end = newline < 0 ? block.bytes.length : newline;
  return {
    from: block.from + start,
    next: newline < 0 ? block.to : block.from + newline + 1,
    text: UTF8.decode(block.bytes.subarray(start, end)),
    hiddenBytes: block.to - block.from - block.bytes.length,
  };
}

function quotaOf({ maxLines = Number.POSITIVE_INFINITY, maxBytes }: LinesWanted) {
  let lines = 0;
  let bytes = 0;
  return {
    /** Counts the line when there is room for it. */
    isFullFor(line: Line): boolean {
      const length = line.next - line.from - line.hiddenBytes;
      if (lines >= maxLines || (lines > 0 && bytes + length > maxBytes)) return true;
      lines += 1;
      bytes += length;
      return false;
    },
  };
}

function page(
  lines: readonly Line[],
  cursor: number,
  complete: boolean,
  linesRead: number,
): LinesPage {
  return { lines, cursor, complete, linesRead, linesMatched: lines.length };
}

/** Lines of the block between two offsets of the stream; 0 when nobody asked. */
function counted(wanted: LinesWanted, block: Block, from: number, to: number): number {
  if (wanted.countsLines === false) return 0;
  return linesBefore(block, to) - linesBefore(block, from);
}

/** Lines of the block that start before an offset of the stream. */
function linesBefore(block: Block, offset: number): number {
  if (block.bytes.length < block.to - block.from) return offset > block.from ? 1 : 0;
  const end = Math.min(offset - block.from, block.bytes.length);
  let count = 0;
  for (let at = 0; at < end; count += 1) {
    const newline = block.bytes.indexOf(NEWLINE, at);
    if (newline < 0) return count + 1;
    at = newline + 1;
  }
  return count;
}
