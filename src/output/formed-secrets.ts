/** Finding secrets that are told by their form, only where one may begin. */
import type { Span } from "./fingerprints.ts";
import { SECRET_PATTERNS } from "./secret-patterns.ts";

/** Every lead of a pattern, as byte strings. */
export const FORM_LEADS: readonly string[] = [
  ...new Set(SECRET_PATTERNS.flatMap(({ leads }) => leads)),
];

/** One pass over one text. */
export interface FormedPass {
  /**
   * Adds the secrets whose pattern has a lead at this place to `spans`. To be called with every
   * lead, ascending.
   *
   * @param text  The bytes as a byte string.
   */
  at(bytes: Buffer, text: () => string, place: number, spans: Span[]): void;
}

interface Form {
  /** Matches at one place and nowhere else. */
  readonly pattern: RegExp;
  readonly nth: number;
  readonly leadAt: number;
}

/** @returns  Begins a pass; one at a time. */
export function formedSecrets(): () => FormedPass {
  const byLead = new Map<number, readonly Form[]>();
  for (const [nth, { pattern, leads, leadAt }] of SECRET_PATTERNS.entries()) {
    const form = { pattern: new RegExp(pattern, "y"), nth, leadAt };
    for (const lead of leads) {
      const key = keyAt(Buffer.from(lead, "latin1"), 0);
      byLead.set(key, [...(byLead.get(key) ?? []), form]);
    }
  }
  return () => {
    /** By pattern: behind its last match, where the next one may begin. */
    const behind = SECRET_PATTERNS.map(() => 0);
    return {
      at(bytes, text, place, spans) {
        const forms = byLead.get(keyAt(bytes, place));
        if (forms === undefined) return;
        for (const { pattern, nth, leadAt } of forms) {
          const from = place - leadAt;
          if (from < behind[nth]!) continue;
          pattern.lastIndex = from;
          const match = pattern.exec(text());
          if (match === null) continue;
          behind[nth] = from + match[0].length;
          addSecret(match, spans);
        }
      },
    };
  };
}

/** What a match says is secret: its group of that name, else all of it; nothing when that is empty. */
export function addSecret(match: RegExpExecArray, spans: Span[]): void {
  const [whole] = match;
  const secret = match.groups?.["secret"] ?? whole;
  const from = match.index + whole.lastIndexOf(secret);
  if (secret !== "") spans.push({ from, to: from + secret.length });
}

/** Three bytes as one number; what lies behind the end is 0. */
function keyAt(bytes: Buffer, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}
