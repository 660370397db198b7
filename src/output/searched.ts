/**
 * The blocks of a stream in which a filter has something to find.
 *
 * In a large stream the matcher reads and searches the file itself, aside from the daemon, and brings
 * the matching lines. Where secrets are masked in them they are filtered once more as they are
 * shown, so that a filter learns nothing that a reader does not see.
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
import type { LineRun, OutputFile, PlainPart } from "./ports.ts";
import { SECRET_REACH_BYTES } from "./redacted-file.ts";

export interface SearchSizes {
  /** A smaller part is read here: starting a thread takes longer. Bytes. */
  readonly leastBytes: number;
  /** Searched at first, so that an end near by is found soon; then mostly twice as much each time. Bytes. */
  readonly sliceBytes: number;
  readonly sliceMaxBytes: number;
  /** Matching lines that are closer than this are taken in one go. Bytes. */
  readonly nearBytes: number;
  /** Most that is brought of a slice; what is beyond is read here, and the next slices are smaller. Bytes. */
  readonly bringMaxBytes: number;
}

export const SEARCH_SIZES: SearchSizes = {
  leastBytes: 4 * MIB,
  sliceBytes: MIB,
  sliceMaxBytes: 64 * MIB,
  nearBytes: 64 * KIB,
  bringMaxBytes: 4 * MIB,
};
/** Asked for at once: each of two threads has the next one when it is done with one. */
const SLICES_AHEAD = 4;
/** Of what is left, a slice is at most one in so many. */
const LAST_SHARE = 4;
/** Longest run of matching lines that is handed on as one range. Bytes. */
const RUN_MAX_BYTES = MIB;

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
  for await (const run of matchingRuns(plain, { ...wanted, from: border }, search)) {
    const block = run.to - run.from > sizes.lineMaxBytes ? null : blockOf(run, plain);
    if (block === null) yield* blocks(file, run.from, run.to, sizes);
    else yield block;
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

/** A run as it was brought, with secrets masked; null when it is to be read. */
function blockOf({ from, to, starts, around }: LineRun, plain: PlainPart): Block | null {
  if (around === null) return null;
  const wanted = around.bytes.subarray(from - around.at, to - around.at);
  const bytes = plain.shown(around.bytes, wanted);
  // What was masked may have been what matched.
  if (bytes !== wanted) return { from, to, bytes };
  return { from, to, bytes, starts: starts.map((start) => start - from) };
}

async function* matchingRuns(
  plain: PlainPart,
  { from, to, filter, direction }: Searched,
  search: SearchSizes,
): AsyncGenerator<LineRun> {
  const slices = slicesOf({ from, to }, direction, search);
  const { nearBytes, bringMaxBytes: maxBytes } = search;
  const sizes = { nearBytes, maxBytes, runMaxBytes: RUN_MAX_BYTES };
  const bring = { ...sizes, from: plain.from, aroundBytes: SECRET_REACH_BYTES };
  const ahead: Promise<readonly LineRun[]>[] = [];
  const scan = async (slice: Range): Promise<readonly LineRun[]> => {
    const runs = await filter.scan({ path: plain.path, ...slice, limit: to, bring });
    slices.tell(slice, runs);
    const lowest = Math.min(slice.from, ...runs.map(({ around }) => around?.at ?? slice.from));
    if (!(await plain.isStill(lowest))) throw rotated();
    return runs;
  };
  const askNext = (): void => {
    const slice = slices.next();
    if (slice === null) return;
    const found = scan(slice);
    // One that is not waited for any more, because enough was found, may fail unseen.
    found.catch(() => {});
    ahead.push(found);
  };
  for (let count = 0; count < SLICES_AHEAD; count += 1) askNext();
  for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
    const runs = await next;
    askNext();
    yield* direction === "forward" ? runs : runs.toReversed();
  }
}

/** Cuts a range into slices: growing, and smaller where they bring much. */
function slicesOf(
  { from, to }: Range,
  direction: Searched["direction"],
  { sliceBytes, sliceMaxBytes, bringMaxBytes }: SearchSizes,
) {
  let size = sliceBytes;
  /** Of such a size half of what may be brought is to be expected. */
  let fitting = sliceMaxBytes;
  let done = 0;
  return {
    next(): Range | null {
      const left = to - from - done;
      if (left === 0) return null;
      // Towards the end they get smaller, so that no thread is the last one for long.
      const share = Math.max(sliceBytes, Math.min(size, Math.ceil(left / LAST_SHARE)));
      const length = Math.min(left, share);
      const begin = direction === "forward" ? from + done : to - done - length;
      done += length;
      size = Math.min(size * 2, fitting);
      return { from: begin, to: begin + length };
    },
    tell(slice: Range, runs: readonly LineRun[]): void {
      const bytes = runs.reduce((sum, run) => sum + run.to - run.from + 2 * SECRET_REACH_BYTES, 1);
      const room = ((slice.to - slice.from) * bringMaxBytes) / (2 * bytes);
      fitting = Math.max(sliceBytes, Math.min(sliceMaxBytes, Math.floor(room)));
      size = Math.min(size, fitting);
    },
  };
}

function rotated(): Fault {
  return new Fault("PROBE_FAILED", "The stream was rotated while it was searched.", {
    hint: "Call again: nothing is lost, it only lies elsewhere now.",
  });
}
