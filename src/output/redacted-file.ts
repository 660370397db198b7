/** A stream as it may be shown: with stars in place of secrets, byte for byte as long as it is. */
import { KIB } from "../kernel/units.ts";
import type { OutputFile } from "./ports.ts";
import type { Redactor } from "./redact.ts";

/**
 * How far around a range a secret is looked for that lies across its border: longer than any key
 * that is in use, JSON escapes counted. Bytes.
 */
export const SECRET_REACH_BYTES = 16 * KIB;

/**
 * Masks what is read. A secret is masked whole, wherever a range begins or ends, as long as it is no
 * longer than {@link SECRET_REACH_BYTES}.
 */
export function redactedFile(file: OutputFile, redactor: Pick<Redactor, "bytes">): OutputFile {
  return {
    size: () => file.size(),
    gaps: (from, to) => file.gaps(from, to),
    source: () => file.source(),
    async plainPart() {
      const plain = await file.plainPart();
      // The file itself is unmasked: searched aside, and shown only through here.
      return plain && { ...plain, shown: (around, wanted) => shownOf(redactor, around, wanted) };
    },
    async read(from, length) {
      const wanted = await file.read(from, length);
      if (wanted.length === 0) return wanted;
      const low = Math.max(0, from - SECRET_REACH_BYTES);
      const to = from + wanted.length;
      const [before, after] = await Promise.all([
        tailBefore(file, low, from),
        file.read(to, SECRET_REACH_BYTES),
      ]);
      const around = Buffer.concat([before, wanted, after]);
      const part = around.subarray(before.length, before.length + wanted.length);
      return shownOf(redactor, around, part);
    },
  };
}

function shownOf(
  redactor: Pick<Redactor, "bytes">,
  around: Uint8Array,
  wanted: Uint8Array,
): Uint8Array {
  const masked = redactor.bytes(around);
  if (masked === around) return wanted;
  const at = wanted.byteOffset - around.byteOffset;
  return masked.subarray(at, at + wanted.length);
}

/** How an export is masked. */
export interface Masking {
  /** @see Redactor.value */
  value<T>(value: T): T;
  /** Of bytes that come one piece after the other, without a gap between. */
  pieces(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

export function maskingBy(redactor: Redactor): Masking {
  return {
    value: (value) => redactor.value(value),
    pieces: (pieces) => maskedPieces(pieces, redactor),
  };
}

/**
 * Masks what comes one piece after the other, without a gap between: as {@link redactedFile}, but
 * each byte is read once. Holds a piece and twice the reach of a secret.
 */
async function* maskedPieces(
  pieces: AsyncIterable<Uint8Array>,
  redactor: Pick<Redactor, "bytes">,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array(0);
  /** Of what is held, what was handed on already. */
  let done = 0;
  for await (const piece of pieces) {
    held = Buffer.concat([held, piece]);
    const sure = held.length - SECRET_REACH_BYTES;
    if (sure <= done) continue;
    yield redactor.bytes(held).subarray(done, sure);
    const from = Math.max(0, sure - SECRET_REACH_BYTES);
    held = held.subarray(from);
    done = sure - from;
  }
  if (held.length > done) yield redactor.bytes(held).subarray(done);
}

/** The bytes directly before an offset; fewer where a gap lies between. */
async function tailBefore(file: OutputFile, low: number, from: number): Promise<Uint8Array> {
  const bytes = low === from ? new Uint8Array(0) : await file.read(low, from - low);
  // A gap ends the read early: then what was read does not touch the range.
  return bytes.length === from - low ? bytes : new Uint8Array(0);
}
