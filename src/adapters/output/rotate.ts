/**
 * Rotation: the closed beginning of a stream becomes segments while the agent goes on appending.
 *
 *   segment durable → how far the hole will reach, durable → hole
 *
 * Ended at any step, the next rotation goes on: a range is in a segment before a byte of it is
 * given up, and the name of a segment says which range it is, so none is made twice.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { MIB } from "../../kernel/units.ts";
import type { DurableFiles } from "./durable-files.ts";
import { makeSegment } from "./make-segment.ts";
import { readRange } from "./read-range.ts";
import { type FoundLayout, readLayout } from "./read-layout.ts";
import { punchedName, unfinishedName } from "./segments.ts";

const NEWLINE = 0x0a;
/** How far before its end a segment may end instead, so that it ends a line. Bytes. */
const LINE_MOST = MIB;

export interface RotateOrder {
  readonly directory: string;
  /** File name of the stream. */
  readonly stream: string;
  /** Plain bytes of one segment. */
  readonly segmentBytes: number;
  /** Plain bytes at the end that stay as they are. */
  readonly keepBytes: number;
  /** Rotates only when more than this is not in segments. Bytes, >= keepBytes. */
  readonly whenOver: number;
  /** False: the segments are made and the stream stays whole beside them. */
  readonly punches: boolean;
  /** Segments after which it stops, so that a stream that grows faster than this does not hold it for ever. Absent means none. */
  readonly segmentsMost?: number;
  readonly frames: number;
}

export interface Rotated {
  /** Segments made. */
  readonly segments: number;
  /** Plain bytes that went into them. */
  readonly bytes: number;
}

/**
 * Rotates one stream as far as the order says. Not to be called for the same stream at the same time.
 *
 * @throws what the system said: everything up to the last whole step stays, and nothing is lost.
 */
export async function rotate(files: DurableFiles, order: RotateOrder): Promise<Rotated> {
  const { directory, stream, segmentBytes, keepBytes, whenOver, punches } = order;
  const { segmentsMost = Number.POSITIVE_INFINITY } = order;
  let layout = await readLayout(directory, stream);
  const rotated = { segments: 0, bytes: 0 };
  // Removed after it was archived, or never written.
  if (layout.plainSize === null) return rotated;
  // What a rotation that was ended between its segment and its hole left undone.
  if (punches && layout.isHoleOpen) await punchSegments(files, order, layout);
  while (layout.size - layout.plainFrom > whenOver && rotated.segments < segmentsMost) {
    const end = Math.min(layout.plainFrom + segmentBytes, layout.size - keepBytes);
    if (end <= layout.plainFrom) break;
    const to = end === layout.size ? end : await lineEnd(order, layout.plainFrom, end);
    await makeSegment(files, { ...order, from: layout.plainFrom, to });
    rotated.segments += 1;
    rotated.bytes += to - layout.plainFrom;
    layout = await readLayout(directory, stream);
    if (punches) await punchSegments(files, order, layout);
  }
  await files.remove(join(directory, unfinishedName(stream)));
  return rotated;
}

/** Writes down how far the hole will reach, and makes it. */
async function punchSegments(
  files: DurableFiles,
  { directory, stream }: RotateOrder,
  { segments, punchedTo }: FoundLayout,
): Promise<void> {
  const covered = Math.max(segments.at(-1)?.to ?? 0, punchedTo);
  const record = join(directory, punchedName(stream));
  await files.create(`${record}.tmp`, (append) => append(Buffer.from(`${covered}\n`)));
  await files.rename(`${record}.tmp`, record);
  await files.syncFolder(directory);
  // From the very beginning: what is a hole already costs nothing, and an earlier one may be missing.
  await files.punch(join(directory, stream), 0, covered);
}

/** The end of the last line before `end`; `end` itself when no line ends near it. */
async function lineEnd(
  { directory, stream }: RotateOrder,
  from: number,
  end: number,
): Promise<number> {
  const low = Math.max(from, end - LINE_MOST);
  await using handle = await open(join(directory, stream), "r");
  const newline = (await readRange(handle, low, end - low)).lastIndexOf(NEWLINE);
  return newline < 0 ? end : low + newline + 1;
}
