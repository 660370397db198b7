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
    const wanted = Math.max(0, end - READ_BYTES);
    const { from, bytes } = await readBefore(read, wanted, end);
    for (let at = bytes.length - 1; at >= 0; at -= 1) {
      if (bytes[at] === NEWLINE && ++found === lines) return from + at + 1;
    }
    // A gap lies in between: what is in front of it is not the end of anything.
    if (from !== wanted) return from;
    end = from;
  }
  return 0;
}

/** The bytes before `to`, back to `from` or to the end of the last gap in between. */
async function readBefore(read: ReadRange, from: number, to: number): Promise<LineChunk> {
  let parts: Buffer[] = [];
  let start = from;
  let at = from;
  while (at < to) {
    const answer = await read(at, to - at);
    if (answer.from > at) {
      parts = [];
      start = answer.from;
    }
    if (answer.from >= to || answer.next <= at) break;
    // An answer from behind a gap may reach further than was asked for.
    parts.push(Buffer.from(answer.data, "base64").subarray(0, to - answer.from));
    at = answer.next;
  }
  return { from: start, bytes: Buffer.concat(parts) };
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
    if (answer.from > at) {
      // A gap: the line that it cut off ends here.
      if (rest.length > 0) yield { from: at - rest.length, bytes: rest };
      rest = Buffer.alloc(0);
      at = answer.from;
    }
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
