/**
 * Where a secret may begin: each begins with one of a number of leads, two bytes or three, and most
 * places begin with none. All leads are looked for at once, in long texts with the vectors of the processor.
 */
import { KIB } from "../kernel/units.ts";
import { type VectorCode, vectorCode } from "../kernel/vectors.ts";

/** Of find-leads.wat as it was compiled: an edit of the one without the other is found by a test. */
export const FIND_LEADS_SOURCE_SHA256 =
  "df82eb0aef31a5d89a465b6b3371f77e2a47170dc837235b0dab1617f6dbd17e";
/** find-leads.wat, compiled: `wat2wasm find-leads.wat`. */
export const FIND_LEADS_WASM =
  "AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAwcRAgZtZW1vcnkCAARmaW5kAAAKvAIBuQICBH8Ie0EP/Q8hBkGAgAP9AAQAIQ" +
  "dBkIAD/QAEACEIQaCAA/0ABAAhCUGwgAP9AAQAIQpBwIAD/QAEACELQdCAA/0ABAAhDEGAgAghBAJAA0AgASAATw0BIAH9" +
  "AAQAIQUgByAFIAb9Tv0OIAggBUEE/Y0BIAb9Tv0O/U4gAf0ABAEhBSAJIAUgBv1O/Q4gCiAFQQT9jQEgBv1O/Q79Tv1OIA" +
  "H9AAQCIQUgCyAFIAb9Tv0OIAwgBUEE/Y0BIAb9Tv0O/U79TiEFIAX9UwRAIAX9DAAAAAAAAAAAAAAAAAAAAAD9JP1kIQID" +
  "QCABIAJoaiEDIAMgAE8NAyADLwEALQCAgAQEQCAEIAM7AQAgBEECaiEECyACIAJBAWtxIQIgAg0ACwsgAUEQaiEBDAALCy" +
  "AEQYCACGtBAXYL";

/** Looked at with one call. */
const WINDOW_BYTES = 32 * KIB;
/** How far behind the first byte of a lead its last one is, at the most. */
const BEYOND_BYTES = 2;
/** What lies where in the memory, as find-leads.wat says. */
const AT = { tables: 48 * KIB, pairs: 64 * KIB, places: 128 * KIB } as const;
const TABLE_BYTES = 16;
const GROUPS = 8;
/** A shorter text is looked through sooner than vectors are set up. */
const VECTORS_FROM_BYTES = 2 * KIB;

/** What is known of a pair of bytes. */
const PAIR = { none: 0, isLead: 1, needsThird: 2 } as const;
const PAIRS = 0x1_00_00;

export interface LeadFinder {
  /** @param lead  A byte string; of it the first three bytes count, or two when it has no more. */
  add(lead: string): void;
  /** Visits each place where a lead lies within the bytes, ascending, and no other. */
  visit(bytes: Buffer, visit: (at: number) => void): void;
}

/** @param code  What searches long texts, asked once; null where there is nothing, as on a processor without vectors. */
export function leadFinder(
  code: () => VectorCode | null = () => vectorCode(FIND_LEADS_WASM),
): LeadFinder {
  const pairs = new Uint8Array(PAIRS);
  const thirds = new Set<number>();
  const tables = new Uint8Array(6 * TABLE_BYTES);
  let known = 0;
  let search: Search | null | undefined;
  const searchOfLong = (): Search | null => {
    if (search === undefined) {
      const vectors = code();
      search = vectors === null ? null : searchBy(vectors);
      search?.know(tables, pairs);
    }
    return search;
  };
  return {
    add(lead) {
      const [first = 0, second = 0, third] = Buffer.from(lead, "latin1");
      const pair = first | (second << 8);
      if (third === undefined) pairs[pair] = PAIR.isLead;
      else {
        thirds.add((pair << 8) | third);
        if (pairs[pair] === PAIR.none) pairs[pair] = PAIR.needsThird;
      }
      enter(tables, [first, second, third], known % GROUPS);
      known += 1;
      search?.know(tables, pairs);
    },
    visit(bytes, visit) {
      if (known === 0) return;
      const one = (at: number): void => {
        const pair = bytes[at]! | (bytes[at + 1]! << 8);
        if (pairs[pair] === PAIR.needsThird) {
          const third = at + BEYOND_BYTES;
          if (third >= bytes.length || !thirds.has((pair << 8) | bytes[third]!)) return;
        }
        visit(at);
      };
      const long = bytes.length < VECTORS_FROM_BYTES ? null : searchOfLong();
      if (long === null) visitPairs(bytes, pairs, one);
      else long.visit(bytes, one);
    },
  };
}

/** Puts a lead into the tables of one group, which then lets its bytes through. */
function enter(tables: Uint8Array, lead: readonly (number | undefined)[], group: number): void {
  const bit = 1 << group;
  for (const [nth, byte] of lead.entries()) {
    const [low, high] = [2 * nth * TABLE_BYTES, (2 * nth + 1) * TABLE_BYTES];
    for (let half = 0; half < TABLE_BYTES; half += 1) {
      if (byte === undefined || half === (byte & 15)) tables[low + half]! |= bit;
      if (byte === undefined || half === byte >> 4) tables[high + half]! |= bit;
    }
  }
}

/** Byte by byte. */
function visitPairs(bytes: Buffer, pairs: Uint8Array, visit: (at: number) => void): void {
  let before = bytes[0] ?? 0;
  for (let at = 1; at < bytes.length; at += 1) {
    const next = bytes[at]!;
    if (pairs[before | (next << 8)] !== PAIR.none) visit(at - 1);
    before = next;
  }
}

interface Search {
  know(tables: Uint8Array, pairs: Uint8Array): void;
  /** As {@link visitPairs}. */
  visit(bytes: Buffer, visit: (at: number) => void): void;
}

function searchBy({ memory, find }: VectorCode): Search {
  const places = new Uint16Array(memory.buffer, memory.byteOffset + AT.places, WINDOW_BYTES);
  return {
    know(tables, pairs) {
      memory.set(tables, AT.tables);
      memory.set(pairs, AT.pairs);
    },
    visit(bytes, visit) {
      // The last byte begins no pair.
      const last = bytes.length - 1;
      for (let from = 0; from < last; from += WINDOW_BYTES) {
        bytes.copy(memory, 0, from, from + WINDOW_BYTES + BEYOND_BYTES);
        const count = find(Math.min(WINDOW_BYTES, last - from));
        for (let nth = 0; nth < count; nth += 1) visit(from + places[nth]!);
      }
    },
  };
}
