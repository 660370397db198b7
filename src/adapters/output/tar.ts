/**
 * The part of the tar format (POSIX ustar) that an archive uses: plain files, one after the
 * other, each with a header of one block. Pure.
 */

/** Headers and contents begin at multiples of this. Bytes. */
export const TAR_BLOCK = 512;

/** Two empty blocks end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * TAR_BLOCK);

const NAME_BYTES = 100;
const FOLDER_BYTES = 155;
/** Largest size that eleven octal digits tell. Bytes. */
const SIZE_MOST = 0o77_777_777_777;
const MAGIC = "ustar\0";

export interface TarEntry {
  /** The one folder that it lies in; ASCII, at most 155 bytes. */
  readonly folder: string;
  /** ASCII, at most 100 bytes. */
  readonly name: string;
  /** Bytes of its content. */
  readonly size: number;
}

/**
 * One header block: mode 0600, no owner.
 *
 * @param at  Modification time. Seconds since the epoch.
 * @throws {RangeError} for a name or a size that the format cannot tell.
 */
export function tarHeader({ folder, name, size }: TarEntry, at: number): Uint8Array {
  if (name.length > NAME_BYTES || folder.length > FOLDER_BYTES || size > SIZE_MOST) {
    throw new RangeError(`tar cannot hold "${folder}/${name}" of ${size} bytes`);
  }
  const header = Buffer.alloc(TAR_BLOCK);
  header.write(name, 0, "latin1");
  header.write(folder, 345, "latin1");
  header.write("0000600\0", 100, "latin1");
  header.write("0000000\0", 108, "latin1");
  header.write("0000000\0", 116, "latin1");
  header.write(`${octal(size)}\0`, 124, "latin1");
  header.write(`${octal(at)}\0`, 136, "latin1");
  header.write("0", 156, "latin1");
  header.write(`${MAGIC}00`, 257, "latin1");
  header.write(`${checksumOf(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** What a header says; null when it is none of a plain file, or damaged. */
export function parseTarHeader(header: Uint8Array): TarEntry | null {
  const view = Buffer.from(header);
  if (view.length !== TAR_BLOCK || textAt(view, 257, 6) !== "ustar") return null;
  const told = Number.parseInt(textAt(view, 148, 8), 8);
  if (told !== checksumOf(view) || textAt(view, 156, 1) !== "0") return null;
  return {
    folder: textAt(view, 345, FOLDER_BYTES),
    name: textAt(view, 0, NAME_BYTES),
    size: Number.parseInt(textAt(view, 124, 12), 8),
  };
}

/** Bytes between the end of a content and the next header. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/** Where each content begins, and where the last one's padding ends, when they follow each other from `start` on. */
export function tarPlaces(
  entries: readonly Pick<TarEntry, "size">[],
  start: number,
): { readonly places: readonly number[]; readonly end: number } {
  let at = start;
  const places = entries.map(({ size }) => {
    const place = at + TAR_BLOCK;
    at = place + size + tarPadding(size);
    return place;
  });
  return { places, end: at };
}

function octal(value: number): string {
  return value.toString(8).padStart(11, "0");
}

/** The sum of all bytes, those of the checksum itself taken for spaces. */
function checksumOf(header: Uint8Array): number {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum;
}

function textAt(view: Buffer, from: number, length: number): string {
  return view.toString("latin1", from, from + length).split("\0", 1)[0] ?? "";
}
