/**
 * Keeping secrets from going out: in texts each becomes `[secret]`, in streams as many stars as it
 * has bytes, so that offsets stay true. What lies on disk is untouched.
 */
import {
  fingerprintFinder,
  fingerprintOf,
  type Digest,
  type Fingerprint,
  type Span,
} from "./fingerprints.ts";
import { SECRET_PATTERNS, secretsAmong } from "./secret-patterns.ts";

export interface Redactor {
  /** The text without secrets; the same string when there is none. */
  text(text: string): string;
  /** A JSON value without secrets, in whatever depth, also in names; the same value when there is none. */
  value<T>(value: T): T;
  /**
   * Bytes of a stream with stars in place of secrets; as many, newlines kept. The same array when
   * there is none.
   */
  bytes(bytes: Uint8Array): Uint8Array;
}

/** A redactor that learns. */
export interface Secrets extends Redactor {
  /** Fingerprints of what looks like a secret among an agent's variables: those not known yet. */
  unknownAmong(variables: Readonly<Record<string, string>>): readonly Fingerprint[];
  /** From now on these are found as well. */
  know(fingerprints: readonly Fingerprint[]): void;
  /** Replaces the configured patterns; each compiles, and runs in linear time. */
  usePatterns(patterns: readonly string[]): void;
}

/** Never longer than what it stands for: secrets have eight characters at least. */
export const SECRET_SIGN = "[secret]";
const STAR = 0x2a;
const NEWLINE = 0x0a;

/** @param digest  Salted for this state directory. */
export function secretsKnownBy(digest: Digest): Secrets {
  const finder = fingerprintFinder(digest);
  const known = new Set<string>();
  const builtIn = SECRET_PATTERNS.map(({ pattern }) => new RegExp(pattern, "g"));
  let configured: readonly RegExp[] = [];

  const spansIn = (text: string): readonly Span[] =>
    merged([
      ...builtIn.flatMap((pattern) => matches(pattern, text)),
      ...configured.flatMap((pattern) => matches(pattern, text)),
      ...finder.find(text),
    ]);

  const redacted = (text: string): string => {
    const ascii = isAscii(text);
    const bytes = ascii ? text : Buffer.from(text).toString("latin1");
    const spans = spansIn(bytes);
    if (spans.length === 0) return text;
    const marked = replaced(bytes, spans);
    return ascii ? marked : Buffer.from(marked, "latin1").toString();
  };

  return {
    text: redacted,
    value<T>(value: T): T {
      const json = JSON.stringify(value) as string | undefined;
      if (json === undefined) return value;
      const safe = redacted(json);
      return safe === json ? value : (JSON.parse(safe) as T);
    },
    bytes(bytes) {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const spans = spansIn(buffer.toString("latin1"));
      if (spans.length === 0) return bytes;
      const masked = Buffer.from(buffer);
      for (const { from, to } of spans) {
        for (let at = from; at < to; at += 1) if (masked[at] !== NEWLINE) masked[at] = STAR;
      }
      return masked;
    },
    unknownAmong: (variables) =>
      secretsAmong(variables)
        .map((secret) => Buffer.from(secret.toWellFormed()).toString("latin1"))
        .map((secret) => fingerprintOf(secret, digest))
        .filter((fingerprint) => !known.has(fingerprint.digest)),
    know(fingerprints) {
      for (const fingerprint of fingerprints) {
        known.add(fingerprint.digest);
        finder.add(fingerprint);
      }
    },
    usePatterns(patterns) {
      configured = patterns.map((pattern) => new RegExp(pattern, "g"));
    },
  };
}

/** For programs that know no state directory: what is told by its form alone. */
export function formRedactor(): Redactor {
  return secretsKnownBy((bytes) => bytes);
}

function matches(pattern: RegExp, text: string): readonly Span[] {
  const spans: Span[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [whole] = match;
    const secret = match.groups?.["secret"] ?? whole;
    const from = match.index + whole.lastIndexOf(secret);
    if (secret !== "") spans.push({ from, to: from + secret.length });
    // An empty match would be found for ever.
    if (whole === "") pattern.lastIndex += 1;
  }
  return spans;
}

/** Ascending, without overlaps. */
function merged(spans: readonly Span[]): readonly Span[] {
  const apart: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = apart.at(-1);
    if (last === undefined || span.from > last.to) apart.push(span);
    else if (span.to > last.to) apart[apart.length - 1] = { from: last.from, to: span.to };
  }
  return apart;
}

function replaced(text: string, spans: readonly Span[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { from, to } of spans) {
    parts.push(text.slice(at, from), SECRET_SIGN);
    at = to;
  }
  return parts.join("") + text.slice(at);
}

function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  return !/[^\u0000-\u007f]/.test(text);
}
