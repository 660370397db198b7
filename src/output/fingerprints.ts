/**
 * Finding secrets again without keeping them: of each, only its length, its first two bytes, a hash
 * of its first eight and a digest are known.
 *
 * Texts are byte strings here: every character is one byte, 0 to 255.
 */

export interface Fingerprint {
  /** One-way, salted; hexadecimal. */
  readonly digest: string;
  /** Bytes, >= 8. */
  readonly length: number;
  /** The first two bytes, as one number. */
  readonly lead: number;
  /** Hash of the first eight bytes; 32 bits. */
  readonly prefix: number;
}

/** One-way; the same for the same bytes in one state directory. */
export type Digest = (bytes: string) => string;

const PREFIX_BYTES = 8;
const FNV_PRIME = 0x01_00_01_93;
const FNV_START = 0x81_1c_9d_c5;

/** @param secret  A byte string of at least eight bytes. */
export function fingerprintOf(secret: string, digest: Digest): Fingerprint {
  return {
    digest: digest(secret),
    length: secret.length,
    lead: ((secret.charCodeAt(0) << 8) | secret.charCodeAt(1)) & 0xff_ff,
    prefix: prefixAt(Buffer.from(secret, "latin1"), 0),
  };
}

export interface Span {
  readonly from: number;
  /** Behind the last byte. */
  readonly to: number;
}

export interface KnownSecrets {
  /** False when it was known already. */
  add(fingerprint: Fingerprint): boolean;
  /** Adds the secrets that begin at this place of a text to `spans`. */
  at(bytes: Buffer, from: number, spans: Span[]): void;
}

/** Prefixes are told apart by so many of their bits before they are looked up. */
const SIEVE = 0x0f_ff;

/** @param digest  By which the fingerprints were made. */
export function knownSecrets(digest: Digest): KnownSecrets {
  const sieve = new Uint8Array(SIEVE + 1);
  const byPrefix = new Map<number, readonly Fingerprint[]>();
  return {
    add(fingerprint) {
      const { prefix } = fingerprint;
      const known = byPrefix.get(prefix) ?? [];
      if (known.some((one) => one.digest === fingerprint.digest)) return false;
      byPrefix.set(prefix, [...known, fingerprint]);
      sieve[prefix & SIEVE] = 1;
      return true;
    },
    at(bytes, from, spans) {
      if (from + PREFIX_BYTES > bytes.length) return;
      const prefix = prefixAt(bytes, from);
      if (sieve[prefix & SIEVE] === 0) return;
      for (const { length, digest: wanted } of byPrefix.get(prefix) ?? []) {
        const to = from + length;
        const isOne = to <= bytes.length && digest(bytes.toString("latin1", from, to)) === wanted;
        if (isOne) spans.push({ from, to });
      }
    },
  };
}

/** The bytes by which a fingerprint is looked for first, as a byte string. */
export function leadOf({ lead }: Fingerprint): string {
  return String.fromCharCode(lead >> 8, lead & 0xff);
}

/** FNV-1a. */
function prefixAt(bytes: Buffer, from: number): number {
  let hash = FNV_START;
  for (let at = from; at < from + PREFIX_BYTES; at += 1) {
    hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
  }
  return hash >>> 0;
}
