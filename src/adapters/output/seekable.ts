/** Reading a segment at any offset, wherever it lies: a file of its own, or a member of an archive. */
import { type FileHandle, open } from "node:fs/promises";
import { readRange } from "./read-range.ts";
import { decodeSeekTable, FOOTER_BYTES, type Frame, seekTableBytes } from "./seek-table.ts";
import { decompressFrame } from "./zstd.ts";

/** Where a segment lies: `bytes` from `at` on in the file at `path`. */
export interface SegmentPlace {
  readonly path: string;
  readonly at: number;
  /** null means up to the file's end. */
  readonly bytes: number | null;
}

export interface SeekableReader {
  /**
   * Plain bytes of a segment.
   *
   * @param from    Offset in what the segment decompresses to.
   * @param length  Bytes wanted, >= 1.
   * @returns       At least one and at most that many: up to the end of one frame.
   * @throws what the system or zstd said.
   */
  read(place: SegmentPlace, from: number, length: number): Promise<Uint8Array>;
}

/** Keeps the tables that it has read and the last frame, and no handle. */
export function seekableReader(): SeekableReader {
  const tables = new Map<string, readonly Frame[]>();
  let last: { readonly key: string; readonly frame: Frame; readonly bytes: Uint8Array } | null =
    null;
  return {
    async read(place, from, length) {
      const key = `${place.path}@${place.at}`;
      if (last?.key === key && isIn(last.frame, from))
        return part(last.frame, last.bytes, from, length);
      await using handle = await open(place.path, "r");
      const frames = tables.get(key) ?? (await seekTableOf(handle, place));
      tables.set(key, frames);
      const frame = frames.find((one) => isIn(one, from));
      if (frame === undefined) throw new RangeError(`no frame of ${place.path} holds ${from}`);
      const bytes = await frameOf(handle, place, frame);
      last = { key, frame, bytes };
      return part(frame, bytes, from, length);
    },
  };
}

/** The frames of a segment. @throws {RangeError} when it ends in no seek table. */
export async function seekTableOf(
  handle: FileHandle,
  place: SegmentPlace,
): Promise<readonly Frame[]> {
  const end = place.at + (place.bytes ?? (await handle.stat()).size - place.at);
  const footer = await readRange(handle, Math.max(place.at, end - FOOTER_BYTES), FOOTER_BYTES);
  const bytes = seekTableBytes(footer);
  const isInside = bytes !== null && bytes <= end - place.at;
  const frames = isInside ? decodeSeekTable(await readRange(handle, end - bytes, bytes)) : null;
  if (frames === null) throw new RangeError(`${place.path} holds no whole segment at ${place.at}`);
  return frames;
}

/** What one frame decompresses to. @throws as {@link decompressFrame}. */
export async function frameOf(
  handle: FileHandle,
  { at }: SegmentPlace,
  frame: Frame,
): Promise<Uint8Array> {
  return decompressFrame(await readRange(handle, at + frame.at, frame.compressed), frame.plain);
}

function isIn({ from, plain }: Frame, offset: number): boolean {
  return offset >= from && offset < from + plain;
}

function part(frame: Frame, bytes: Uint8Array, from: number, length: number): Uint8Array {
  return bytes.subarray(from - frame.from, from - frame.from + length);
}
