/** Reading an agent's stream by byte offset: the last lines of it, and on from there. */
import type { StreamAnswer } from "../../contract/api.ts";

/** One range of a stream, or less of it. `from` and `maxBytes` in bytes. */
export type ReadRange = (from: number, maxBytes: number) => Promise<StreamAnswer>;

export const READ_BYTES = 256 * 1_024;
const NEWLINE = 0x0a;
/** A line that is longer than this is handed on in pieces: no output may exhaust our memory. */
const LINE_MAX_BYTES = 16 * 1_024 * 1_024;

/**
 * Where the last `lines` whole lines of a stream begin.
 *
 * Reads backwards in blocks, so that the end of a huge stream costs no more than a small one.
 * A last line without its newline counts as a line.
 *
 * @param lines  1 or more.
 * @returns      A byte offset; 0 when the stream has no more lines than that.
 */
export async function tailOffset(read: ReadRange, size: number, lines: number): Promise<number> {
  let found = 0;
  // The newline that ends the last line separates nothing.
  let end = size - 1;
  while (end > 0) {
    const from = Math.max(0, end - READ_BYTES);
    const block = await readExactly(read, from, end - from);
    for (let at = block.length - 1; at >= 0; at -= 1) {
      if (block[at] === NEWLINE && ++found === lines) return from + at + 1;
    }
    end = from;
  }
  return 0;
}

async function readExactly(read: ReadRange, from: number, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let at = from;
  while (at < from + bytes) {
    const { data, next } = await read(at, from + bytes - at);
    if (next <= at) break;
    parts.push(Buffer.from(data, "base64"));
    at = next;
  }
  return Buffer.concat(parts);
}

/** Whole lines as they were written, newline included where there is one. */
export interface LineChunk {
  /** Byte offset of `bytes` in the stream. */
  readonly from: number;
  readonly bytes: Buffer;
}

/**
 * The stream from an offset on, in chunks that end at a line's end.
 *
 * With `follow` it goes on until the agent has ended and everything was read; without, until
 * the size at the first look. A last line without its newline comes at the very end.
 *
 * @param pause  Waits a little before the next look; called only when nothing new was there.
 */
export async function* lineChunks(
  read: ReadRange,
  from: number,
  { follow, pause }: { readonly follow: boolean; readonly pause: () => Promise<void> },
): AsyncGenerator<LineChunk> {
  let at = from;
  let rest = Buffer.alloc(0);
  for (;;) {
    const answer = await read(at, READ_BYTES);
    const fresh = Buffer.from(answer.data, "base64");
    const joined = rest.length === 0 ? fresh : Buffer.concat([rest, fresh]);
    const cut = joined.length > LINE_MAX_BYTES ? joined.length : joined.lastIndexOf(NEWLINE) + 1;
    if (cut > 0) yield { from: at - rest.length, bytes: joined.subarray(0, cut) };
    rest = joined.subarray(cut);
    at = answer.next;
    if (fresh.length > 0 && at < answer.size) continue;
    if (answer.ended ? fresh.length === 0 || at >= answer.size : !follow) break;
    if (fresh.length === 0) await pause();
  }
  if (rest.length > 0) yield { from: at - rest.length, bytes: rest };
}

/** The lines of a chunk with the byte offset of each, newlines taken off. */
export function linesOf({ from, bytes }: LineChunk): readonly { offset: number; line: string }[] {
  const lines: { offset: number; line: string }[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    lines.push({ offset: from + start, line: bytes.toString("utf8", start, end) });
    start = end + 1;
  }
  return lines;
}
