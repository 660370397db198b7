/**
 * Keeping secrets from going out: in texts each becomes `[secret]`, in streams as many stars as it
 * has bytes, so that offsets stay true. What lies on disk is untouched.
 */
import { leadFinder } from "./find-leads.ts";
import {
  fingerprintOf,
  knownSecrets,
  leadOf,
  type Digest,
  type Fingerprint,
  type Span,
} from "./fingerprints.ts";
import { addSecret, FORM_LEADS, formedSecrets } from "./formed-secrets.ts";
import { secretsAmong } from "./secret-patterns.ts";

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
  const secrets = knownSecrets(digest);
  const known = new Set<string>();
  const beginPass = formedSecrets();
  const leads = leadFinder();
  for (const lead of FORM_LEADS) leads.add(lead);
  let configured: readonly RegExp[] = [];

  const spansIn = (bytes: Buffer): readonly Span[] => {
    // Made only when there may be a secret: mostly there is none.
    let made: string | null = null;
    const text = (): string => (made ??= bytes.toString("latin1"));
    const spans: Span[] = [];
    for (const pattern of configured) addMatches(pattern, text(), spans);
    const pass = beginPass();
    leads.visit(bytes, (at) => {
      pass.at(bytes, text, at, spans);
      secrets.at(bytes, at, spans);
    });
    return merged(spans);
  };

  const redacted = (text: string): string => {
    const bytes = Buffer.from(text);
    const spans = spansIn(bytes);
    return spans.length === 0 ? text : replaced(bytes, spans).toString();
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
      const spans = spansIn(buffer);
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
        if (secrets.add(fingerprint)) leads.add(leadOf(fingerprint));
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

function addMatches(pattern: RegExp, text: string, spans: Span[]): void {
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    addSecret(match, spans);
    // An empty match would be found for ever.
    if (match[0] === "") pattern.lastIndex += 1;
  }
}

/** Ascending, without overlaps. */
function merged(spans: readonly Span[]): readonly Span[] {
  if (spans.length === 0) return spans;
  const apart: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = apart.at(-1);
    if (last === undefined || span.from > last.to) apart.push(span);
    else if (span.to > last.to) apart[apart.length - 1] = { from: last.from, to: span.to };
  }
  return apart;
}

function replaced(bytes: Buffer, spans: readonly Span[]): Buffer {
  const sign = Buffer.from(SECRET_SIGN);
  const parts: Buffer[] = [];
  let at = 0;
  for (const { from, to } of spans) {
    parts.push(bytes.subarray(at, from), sign);
    at = to;
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
}
