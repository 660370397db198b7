import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { spansOf } from "../../../web/src/output/ansi.ts";
import { NO_LINES, withPiece } from "../../../web/src/output/lines.ts";

const ESC = "\u001b";
const plain = (line: string) =>
  spansOf(line)
    .map(({ text }) => text)
    .join("");

describe("colours", () => {
  test("become looks, and go no further than their end", () => {
    expect(spansOf(`${ESC}[32mok${ESC}[0m 3 ${ESC}[1;31mbad`)).toEqual([
      { text: "ok", look: "ansi-green" },
      { text: " 3 ", look: "" },
      { text: "bad", look: "ansi-red ansi-bold" },
    ]);
  });

  test.for([
    [`${ESC}]0;a title\u0007text`, "text"],
    [`${ESC}[2J${ESC}[1;1Htext`, "text"],
    [`a\rb\u0008c`, "abc"],
    ["left \u202eright", "left right"],
    [`${ESC}[38;5;31mtext`, "text"],
    ["", ""],
  ])("and what is none is taken out of %j", ([line = "", expected]) => {
    expect(plain(line)).toBe(expected);
  });

  test("leave nothing that could steer anything, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (line) => {
        // oxlint-disable-next-line no-control-regex -- their absence is the point
        expect(plain(line)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
    );
  });
});

describe("lines", () => {
  const piece = (text: string, isFirst = false) => ({ text, isFirst, isEnd: false });
  const all = (lines: typeof NO_LINES) => lines.blocks.flatMap(({ lines: some }) => some);

  test("of whole pieces follow each other", () => {
    const some = withPiece(withPiece(NO_LINES, piece("a\nb", true), false), piece("c"), false);
    expect(all(some)).toEqual(["a", "b", "c"]);
  });

  test("that were cut by a piece's end are joined", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme-ascii" }), { minLength: 1 }), (texts) => {
        const text = texts.join("\n");
        let lines = withPiece(NO_LINES, piece("", true), true);
        for (let at = 0; at < text.length; at += 7) {
          lines = withPiece(lines, piece(text.slice(at, at + 7)), true);
        }
        expect(all(lines).join("\n")).toBe(text);
      }),
    );
  });

  test("are bounded: the oldest go, and how many is told", () => {
    const many = Array.from({ length: 30_000 }, (_, index) => `line ${index}`).join("\n");
    const lines = withPiece(NO_LINES, piece(many, true), false);
    expect(all(lines).length).toBeLessThanOrEqual(20_100);
    expect(all(lines).at(-1)).toBe("line 29999");
    expect(all(lines)[0]).toBe(`line ${lines.dropped}`);
  });

  test("begin anew with a first piece, and blocks that are full stay the same objects", () => {
    const many = Array.from({ length: 250 }, (_, index) => `${index}`).join("\n");
    const before = withPiece(NO_LINES, piece(many, true), false);
    const after = withPiece(before, piece("next"), false);
    expect(after.blocks[0]).toBe(before.blocks[0]);
    expect(all(withPiece(after, piece("anew", true), false))).toEqual(["anew"]);
  });
});
