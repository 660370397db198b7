import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maskingBy, redactedFile, SECRET_REACH_BYTES } from "../../../src/output/redacted-file.ts";
import { formRedactor, SECRET_SIGN, secretsKnownBy } from "../../../src/output/redact.ts";
import { secretsAmong } from "../../../src/output/secret-patterns.ts";
import { memoryFile } from "./memory-file.ts";

const digest = (bytes: string) =>
  createHash("sha256").update(`salt${bytes}`, "latin1").digest("hex");
const secrets = (variables: Record<string, string> = {}) => {
  const known = secretsKnownBy(digest);
  known.know(known.unknownAmong(variables));
  return known;
};
const words = (length: number, alphabet = "aB3dE5gH7jK9mN1pQ2") =>
  Array.from({ length }, (_, index) => alphabet[(index * 7) % alphabet.length]).join("");
const PEM_BODY = Array.from({ length: 24 }, (_, index) => words(64, `${index}abcXYZ019+/`)).join(
  "\n",
);

// Put together here, so that no file of this repository looks like one that leaks.
const BY_FORM = {
  corral: `corral_${"0123456789abcdef".repeat(4)}`,
  anthropic: ["sk", "ant", "api03", words(40)].join("-"),
  "openai project": ["sk", "proj", words(40)].join("-"),
  openai: `sk-${words(48)}`,
  google: ["AI", "za", words(35)].join(""),
  github: ["gh", "p_", words(36)].join(""),
  "github fine": ["github_", "pat_", words(40)].join(""),
  "aws id": ["AK", "IA", "ABCDEFGH12345678"].join(""),
  jwt: [`ey${words(0)}J${words(20)}`, words(30), words(30)].join("."),
};
const AROUND = {
  bearer: [`Authorization: Bearer `, words(24), `\n`],
  "aws secret": [`aws_secret_access_key = "`, words(40), `"`],
  header: [`x-api-key: `, words(32), `\r\n`],
  address: [`postgres://corral:`, words(12), `@db.example.org/x`],
  pem: [`-----BEGIN RSA PRIVATE KEY-----\n`, PEM_BODY, `\n-----END RSA PRIVATE KEY-----\n`],
} as const;

describe("secrets by their form", () => {
  test.for(Object.entries(BY_FORM))("%s", ([, secret]) => {
    const { text, value, bytes } = formRedactor();
    expect(text(`before ${secret} after`)).toBe(`before ${SECRET_SIGN} after`);
    expect(text(`url?key=${secret}&x`)).toBe(`url?key=${SECRET_SIGN}&x`);
    expect(value({ deep: [{ a: `line\n${secret}` }], [secret]: 1 })).toEqual({
      deep: [{ a: `line\n${SECRET_SIGN}` }],
      [SECRET_SIGN]: 1,
    });
    const raw = Buffer.from(`{"text":"é\\n${secret}"}\n`);
    const masked = bytes(raw);
    expect(masked.length).toBe(raw.length);
    expect(Buffer.from(masked).toString()).toBe(`{"text":"é\\n${"*".repeat(secret.length)}"}\n`);
  });

  test.for(Object.entries(AROUND))("%s: the value, not its name", ([, [before, secret, after]]) => {
    const text = before + secret + after;
    const shown = formRedactor().text(text);
    expect(shown.startsWith(before.trimEnd())).toBe(true);
    expect(shown.endsWith(after.trimStart())).toBe(true);
    for (const part of secret.split("\n")) expect(shown).not.toContain(part);
    const asJson = formRedactor().text(JSON.stringify({ t: JSON.stringify({ text }) }));
    for (const part of secret.split("\n")) expect(asJson).not.toContain(part);
    expect(() => JSON.parse(JSON.parse(asJson).t)).not.toThrow();
  });

  test("a key whose end is not there yet is masked as far as it goes, prose behind a marker is not", () => {
    const { text } = formRedactor();
    const cut = `-----BEGIN PRIVATE KEY-----\n${PEM_BODY.slice(0, 1_000)}`;
    expect(text(cut)).toBe(`-----BEGIN PRIVATE KEY-----${SECRET_SIGN}`);
    const flat = `-----BEGIN PRIVATE KEY----- ${PEM_BODY.replaceAll("\n", " ")} -----END`;
    expect(text(flat)).toBe(`-----BEGIN PRIVATE KEY-----${SECRET_SIGN} -----END`);
    const prose = "Look for -----BEGIN PRIVATE KEY----- in every file, then say where it is.";
    expect(text(prose).endsWith(" every file, then say where it is.")).toBe(true);
  });

  test.for([
    "task-20261122-120000-abcdef01-of-a-long-name",
    "disk-usage-of-the-whole-machine-in-bytes",
    "TASK-20261122-120000-abcdef01 fixer-101010-aaaaaa",
    "3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed",
    "bearer of the long-awaited-and-well-hyphenated news",
    "https://example.org:8080/path http://127.0.0.1:4999/mcp",
    "2026-11-25T22:00:00.000Z",
  ])("leaves %s alone", (harmless) => {
    expect(formRedactor().text(harmless)).toBe(harmless);
  });
});

describe("secrets by the variables that agents get", () => {
  const VALUE = 'hunter2"\\n$ecret-ünd';

  test("names that look like secrets, paths left out, each line of many", () => {
    expect(
      secretsAmong({
        DB_PASSWORD: "pass-word-1",
        API_KEY: "short",
        SSH_AUTH_SOCK: "/tmp/agent.sock",
        GOOGLE_APPLICATION_CREDENTIALS: "/home/a/key.json",
        DEPLOY_KEY: "-----BEGIN X-----\nline-number-one\nline-number-two\n-----END X-----",
        PWD: "/home/somebody/project",
        EDITOR: "/usr/bin/ed",
        PATH: "/usr/bin:/bin",
        CORRAL_TOKEN: BY_FORM.corral,
      }),
    ).toEqual(["pass-word-1", "line-number-one", "line-number-two"]);
  });

  test("are found anywhere, plain, in JSON, in addresses, and in no other text", () => {
    const { text, value } = secrets({ MY_SECRET: VALUE });
    expect(text(`x${VALUE}y`)).toBe(`x${SECRET_SIGN}y`);
    expect(text(JSON.stringify({ a: VALUE }))).toBe(`{"a":"${SECRET_SIGN}"}`);
    expect(text(`?q=${encodeURIComponent(VALUE)}`)).toBe(`?q=${SECRET_SIGN}`);
    expect(value({ a: [`ü${VALUE}`] })).toEqual({ a: [`ü${SECRET_SIGN}`] });
    const other = VALUE.slice(0, -1);
    expect(text(other)).toBe(other);
  });

  test("what is kept of one tells nothing of it but its length and two bytes", () => {
    const known = secretsKnownBy(digest);
    const [fingerprint] = known.unknownAmong({ A_TOKEN: "correct-horse-battery" });
    expect(JSON.stringify(fingerprint)).not.toContain("horse");
    expect(Object.keys(fingerprint!)).toEqual(["digest", "length", "lead", "prefix"]);
    known.know([fingerprint!]);
    expect(known.unknownAmong({ A_TOKEN: "correct-horse-battery" })).toEqual([]);
  });

  test("any secret at any place in any text is gone, and nothing else is", () => {
    const secret = fc
      .string({ minLength: 8, maxLength: 40 })
      .filter(
        (text) =>
          text.trim() === text &&
          !/[\r\n]/.test(text) &&
          !/^[~.]{0,2}\//.test(text) &&
          !text.startsWith("-----"),
      );
    fc.assert(
      fc.property(
        secret,
        fc.string({ unit: "grapheme" }),
        fc.string({ unit: "grapheme" }),
        (value, before, after) => {
          const { text, bytes } = secrets({ A_SECRET: value });
          const whole = before.toWellFormed() + value + after.toWellFormed();
          expect(text(whole).includes(value)).toBe(false);
          const raw = Buffer.from(whole);
          const masked = Buffer.from(bytes(raw));
          expect(masked.length).toBe(raw.length);
          for (const [at, byte] of masked.entries())
            expect(byte === raw[at] || byte === 0x2a).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test("configured patterns are masked like the others", () => {
  const known = secrets();
  known.usePatterns(["INTERNAL-[0-9]+", "pin: (?<secret>[0-9]{4,})", "x*"]);
  expect(known.text("INTERNAL-42, pin: 12345678")).toBe(`${SECRET_SIGN}, pin: ${SECRET_SIGN}`);
});

describe("a stream", () => {
  const secret = BY_FORM.anthropic;
  const content = `{"a":1}\n{"key":"${secret}"}\n-----BEGIN PRIVATE KEY-----\n${PEM_BODY}\n-----END PRIVATE KEY-----\nlast\n`;
  const shown = Buffer.from(formRedactor().bytes(Buffer.from(content))).toString();

  test("is masked the same whatever the pieces in which it is read", async () => {
    const file = redactedFile(memoryFile(content), formRedactor());
    expect(await file.size()).toBe(Buffer.byteLength(content));
    for (const step of [1, 7, 64, 1_000, 5_000]) {
      let whole = "";
      for (let at = 0; at < content.length; at += step) {
        whole += Buffer.from(await file.read(at, step)).toString();
      }
      expect(whole).toBe(shown);
    }
    expect(shown.split("\n").length).toBe(content.split("\n").length);
    expect(shown).not.toContain(secret.slice(10, 30));
  });

  test("a secret that lies across the border of a range is masked on both sides", async () => {
    const far = `${"x\n".repeat(SECRET_REACH_BYTES)}${secret}${"\ny".repeat(SECRET_REACH_BYTES)}`;
    const file = redactedFile(memoryFile(far), formRedactor());
    const at = far.indexOf(secret) + 12;
    const left = Buffer.from(await file.read(at - 20, 20)).toString();
    const right = Buffer.from(await file.read(at, 60)).toString();
    expect(left.endsWith("*".repeat(12))).toBe(true);
    expect(right.startsWith("*".repeat(secret.length - 12))).toBe(true);
  });
});

describe("pieces one after the other", () => {
  const secret = BY_FORM.anthropic;
  const line = (index: number) =>
    `${index} ${index % 5 === 0 ? secret : "words ".repeat(index % 90)}\n`;
  const content = Buffer.from(Array.from({ length: 1_500 }, (_, index) => line(index)).join(""));
  const masked = async (sizes: readonly number[]): Promise<string> => {
    async function* pieces() {
      let at = 0;
      for (let turn = 0; at < content.length; turn += 1) {
        const size = sizes[turn % sizes.length]!;
        yield content.subarray(at, at + size);
        at += size;
      }
    }
    const parts: Uint8Array[] = [];
    for await (const part of maskingBy(formRedactor()).pieces(pieces())) parts.push(part);
    return Buffer.concat(parts).toString();
  };

  test("are masked as the whole is, wherever they end", async () => {
    const whole = Buffer.from(formRedactor().bytes(content)).toString();
    expect(whole).not.toContain(secret);
    for (const sizes of [
      [content.length],
      [1_000, 30_001, 7],
      [SECRET_REACH_BYTES],
      [SECRET_REACH_BYTES - 1, 1],
      [65_536],
    ]) {
      expect((await masked(sizes)) === whole, `pieces of ${sizes.join(", ")}`).toBe(true);
    }
  });

  test("of nothing are nothing, and of little are little", async () => {
    const pieces = async function* (...texts: readonly string[]) {
      for (const text of texts) yield Buffer.from(text);
    };
    const { pieces: mask } = maskingBy(formRedactor());
    expect(await Array.fromAsync(mask(pieces()))).toEqual([]);
    const parts = await Array.fromAsync(mask(pieces("a ", secret.slice(0, 9), secret.slice(9))));
    expect(Buffer.concat(parts).toString()).toBe(`a ${"*".repeat(secret.length)}`);
  });
});

test("text without end costs no more than its length", () => {
  // Each of these made a backtracking pattern slow once; the test is that it comes back at all.
  const { text } = formRedactor();
  for (const part of [
    "Bearer ",
    "-----BEGIN PRIVATE KEY-----\n",
    "eyJaaaaaaaa.",
    "://a:",
    "x-api-key: ",
    "AKIA",
    "sk-",
  ]) {
    expect(text(part.repeat(50_000)).length).toBeGreaterThan(0);
    expect(text(part + "a".repeat(500_000)).length).toBeGreaterThan(0);
  }
});
