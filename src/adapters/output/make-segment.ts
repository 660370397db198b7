/** Making one segment: temporary name → sync → its own name → sync of the folder. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { DurableFiles } from "./durable-files.ts";
import { readRange } from "./read-range.ts";
import { encodeSeekTable, type FrameLength } from "./seek-table.ts";
import { segmentName, unfinishedName } from "./segments.ts";
import { compressFrame, FRAME_BYTES } from "./zstd.ts";

/** Which range of which stream. */
export interface SegmentOrder {
  readonly directory: string;
  /** File name of the stream. */
  readonly stream: string;
  readonly from: number;
  /** Not behind the end of the stream. */
  readonly to: number;
  /** Frames that are compressed at the same time; each holds two MiB. */
  readonly frames: number;
}

/**
 * Compresses a range of a stream into a segment that is durable, under its own name, when this
 * returns. The stream itself is only read. Repeatable: what an earlier try left is written over.
 *
 * @throws what the system said; then there is no new segment. RangeError when the range is not there.
 */
export async function makeSegment(files: DurableFiles, order: SegmentOrder): Promise<void> {
  const { directory, stream, from, to } = order;
  const unfinished = join(directory, unfinishedName(stream));
  await files.create(unfinished, async (append) => {
    const lengths: FrameLength[] = [];
    for await (const { compressed, plain } of framesOf(order)) {
      await append(compressed);
      lengths.push({ compressed: compressed.length, plain });
    }
    await append(encodeSeekTable(lengths));
  });
  await files.rename(unfinished, join(directory, segmentName(stream, from, to)));
  await files.syncFolder(directory);
}

interface PackedFrame {
  readonly compressed: Uint8Array;
  readonly plain: number;
}

/** The frames of a range, in order, with so many of them in the making. */
async function* framesOf({
  directory,
  stream,
  from,
  to,
  frames,
}: SegmentOrder): AsyncGenerator<PackedFrame> {
  await using handle = await open(join(directory, stream), "r");
  const making: Promise<PackedFrame>[] = [];
  const pack = async (at: number): Promise<PackedFrame> => {
    const plain = Math.min(FRAME_BYTES, to - at);
    const bytes = await readRange(handle, at, plain);
    if (bytes.length < plain) throw new RangeError(`${stream} ends before ${to}`);
    return { compressed: await compressFrame(bytes), plain };
  };
  try {
    for (let at = from; at < to || making.length > 0;) {
      while (at < to && making.length < frames) {
        making.push(pack(at));
        at += FRAME_BYTES;
      }
      const next = making.shift();
      if (next !== undefined) yield await next;
    }
  } finally {
    // The handle must not be closed under a read.
    await Promise.allSettled(making);
  }
}
