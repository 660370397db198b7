import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wholeLinesEnd } from "../../../src/output/blocks.ts";
import { openFilter } from "../../../src/output/filter.ts";
import { linesFrom, tailLines } from "../../../src/output/lines.ts";
import { directMatcher, memoryFile, TINY } from "./memory-file.ts";

const ALL = Number.POSITIVE_INFINITY;

/** Text with lines of every length around the borders of blocks, also oversized ones. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.string({ minLength: 50, maxLength: 200 }),
      fc.constant("é€😀\r"),
    ),
  )
  .chain((lines) => fc.constantFrom(lines.join("\n"), `${lines.join("\n")}\n`))
  .map((text) => text.toWellFormed());

/** As tail(1) sees it, with oversized lines reduced to their beginning. */
function naiveLines(text: string): readonly string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line, index) => {
    const isLast = index === lines.length - 1 && !text.endsWith("\n");
    const bytes = Buffer.from(line);
    const isOversized = bytes.length + (isLast ? 0 : 1) > TINY.lineMaxBytes;
    return isOversized ? new TextDecoder().decode(bytes.subarray(0, TINY.headBytes)) : line;
  });
}

describe("reading lines", () => {
  test("the tail is what a naive tail is", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.integer({ min: 1, max: 9 }), async (text, maxLines) => {
        const to = Buffer.byteLength(text);
        const page = await tailLines(memoryFile(text), {
          from: 0,
          to,
          maxLines,
          maxBytes: ALL,
          sizes: TINY,
        });
        expect(page.lines.map((line) => line.text)).toEqual(naiveLines(text).slice(-maxLines));
        expect(page.complete).toBe(naiveLines(text).length <= maxLines);
        expect(page.linesRead).toBe(page.lines.length);
      }),
      { numRuns: 500 },
    );
  });

  test("pages that follow their cursors hold every byte of the file once", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.integer({ min: 1, max: 90 }), async (text, maxBytes) => {
        const file = memoryFile(text);
        const to = Buffer.byteLength(text);
        const lines = [];
        let cursor = 0;
        let linesRead = 0;
        for (let complete = false; !complete;) {
          const page = await linesFrom(file, { from: cursor, to, maxBytes, sizes: TINY });
          lines.push(...page.lines);
          linesRead += page.linesRead;
          expect(page.cursor > cursor || page.complete).toBe(true);
          ({ cursor, complete } = page);
        }
        expect(lines.map((line) => line.text)).toEqual(naiveLines(text));
        expect(linesRead).toBe(lines.length);
        // Each line starts where the one before it ended, and the last one ends the file.
        expect([0, ...lines.map(({ next }) => next)]).toEqual([
          ...lines.map(({ from }) => from),
          to,
        ]);
      }),
      { numRuns: 500 },
    );
  });

  test.for(["a", "^[a-m]", "é"])(
    "no line is lost between the filter %j and the tail",
    async (pattern) => {
      await fc.assert(
        fc.asyncProperty(anyText, fc.integer({ min: 1, max: 5 }), async (text, maxLines) => {
          const to = Buffer.byteLength(text);
          const filter = await openFilter(pattern, directMatcher);
          const wanted = { from: 0, to, filter, sizes: TINY, maxBytes: ALL };
          const matching = naiveLines(text).filter((line) => new RegExp(pattern).test(line));
          const forwards = await linesFrom(memoryFile(text), wanted);
          expect(forwards.lines.map((line) => line.text)).toEqual(matching);
          expect(forwards.linesRead).toBe(naiveLines(text).length);
          const tail = await tailLines(memoryFile(text), { ...wanted, maxLines });
          expect(tail.lines.map((line) => line.text)).toEqual(matching.slice(-maxLines));
        }),
        { numRuns: 300 },
      );
    },
  );

  test("twenty lines of a long stream cost twenty lines", async () => {
    const file = memoryFile(`${"x".repeat(99)}\n`.repeat(200_000));
    const page = await tailLines(file, {
      from: 0,
      to: await file.size(),
      maxLines: 20,
      maxBytes: ALL,
    });
    expect(page.lines).toHaveLength(20);
    expect(file.bytesRead()).toBeLessThanOrEqual(256 * 1024);
  });

  test("a filtered tail stops at its last match", async () => {
    const file = memoryFile(`hit\n${"x\n".repeat(2_000_000)}hit\n`);
    const filter = await openFilter("hit", directMatcher);
    const to = await file.size();
    const page = await tailLines(file, { from: 0, to, maxLines: 1, maxBytes: ALL, filter });
    expect(page).toMatchObject({ lines: [{ text: "hit" }], complete: false });
    expect(file.bytesRead()).toBeLessThanOrEqual(256 * 1024);
  });

  test("twenty lines of 3 KB are twenty lines, the first one whole", async () => {
    const line = (index: number) => `${index} ${"x".repeat(3_000)}`;
    const file = memoryFile(
      Array.from({ length: 2_000 }, (_, index) => `${line(index)}\n`).join(""),
    );
    const page = await tailLines(file, {
      from: 0,
      to: await file.size(),
      maxLines: 20,
      maxBytes: ALL,
    });
    expect(page.lines.map(({ text }) => text)).toEqual(
      Array.from({ length: 20 }, (_, index) => line(1_980 + index)),
    );
  });

  test("a line beyond all bounds shows its beginning and how much is hidden", async () => {
    const file = memoryFile(`before\n${"y".repeat(1_000)}\nafter\n`);
    const wanted = { from: 0, to: await file.size(), maxBytes: ALL, sizes: TINY };
    for (const page of [await linesFrom(file, wanted), await tailLines(file, wanted)]) {
      expect(page.lines.map(({ text }) => text)).toEqual(["before", "y".repeat(16), "after"]);
      expect(page.lines.map(({ hiddenBytes }) => hiddenBytes)).toEqual([0, 985, 0]);
    }
  });
});

describe("an unfinished last line", () => {
  test("is left while the agent runs and shown when it has ended", async () => {
    const file = memoryFile("one\ntwo\nthr");
    expect(await wholeLinesEnd(file, 0, 11, false)).toBe(8);
    expect(await wholeLinesEnd(file, 0, 11, true)).toBe(11);
    expect(await wholeLinesEnd(file, 8, 11, false)).toBe(8);
    expect(await wholeLinesEnd(memoryFile("thr"), 0, 3, false)).toBe(0);
  });
});

describe("a stream with gaps", () => {
  const text = "one\ntwo\nthree\nfour\nfive\nsix\n";
  const lost = (from: number, to: number) => ({ from, to, reason: "lost" });
  const wanted = { from: 0, to: text.length, maxBytes: ALL, sizes: TINY };
  const texts = (page: { readonly lines: readonly { readonly text: string }[] }) =>
    page.lines.map((line) => line.text);

  test("hands out what is left, with lines that end and begin at a gap", async () => {
    const file = memoryFile(text, [lost(5, 12), lost(20, 21)]);
    const left = ["one", "t", "e", "four", "f", "ve", "six"];
    expect(texts(await linesFrom(file, wanted))).toEqual(left);
    expect(texts(await tailLines(file, wanted))).toEqual(left);
    expect(texts(await tailLines(file, { ...wanted, maxLines: 4 }))).toEqual(left.slice(-4));
  });

  test("ends its whole lines at the gap when no newline follows it", async () => {
    const file = memoryFile(text.slice(0, 25), [lost(12, 22)]);
    expect(await wholeLinesEnd(file, 0, 25, false, TINY)).toBe(24);
    expect(await wholeLinesEnd(memoryFile(text, [lost(22, 28)]), 0, 28, false, TINY)).toBe(28);
  });

  test("that is lost whole has no lines, and its cursor still moves on", async () => {
    const page = await linesFrom(memoryFile(text, [lost(0, text.length)]), wanted);
    expect(page).toMatchObject({ lines: [], cursor: text.length, complete: true });
  });
});
