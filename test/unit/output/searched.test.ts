/** A search that skips most of a stream finds exactly what reading all of it finds. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { lineFinder } from "../../../src/adapters/regex/scan-lines.ts";
import { scanFile } from "../../../src/adapters/regex/scan-file.ts";
import { scanRuns } from "../../../src/adapters/regex/scan-runs.ts";
import { threadLineMatcher } from "../../../src/adapters/regex/line-matcher.ts";
import { type LineFilter, openFilter } from "../../../src/output/filter.ts";
import { linesFrom, tailLines } from "../../../src/output/lines.ts";
import { planOf } from "../../../src/output/pattern-plan.ts";
import { searchedBlocks } from "../../../src/output/searched.ts";
import type { OutputFile, ScanRange } from "../../../src/output/ports.ts";
import { redactedFile } from "../../../src/output/redacted-file.ts";
import { formRedactor } from "../../../src/output/redact.ts";
import { memoryFile } from "./memory-file.ts";

const folder = mkdtempSync(join(tmpdir(), "searched-"));
const BRING: ScanRange["bring"] = {
  from: 0,
  nearBytes: 1_000,
  runMaxBytes: 1_000_000,
  aroundBytes: 1_000,
  maxBytes: 1_000_000,
};
afterAll(() => rmSync(folder, { recursive: true }));

describe("what a pattern is known to need", () => {
  test.for([
    ["error", [["error"]], true],
    ["a|bc|de", [], false],
    ["error|panic", [["error"], ["panic"]], true],
    ["exit code \\d+ of", [["exit code ", " of"]], false],
    ["colou?r", [["colo"]], false],
    ["ab*cd+e", [["cd"]], false],
    ["x{2,3}yz", [["yz"]], false],
    ["foo\\.bar\\d", [["foo.bar"]], false],
    ["^\\[error\\]$", [["[error]"]], false],
    ["[abc]+(foo|bar)baz", [["baz"]], false],
    ["(?:error)", [], false],
    [".*", [], false],
    ["\\w+", [], false],
    ["e\\u0041xy", [["xy"]], false],
    ["\uFFFD\uFFFD", [], false],
  ] as const)("%s", ([pattern, needed, isPlain]) => {
    expect(planOf(pattern)).toMatchObject({ needed, isPlain });
  });

  test.for(["(?=x)y", "(?!x)y", "(?<=x)y", "(?<!x)y", "(?i:x)y"])("%s looks around", (pattern) => {
    expect(planOf(pattern).isLocal).toBe(false);
  });

  test.for(["(?:x)y", "(?<name>x)y", "^x$", "x|y"])("%s does not", (pattern) => {
    expect(planOf(pattern).isLocal).toBe(true);
  });
});

const atom = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "ab",
    "é",
    "é1",
    "\\d",
    "\\s",
    "\\S",
    ".",
    "[^a]",
    "[ab]",
    "\\.",
    "\\b",
    "\\W",
    "(a|b)",
    "(?:b+a)",
    "(?!a)",
    "(?=b)",
    "(?<!a)",
    "^",
    "$",
    "\\n",
    "\\u0061",
    "\\x62",
    "\\141",
    "x",
  ),
);
const quantified = fc
  .tuple(atom, fc.constantFrom("", "", "", "+", "*", "?", "{2}", "{0,1}"))
  .map(([one, times]) => (/^[\^$]|\\b|^\(\?[!=<]/.test(one) ? one : one + times));
const anyPattern = fc
  .array(
    fc.array(quantified, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("")),
    { minLength: 1, maxLength: 3 },
  )
  .map((branches) => branches.join("|"))
  .filter((pattern) => {
    try {
      return new RegExp(pattern) instanceof RegExp;
    } catch {
      return false;
    }
  });
const anyText = fc
  .array(
    fc.constantFrom(
      "a",
      "b",
      "ab",
      "1",
      " ",
      "\n",
      "é",
      "é1",
      "\r",
      ".",
      "x",
      "\n\n",
      "\u2028",
      "\ud83d\ude00",
    ),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.from(parts.join("")));

function naive(pattern: string, bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    if (new RegExp(pattern).test(bytes.toString("utf8", start, end))) starts.push(start);
    start = end + 1;
  }
  return starts;
}

test("every pattern finds in any bytes the lines that it matches one by one", () => {
  fc.assert(
    fc.property(
      anyPattern,
      fc.array(anyText, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(0, 8, 1e9),
      (pattern, texts, dense) => {
        // What one text was like is taken for granted in the next, and must not count.
        const find = lineFinder(pattern, planOf(pattern), dense);
        for (const bytes of texts) expect(find(bytes)).toEqual(naive(pattern, bytes));
      },
    ),
    { numRuns: 3_000 },
  );
});

test("bytes that are no UTF-8 are searched as they are shown", () => {
  const bytes = Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xc3, 0x28, 0x62, 0x0a]);
  for (const pattern of ["a.b", "b", "\uFFFD", "^\uFFFD\\(b"]) {
    expect(lineFinder(pattern, planOf(pattern))(bytes)).toEqual(naive(pattern, bytes));
  }
});

test("a range has the lines that start in it, whole; ranges side by side have each line once", () => {
  const path = join(folder, "ranges");
  const text =
    Array.from({ length: 300 }, (_, index) => `${index} ${"ab".repeat(index % 40)}\n`).join("") +
    "open end ab";
  writeFileSync(path, text);
  const find = lineFinder("ab", planOf("ab"));
  const limit = Buffer.byteLength(text);
  const all = scanFile({ path, from: 0, to: limit, limit }, find, () => true);
  expect(all).toHaveLength(2 * naive("ab", Buffer.from(text)).length);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: limit }), { maxLength: 6 }), (cuts) => {
      const borders = [0, ...cuts.toSorted((a, b) => a - b), limit];
      const parts = borders
        .slice(1)
        .flatMap(
          (to, index) =>
            scanFile({ path, from: borders[index]!, to, limit }, find, () => true) ?? [],
        );
      expect(parts).toEqual(all);
    }),
  );
});

test("a scan that is told not to go on stops after a piece, and says nothing", () => {
  const path = join(folder, "stopped");
  writeFileSync(path, "needle\n".repeat(700_000));
  const limit = 4_900_000;
  let pieces = 0;
  const goesOn = () => ++pieces < 2;
  const find = lineFinder("needle", planOf("needle"));
  expect(scanFile({ path, from: 0, to: limit, limit }, find, goesOn)).toBeNull();
  expect(pieces).toBe(2);
});

test("lines longer than a piece, and lines without end, are passed over whole", () => {
  const path = join(folder, "long");
  const text = `${"x".repeat(1_700_000)}needle\n${"y".repeat(17 * 1_048_576)}needle\nneedle\n`;
  writeFileSync(path, text);
  const limit = text.length;
  const found = scanFile(
    { path, from: 0, to: limit, limit },
    lineFinder("needle", planOf("needle")),
    () => true,
  );
  // Of the second one only the beginning is looked at, as everywhere.
  expect(found).toEqual([0, 1_700_007, limit - 7, limit]);
});

/** A file on disk of which only the end lies as it was written. */
function onDisk(text: string, plainFrom: number, isStill = true): OutputFile {
  const path = join(folder, "stream");
  writeFileSync(
    path,
    Buffer.concat([Buffer.alloc(plainFrom), Buffer.from(text).subarray(plainFrom)]),
  );
  const shown = (_: Uint8Array, wanted: Uint8Array) => wanted;
  const part = { path, from: plainFrom, isStill: async () => isStill, shown };
  return { ...memoryFile(text), plainPart: async () => part };
}

const SMALL = {
  leastBytes: 100,
  sliceBytes: 50,
  sliceMaxBytes: 400,
  nearBytes: 30,
  bringMaxBytes: 40_000,
};
/** Nothing is brought: all of it is read here. */
const NOTHING_BROUGHT = { ...SMALL, bringMaxBytes: 0 };
const content = Array.from(
  { length: 2_000 },
  (_, index) => `${index} ${index % 37 === 0 ? "needle" : "hay"} ${"é".repeat(index % 9)}\n`,
).join("");
const expected = content.split("\n").filter((line) => line.includes("needle"));

describe.for(["needle", "n[e]+dle", "needle|absent"])("filter %s", (pattern) => {
  test.for([0, 1, 5_000, Buffer.byteLength(content) - 50])(
    "plain from %i: forwards, backwards, and with a limit",
    async (plainFrom) => {
      const file = onDisk(content, plainFrom);
      const to = await file.size();
      const filter = await openFilter(pattern, threadLineMatcher());
      const wanted = { from: 0, to, filter, countsLines: false, search: SMALL, maxBytes: 1e9 };
      const texts = (lines: readonly { readonly text: string }[]) => lines.map(({ text }) => text);
      expect(texts((await linesFrom(file, wanted)).lines)).toEqual(expected);
      expect(texts((await tailLines(file, wanted)).lines)).toEqual(expected);
      const tail = await tailLines(file, { ...wanted, maxLines: 5 });
      expect(texts(tail.lines)).toEqual(expected.slice(-5));
      const page = await linesFrom(file, { ...wanted, maxLines: 7 });
      expect(texts(page.lines)).toEqual(expected.slice(0, 7));
      const rest = await linesFrom(file, { ...wanted, from: page.cursor });
      expect(texts(rest.lines)).toEqual(expected.slice(7));
      await filter.close();
    },
  );
});

test("a stream that was rotated under the search says so, and nothing wrong", async () => {
  const file = onDisk(content, 0, false);
  const filter = await openFilter("needle", threadLineMatcher());
  const wanted = {
    from: 0,
    to: await file.size(),
    filter,
    countsLines: false,
    search: SMALL,
    maxBytes: 1e9,
  };
  await expect(linesFrom(file, wanted)).rejects.toMatchObject({ code: "PROBE_FAILED" });
  await filter.close();
});

test("a file that is gone is no fault of the pattern", async () => {
  const file = {
    ...onDisk(content, 0),
    plainPart: async () => ({
      path: join(folder, "gone"),
      from: 0,
      isStill: async () => true,
      shown: (_: Uint8Array, wanted: Uint8Array) => wanted,
    }),
  };
  const filter = await openFilter("needle", threadLineMatcher());
  const wanted = {
    from: 0,
    to: await file.size(),
    filter,
    countsLines: false,
    search: SMALL,
    maxBytes: 1e9,
  };
  await expect(linesFrom(file, wanted)).rejects.toMatchObject({ code: "PROBE_FAILED" });
  await filter.close();
});

test("what is masked is not found, though it lies in the file", async () => {
  const file = redactedFile(onDisk(`${content}${key}\n${content}`, 0), formRedactor());
  for (const pattern of ["sk-ant", "sk-.nt"]) {
    const filter = await openFilter(pattern, threadLineMatcher());
    const wanted = {
      from: 0,
      to: await file.size(),
      filter,
      countsLines: false,
      search: SMALL,
      maxBytes: 1e9,
    };
    expect((await linesFrom(file, wanted)).lines).toEqual([]);
    await filter.close();
  }
});

const key = ["sk", "ant", "api03", "aB3dE5gH7jK9mN1pQ2rS"].join("-");
/** Lines with secrets in them, beside them, and across their ends. */
const anySecretText = fc
  .array(
    fc.constantFrom(
      "needle",
      "hay ",
      "é",
      "\n",
      key,
      `needle ${key}\n`,
      key.slice(0, 9),
      key.slice(9),
      `-----BEGIN PRIVATE KEY-----\n${"aB3d".repeat(16)}\n${"needle01".repeat(8)}\n`,
      "x".repeat(45),
      "hay\n".repeat(20),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));

test("what is brought is shown as what is read is: the same lines, masked in the same way", async () => {
  const matcher = threadLineMatcher();
  await fc.assert(
    fc.asyncProperty(
      anySecretText,
      fc.nat(400),
      fc.constantFrom("needle", "n[e]+dle", "a.*needle", "sk-ant|\\*"),
      fc.constantFrom(SMALL, NOTHING_BROUGHT, { ...SMALL, nearBytes: 0, bringMaxBytes: 2_000 }),
      async (text, plainFrom, pattern, search) => {
        const file = redactedFile(
          onDisk(text, Math.min(plainFrom, Buffer.byteLength(text))),
          formRedactor(),
        );
        const filter = await openFilter(pattern, matcher);
        const to = await file.size();
        const wanted = { from: 0, to, filter, countsLines: false, search, maxBytes: 1e9 };
        const brought = [await linesFrom(file, wanted), await tailLines(file, wanted)];
        // Nothing is searched aside that has never to be: this reads and masks all of it.
        const small = { ...wanted, search: { ...search, leastBytes: 1e9 } };
        const read = await linesFrom(file, small);
        await filter.close();
        // A search aside sees the file as it is: what only masking makes match is not found.
        const known = read.lines.filter(({ from, next }) =>
          new RegExp(pattern).test(Buffer.from(text).toString("utf8", from, next - 1)),
        );
        for (const { lines } of brought) {
          expect(lines).toEqual(expect.arrayContaining(known));
          expect(read.lines).toEqual(expect.arrayContaining([...lines]));
        }
      },
    ),
    { numRuns: 150 },
  );
  await matcher.close();
});

test("the first line behind a hole is found, when it begins where the hole ends", async () => {
  const file = onDisk("hay\nneedle 1\nhay\nneedle 2\n", 4);
  const filter = await openFilter("n[e]+dle", threadLineMatcher());
  const search = { ...SMALL, leastBytes: 1 };
  const wanted = { from: 0, to: 26, filter, countsLines: false, search, maxBytes: 1e9 };
  const texts = (await linesFrom(file, wanted)).lines.map(({ text }) => text);
  expect(texts).toEqual(["needle 1", "needle 2"]);
  await filter.close();
});

test("runs join what is near, bring both sides, and only what they may", () => {
  const path = join(folder, "runs");
  const text = "needle\nneedle\nhay hay\nneedle\n";
  writeFileSync(path, text);
  const find = lineFinder("needle", planOf("needle"));
  const limit = text.length;
  const scan = (bring: Partial<ScanRange["bring"]>) =>
    scanRuns({ path, from: 0, to: limit, limit, bring: { ...BRING, ...bring } }, find, () => true);
  const brought = (at: number, to: number) => ({
    at,
    bytes: new Uint8Array(Buffer.from(text.slice(at, to))),
  });
  expect(scan({ nearBytes: 7, aroundBytes: 3 })).toEqual([
    { from: 0, to: 14, starts: [0, 7], around: brought(0, 17) },
    { from: 22, to: 29, starts: [22], around: brought(19, 29) },
  ]);
  expect(scan({ nearBytes: 8 })).toMatchObject([{ from: 0, to: 29, starts: [0, 7, 22] }]);
  expect(scan({ nearBytes: 8, runMaxBytes: 14 })).toMatchObject([{ to: 14 }, { from: 22 }]);
  expect(scan({ nearBytes: 7, aroundBytes: 3, from: 19 })).toMatchObject([
    { around: null },
    { around: { at: 19 } },
  ]);
  expect(scan({ nearBytes: 7, aroundBytes: 3, maxBytes: 17 })).toMatchObject([
    { around: { at: 0 } },
    { around: null },
  ]);
  expect(scanRuns({ path, from: 0, to: limit, limit, bring: BRING }, find, () => false)).toBeNull();
});

test("slices double up to their limit, and are as small as what they bring makes them", async () => {
  const text = `${"x".repeat(99)}\n`.repeat(40_000);
  const file = onDisk(text, 0);
  const sizesWith = async (everyBytes: number): Promise<readonly number[]> => {
    const sizes: number[] = [];
    const scan: LineFilter["scan"] = async ({ from, to }) => {
      sizes.push(to - from);
      const starts = Array.from({ length: Math.floor((to - from) / everyBytes) }, (_, nth) => nth);
      return starts.map((nth) => {
        const at = from + nth * everyBytes;
        return { from: at, to: at + 100, starts: [at], around: null };
      });
    };
    const filter: LineFilter = { scan, select: async () => [], close: async () => {} };
    const search = { ...SMALL, sliceBytes: 1_000, sliceMaxBytes: 64_000, bringMaxBytes: 660_000 };
    const wanted = { from: 0, to: text.length, filter, direction: "forward" as const, search };
    for await (const block of searchedBlocks(file, wanted)) expect(block.to).toBeGreaterThan(0);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(text.length);
    return sizes;
  };
  const few = await sizesWith(1e9);
  expect(few.slice(0, 8)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000]);
  // Towards the end they get smaller.
  expect(few.at(-1)).toBeLessThanOrEqual(1_000);
  // A line and what lies around it is 32 868 bytes: some ten of them are half of what may be brought.
  const many = await sizesWith(500);
  expect(Math.max(...many.slice(4))).toBeLessThan(6_000);
  expect(Math.max(...many.slice(4))).toBeGreaterThan(4_000);
});

test("an evil pattern over a large file is stopped while it reads, and this thread goes on", async () => {
  const path = join(folder, "evil");
  writeFileSync(path, `${"a".repeat(60)}!\n`.repeat(50));
  const session = await threadLineMatcher({ blockMs: 300, sessions: 1 }).open(
    "^(a+)+$",
    planOf("^(a+)+$"),
  );
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 10);
  const scan = session.scan({ path, from: 0, to: 3_100, limit: 3_100, bring: BRING });
  await expect(scan).rejects.toMatchObject({ code: "FILTER_INVALID" });
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(3);
});
