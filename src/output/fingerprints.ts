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
    lead: leadAt(secret, 0),
    prefix: prefixAt(secret, 0),
  };
}

export interface Span {
  readonly from: number;
  /** Behind the last byte. */
  readonly to: number;
}

/** Looks for known secrets; one pass over the text, however many there are. */
export function fingerprintFinder(digest: Digest) {
  const leads = new Uint8Array(0x1_00_00);
  const byPrefix = new Map<number, Fingerprint[]>();
  return {
    add(fingerprint: Fingerprint): void {
      const { lead, prefix } = fingerprint;
      const known = byPrefix.get(prefix) ?? [];
      if (known.some((one) => one.digest === fingerprint.digest)) return;
      leads[lead] = 1;
      byPrefix.set(prefix, [...known, fingerprint]);
    },
    /** Where secrets are, ascending by their start; they may overlap. */
    find(text: string): readonly Span[] {
      if (byPrefix.size === 0) return [];
      const spans: Span[] = [];
      const last = text.length - PREFIX_BYTES;
      let before = text.charCodeAt(0);
      for (let at = 0; at <= last; at += 1) {
        const next = text.charCodeAt(at + 1);
        if (leads[((before << 8) | next) & 0xff_ff] === 1) {
          for (const { length, digest: wanted } of byPrefix.get(prefixAt(text, at)) ?? []) {
            const to = at + length;
            if (to <= text.length && digest(text.slice(at, to)) === wanted) {
              spans.push({ from: at, to });
            }
          }
        }
        before = next;
      }
      return spans;
    },
  };
}

function leadAt(text: string, at: number): number {
  return ((text.charCodeAt(at) << 8) | text.charCodeAt(at + 1)) & 0xff_ff;
}

/** FNV-1a. */
function prefixAt(text: string, at: number): number {
  let hash = FNV_START;
  for (let index = at; index < at + PREFIX_BYTES; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  }
  return hash >>> 0;
}
