/**
 * The blocks of a stream in which a filter has something to find.
 *
 * In a large stream the matcher reads and searches the file itself, aside from the daemon, and says
 * where matching lines are. Only those are read here, and are filtered once more as they are
 * shown: with secrets masked, so that a filter learns nothing that a reader does not see.
 */
import { Fault } from "../kernel/fault.ts";
import { KIB, MIB } from "../kernel/units.ts";
import {
  backwardBlocks,
  type Block,
  BLOCK_SIZES,
  type BlockSizes,
  forwardBlocks,
  lineEndAfter,
} from "./blocks.ts";
import type { LineFilter } from "./filter.ts";
import type { OutputFile, PlainPart } from "./ports.ts";

export interface SearchSizes {
  /** A smaller part is read here: starting a thread takes longer. Bytes. */
  readonly leastBytes: number;
  /** Searched at first, so that an end near by is found soon; then twice as much each time. Bytes. */
  readonly sliceBytes: number;
  readonly sliceMaxBytes: number;
  /** Matching lines that are closer than this are read in one go. Bytes. */
  readonly nearBytes: number;
}

export const SEARCH_SIZES: SearchSizes = {
  leastBytes: 4 * MIB,
  sliceBytes: MIB,
  sliceMaxBytes: 32 * MIB,
  nearBytes: 32 * KIB,
};
/** Asked for at once: the matcher is never without work. */
const SLICES_AHEAD = 3;
/** Longest run of matching lines that is handed on as one range. Bytes. */
const RANGE_MAX_BYTES = MIB;

interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Searched extends Range {
  readonly filter: LineFilter;
  readonly direction: "forward" | "backward";
  readonly sizes?: BlockSizes;
  readonly search?: SearchSizes;
}

/**
 * Blocks of whole lines, in order of the direction, that hold every matching line between two
 * offsets, and lines around them.
 *
 * @throws {Fault} FILTER_INVALID; PROBE_FAILED, also when the stream was rotated in this moment.
 */
export async function* searchedBlocks(file: OutputFile, wanted: Searched): AsyncGenerator<Block> {
  const { from, to, direction, sizes = BLOCK_SIZES, search = SEARCH_SIZES } = wanted;
  const blocks = direction === "forward" ? forwardBlocks : backwardBlocks;
  const plain = to - from < search.leastBytes ? null : await file.plainPart();
  const border = plain === null ? to : await startOfPlain(file, plain, wanted);
  const isSmall = plain === null || to - border < search.leastBytes;
  if (isSmall) return yield* blocks(file, from, to, sizes);
  const before = { from, to: border };
  if (direction === "forward" && border > from) yield* blocks(file, before.from, before.to, sizes);
  for await (const range of matchingRanges(plain, { ...wanted, from: border }, search)) {
    yield* blocks(file, range.from, range.to, sizes);
  }
  if (direction === "backward" && border > from) yield* blocks(file, before.from, before.to, sizes);
}

/** Where the first line starts that lies in the plain part as a whole; `to` when there is none. */
async function startOfPlain(
  file: OutputFile,
  plain: PlainPart,
  { from, to, sizes = BLOCK_SIZES }: Searched,
): Promise<number> {
  if (plain.from <= from) return from;
  if (plain.from >= to || (await file.gaps(plain.from, to)).length > 0) return to;
  return lineEndAfter(file, plain.from - 1, to, sizes);
}

async function* matchingRanges(
  plain: PlainPart,
  { from, to, filter, direction }: Searched,
  search: SearchSizes,
): AsyncGenerator<Range> {
  const slices = slicesOf({ from, to }, direction, search);
  const ahead: { readonly slice: Range; readonly found: Promise<readonly number[]> }[] = [];
  const askNext = (): void => {
    const { value: slice } = slices.next();
    if (slice === undefined) return;
    const found = filter.scan({ path: plain.path, ...slice, limit: to });
    // One that is not waited for any more, because enough was found, may fail unseen.
    found.catch(() => {});
    ahead.push({ slice, found });
  };
  for (let count = 0; count < SLICES_AHEAD; count += 1) askNext();
  for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
    const found = await next.found;
    if (!(await plain.isStill(next.slice.from))) throw rotated();
    askNext();
    const ranges = rangesOf(found, search.nearBytes);
    yield* direction === "forward" ? ranges : ranges.toReversed();
  }
}

function* slicesOf(
  { from, to }: Range,
  direction: Searched["direction"],
  { sliceBytes, sliceMaxBytes }: SearchSizes,
): Generator<Range, undefined> {
  let size = sliceBytes;
  for (let done = 0; done < to - from;) {
    const length = Math.min(size, to - from - done);
    yield direction === "forward"
      ? { from: from + done, to: from + done + length }
      : { from: to - done - length, to: to - done };
    done += length;
    size = Math.min(size * 2, sliceMaxBytes);
  }
}

/** Lines as pairs of numbers, joined where they are near each other. */
function rangesOf(pairs: readonly number[], nearBytes: number): readonly Range[] {
  const ranges: Range[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    const [from = 0, to = 0] = [pairs[at], pairs[at + 1]];
    const last = ranges.at(-1);
    const joins =
      last !== undefined && from - last.to <= nearBytes && to - last.from <= RANGE_MAX_BYTES;
    if (joins) ranges[ranges.length - 1] = { from: last.from, to };
    else ranges.push({ from, to });
  }
  return ranges;
}

function rotated(): Fault {
  return new Fault("PROBE_FAILED", "The stream was rotated while it was searched.", {
    hint: "Call again: nothing is lost, it only lies elsewhere now.",
  });
}
