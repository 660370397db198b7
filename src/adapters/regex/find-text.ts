/**
 * Looking for a text by two of its bytes at once, with the vectors of the processor: for texts of
 * which no byte is rare. Node's own search goes by one byte, and stops wherever that one is.
 */
import { type VectorCode, vectorCode } from "../../kernel/vectors.ts";

/** Of find-text.wat as it was compiled: an edit of the one without the other is found by a test. */
export const FIND_TEXT_SOURCE_SHA256 =
  "b4de6673c714e889c53b01c76d80a06b437c39426784e0641f27684f30d38d77";
/** find-text.wat, compiled: `wat2wasm find-text.wat`. */
export const FIND_TEXT_WASM =
  "AGFzbQEAAAABDQFgCH9/f39/f39/AX8DAgEABQMBABIHEQIGbWVtb3J5AgAEZmluZAAACq4CAasCAgJ7A38gAv0PIQ" +
  "ggA/0PIQkCQANAAkADQCAAQcAAaiABSw0BIAD9AAQAIAj9IyAAIARq/QAEACAJ/SP9TiAA/QAEECAI/SMgACAEav0A" +
  "BBAgCf0j/U79UCAA/QAEICAI/SMgACAEav0ABCAgCf0j/U4gAP0ABDAgCP0jIAAgBGr9AAQwIAn9I/1O/VD9UP1TDQ" +
  "EgAEHAAGohAAwACwsgACABTw0BIAD9AAQAIAj9IyAAIARq/QAEACAJ/SP9Tv1kIQoCQANAIApFDQEgACAKaGohCyAL" +
  "IAFPDQMgCyAFayELQQAhDAJAA0AgCyAMai0AACAGIAxqLQAARw0BIAxBAWohDCAMIAdJDQALIAsPCyAKIApBAWtxIQ" +
  "oMAAsLIABBEGohAAwACwtBfws=";

/**
 * A piece of a file: few reads, and it still stays in the processor's cache between reading and
 * searching. It lies at the beginning of the memory, the text behind it; as find-text.wat says.
 */
export const PIECE_BYTES = 1_048_576;
const TEXT_AT = PIECE_BYTES;
/** Longer texts are looked for in another way. */
const TEXT_MOST_BYTES = 4_096;

let known: VectorCode | null | undefined;

/** Null on a processor without vectors. */
function vectors(): VectorCode | null {
  if (known === undefined) known = vectorCode(FIND_TEXT_WASM);
  return known;
}

/** A buffer of {@link PIECE_BYTES} that can be searched with vectors, where there are any; one for this thread. */
export function pieceBuffer(): Buffer {
  return vectors()?.memory.subarray(0, PIECE_BYTES) ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
}

/** As `indexOf` of one text. */
export interface TextSearch {
  /** Whether these bytes lie where the vectors reach. */
  reaches(bytes: Buffer): boolean;
  /** To be called before the first question about other bytes, or after another search. */
  begin(): void;
  /** Where the text begins, at or behind `from`; -1 when nowhere. Only for bytes that it reaches. */
  next(bytes: Buffer, from: number): number;
}

/**
 * @param text    At least two bytes.
 * @param at      Its rarest byte, by place.
 * @param sample  Of what will be searched: enough to tell which two of its bytes seldom stand so.
 * @returns       Null where it cannot be done.
 */
export function textSearch(text: Buffer, at: number, sample: Buffer): TextSearch | null {
  const wasm = vectors();
  if (wasm === null || text.length < 2 || text.length > TEXT_MOST_BYTES) return null;
  const partner = partnerOf(text, at, sample);
  const [lead, last] = at < partner ? [at, partner] : [partner, at];
  const [first = 0, second = 0] = [text[lead], text[last]];
  return {
    reaches: (bytes) => bytes.buffer === wasm.memory.buffer,
    begin: () => void text.copy(wasm.memory, TEXT_AT),
    next(bytes, from) {
      const start = bytes.byteOffset + from + lead;
      const end = bytes.byteOffset + bytes.length - (text.length - lead) + 1;
      if (start >= end) return -1;
      const { length } = text;
      const found = wasm.find(start, end, first, second, last - lead, lead, TEXT_AT, length);
      return found < 0 ? -1 : found - bytes.byteOffset;
    },
  };
}

/** Places further away tell no more. */
const PARTNERS_MOST = 64;

/** The place in the text whose byte stands least often where it would have to, seen from its rarest one. */
function partnerOf(text: Buffer, at: number, sample: Buffer): number {
  const from = Math.max(0, at - PARTNERS_MOST);
  const partners = Array.from(
    { length: Math.min(text.length, at + PARTNERS_MOST) - from },
    (_, nth) => from + nth,
  ).filter((place) => place !== at);
  const counts = new Uint32Array(text.length);
  const rarest = text[at] ?? 0;
  for (let seen = sample.indexOf(rarest); seen >= 0; seen = sample.indexOf(rarest, seen + 1)) {
    for (const place of partners)
      if (sample[seen + place - at] === text[place]) counts[place]! += 1;
  }
  return partners.reduce((best, place) => (counts[place]! < counts[best]! ? place : best));
}
