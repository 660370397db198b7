/** Looking only where a secret may begin masks exactly what looking everywhere masks. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SECRET_SIGN, secretsKnownBy } from "../../../src/output/redact.ts";
import { SECRET_PATTERNS } from "../../../src/output/secret-patterns.ts";

const digest = (bytes: string) => createHash("sha256").update(bytes, "latin1").digest("hex");
const KNOWN = { A_SECRET: "correct-horse-battery", B_TOKEN: 'päss"word\\nine', C_KEY: "aaaaaaaab" };
const CONFIGURED = ["INTERNAL-[0-9]+", "pin: (?<secret>[0-9]{4,})", "b*"];

const secrets = secretsKnownBy(digest);
const fingerprints = secrets.unknownAmong(KNOWN);
secrets.know(fingerprints);
secrets.usePatterns(CONFIGURED);

/** Every pattern at every place, every fingerprint at every place: by definition what is secret. */
function spansOf(text: string): readonly (readonly [from: number, to: number])[] {
  const spans: [number, number][] = [];
  const patterns = [...SECRET_PATTERNS.map(({ pattern }) => pattern), ...CONFIGURED];
  for (const pattern of patterns) {
    for (const match of text.matchAll(new RegExp(pattern, "g"))) {
      const secret = match.groups?.["secret"] ?? match[0];
      const from = match.index + match[0].lastIndexOf(secret);
      if (secret !== "") spans.push([from, from + secret.length]);
    }
  }
  for (const { length, digest: wanted, lead } of fingerprints) {
    for (let at = 0; at + length <= text.length; at += 1) {
      const pair = (text.charCodeAt(at) << 8) | text.charCodeAt(at + 1);
      if (pair === lead && digest(text.slice(at, at + length)) === wanted) {
        spans.push([at, at + length]);
      }
    }
  }
  return spans;
}

function maskedEverywhere(bytes: Buffer): Buffer {
  const masked = Buffer.from(bytes);
  for (const [from, to] of spansOf(bytes.toString("latin1"))) {
    for (let at = from; at < to; at += 1) if (masked[at] !== 0x0a) masked[at] = 0x2a;
  }
  return masked;
}

/** Of each pattern, one that matches; put together here, so that no file of this repository looks like one that leaks. */
const mixed = (length: number) => "aB3dE5gH7jK9mN1pQ2".repeat(4).slice(0, length);
const SAMPLES: Readonly<Record<string, string>> = {
  "token of Corral": `corral_${"0123456789abcdef".repeat(4)}`,
  "key of Anthropic": ["sk", "ant", mixed(20)].join("-"),
  "key of OpenAI": ["sk", mixed(40)].join("-"),
  "key of Google": ["AI", "za", mixed(35)].join(""),
  "token of Google": ["ya", "29.", mixed(24)].join(""),
  "token of GitHub": ["gh", "o_", mixed(36)].join(""),
  "fine-grained token of GitHub": ["github_", "pat_", mixed(24)].join(""),
  "token of GitLab": ["gl", "pat-", mixed(20)].join(""),
  "token of npm": ["np", "m_", mixed(36)].join(""),
  "token of Slack": ["xo", "xb-", mixed(12)].join(""),
  "access key of AWS": ["AS", "IA", "ABCDEFGH12345678"].join(""),
  "secret key of AWS": `AWS_Secret_access_KEY="${mixed(40)}`,
  "JSON web token": [["ey", "J", mixed(10)].join(""), mixed(9), mixed(9)].join("."),
  "bearer token": `bearer ${mixed(20)}`,
  "basic authorization": `Authorization: Basic ${mixed(16)}`,
  "key in a header": `X-goog-api-key: ${mixed(20)}`,
  "password in an address": `://name:${mixed(10)}@`,
  "private key": `-----BEGIN RSA PRIVATE KEY-----\n${mixed(64)}\n${mixed(20)}`,
};

describe("the leads of a pattern", () => {
  test.for(SECRET_PATTERNS)("$name", ({ name, pattern, leads, leadAt }) => {
    const sample = SAMPLES[name];
    expect(sample).toMatch(new RegExp(`^(?:${pattern})`));
    expect(leads).toContain(sample?.slice(leadAt, leadAt + 3));
    expect(leads.every((lead) => /^[\u0021-\u007e]{3}$/.test(lead))).toBe(true);
  });

  test("of a header and of AWS have every spelling that the pattern allows", () => {
    for (const header of ["x-api-key", "X-Api-Key", "x-goog-api-key", "X-Goog-Api-Key"]) {
      for (const text of [header, header.replace("Goog", "goog")]) {
        const bytes = Buffer.from(`${text}: ${mixed(20)}\n`);
        expect(Buffer.from(secrets.bytes(bytes))).toEqual(maskedEverywhere(bytes));
      }
    }
    for (const begin of ["aws", "awS", "aWs", "aWS", "Aws", "AwS", "AWs", "AWS"]) {
      const bytes = Buffer.from(`${begin}_secret_access_key=${mixed(40)}\n`);
      expect(Buffer.from(secrets.bytes(bytes)).includes(mixed(40))).toBe(false);
    }
    for (const letter of "pousr") {
      const bytes = Buffer.from(["gh", letter, "_", mixed(36)].join(""));
      expect(Buffer.from(secrets.bytes(bytes)).toString()).toBe("*".repeat(40));
    }
  });
});

const fragment = fc.oneof(
  fc.constantFrom(...Object.values(SAMPLES), ...Object.values(KNOWN)),
  fc
    .tuple(fc.constantFrom(...Object.values(SAMPLES), ...Object.values(KNOWN)), fc.nat(80))
    .map(([sample, length]) => sample.slice(0, length)),
  fc
    .tuple(fc.constantFrom(...Object.values(SAMPLES), ...Object.values(KNOWN)), fc.nat(80))
    .map(([sample, length]) => sample.slice(length)),
  fc.constantFrom(
    "\n",
    " ",
    '"',
    "\\n",
    ":",
    "@",
    "é",
    "a",
    "INTERNAL-42",
    "pin: 12345",
    "x-a",
    "sk-",
  ),
);
/** Short ones, and such as lie in and across the windows in which long texts are searched. */
const anyText = fc
  .tuple(fc.array(fragment, { maxLength: 25 }), fc.constantFrom(0, 3_000, 32_700, 65_500))
  .map(([parts, before]) => "word ".repeat(before / 5) + parts.join(""));

test("masks what every pattern and every fingerprint finds, wherever they overlap or break off", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const bytes = Buffer.from(text);
      const masked = Buffer.from(secrets.bytes(bytes));
      expect(masked.equals(maskedEverywhere(bytes)), text.slice(-600)).toBe(true);
    }),
    { numRuns: 120 },
  );
});

test("in a text each run of what is secret is one sign", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const bytes = Buffer.from(text);
      const isSecret = new Uint8Array(bytes.length + 1);
      /** Two that only touch are one as well. */
      const touches = new Uint8Array(bytes.length + 1);
      for (const [from, to] of spansOf(bytes.toString("latin1"))) {
        isSecret.fill(1, from, to);
        touches.fill(1, from + 1, to);
        if (isSecret[from - 1] === 1) touches[from] = 1;
        if (isSecret[to] === 1) touches[to] = 1;
      }
      const shown = [...bytes.keys()].map((at) =>
        isSecret[at] === 0
          ? bytes.subarray(at, at + 1)
          : Buffer.from(touches[at] === 1 ? "" : SECRET_SIGN),
      );
      expect(secrets.text(text)).toBe(Buffer.concat(shown).toString());
    }),
    { numRuns: 60 },
  );
});
