/**
 * The seek table of the zstd seekable format, version 0.1.0. Pure.
 *
 * A segment is a row of independent zstd frames and, last, a skippable frame with the length of
 * each, compressed and plain. Any zstd reads it from end to end and skips the table; who knows the
 * table finds the frame of any byte without decompressing what is before it.
 */

const SKIPPABLE_MAGIC = 0x18_4d_2a_5e;
const SEEKABLE_MAGIC = 0x8f_92_ea_b1;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 8;
const CHECKED_ENTRY_BYTES = 12;
const HAS_CHECKSUMS = 0x80;
/** Bits that the format leaves for later versions; a table that uses them is not understood. */
const RESERVED = 0x7c;

/** Length of the footer, which tells how long the table is. Bytes. */
export const FOOTER_BYTES = 9;

/** One frame, in bytes. */
export interface FrameLength {
  readonly compressed: number;
  readonly plain: number;
}

/** A frame with where it begins, in bytes, in the file and in what it decompresses to. */
export interface Frame extends FrameLength {
  readonly at: number;
  readonly from: number;
}

/** The skippable frame that ends a segment. */
export function encodeSeekTable(frames: readonly FrameLength[]): Uint8Array {
  const table = Buffer.alloc(tableBytes(frames.length, ENTRY_BYTES));
  table.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  table.writeUInt32LE(table.length - HEADER_BYTES, 4);
  let at = HEADER_BYTES;
  for (const { compressed, plain } of frames) {
    table.writeUInt32LE(compressed, at);
    table.writeUInt32LE(plain, at + 4);
    at += ENTRY_BYTES;
  }
  table.writeUInt32LE(frames.length, at);
  table.writeUInt32LE(SEEKABLE_MAGIC, at + 5);
  return table;
}

/**
 * How many bytes at the end of a segment are its table.
 *
 * @param footer  The last {@link FOOTER_BYTES} bytes of it.
 * @returns       null when they end no seek table that we understand.
 */
export function seekTableBytes(footer: Uint8Array): number | null {
  if (footer.length !== FOOTER_BYTES) return null;
  const view = Buffer.from(footer);
  const flags = view.readUInt8(4);
  if (view.readUInt32LE(5) !== SEEKABLE_MAGIC || (flags & RESERVED) !== 0) return null;
  return tableBytes(view.readUInt32LE(0), entryBytes(flags));
}

/**
 * The frames of a segment.
 *
 * @param table  The whole skippable frame.
 * @returns      null when it is none, or says something impossible.
 */
export function decodeSeekTable(table: Uint8Array): readonly Frame[] | null {
  const view = Buffer.from(table);
  if (view.length < HEADER_BYTES + FOOTER_BYTES) return null;
  const bytes = seekTableBytes(view.subarray(-FOOTER_BYTES));
  const isFramed =
    bytes === view.length &&
    view.readUInt32LE(0) === SKIPPABLE_MAGIC &&
    view.readUInt32LE(4) === view.length - HEADER_BYTES;
  if (!isFramed) return null;
  const step = entryBytes(view.readUInt8(view.length - 5));
  const frames: Frame[] = [];
  let [at, from] = [0, 0];
  for (let entry = HEADER_BYTES; entry < view.length - FOOTER_BYTES; entry += step) {
    const frame = {
      at,
      from,
      compressed: view.readUInt32LE(entry),
      plain: view.readUInt32LE(entry + 4),
    };
    frames.push(frame);
    at += frame.compressed;
    from += frame.plain;
  }
  return frames;
}

function tableBytes(frames: number, step: number): number {
  return HEADER_BYTES + frames * step + FOOTER_BYTES;
}

function entryBytes(flags: number): number {
  return (flags & HAS_CHECKSUMS) === 0 ? ENTRY_BYTES : CHECKED_ENTRY_BYTES;
}
