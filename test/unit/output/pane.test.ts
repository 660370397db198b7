import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanPaneLine, maskedLines } from "../../../src/output/pane.ts";

describe("a line of a pane", () => {
  test("keeps its text and its colours", () => {
    const line = "\u001b[1;31mred\u001b[0m and \u001b[38;5;120mgreen\u001b[39m, 日本";
    expect(cleanPaneLine(line)).toBe(line);
  });

  test.for([
    ["a link", "\u001b]8;;https://evil.example\u001b\\text\u001b]8;;\u001b\\", "text"],
    ["a link that ends in a bell", "\u001b]8;;x\u0007text\u001b]8;;\u0007", "text"],
    ["the clipboard", "a\u001b]52;c;ZXZpbA==\u0007b", "ab"],
    ["a title that never ends", "a\u001b]0;title", "a"],
    ["moves and wipes", "a\u001b[2J\u001b[10;1Hb\u001b[?1049hc", "abc"],
    ["a question to the terminal", "a\u001b[6nb\u001b[cd", "abd"],
    ["a device string", "a\u001bPq#0\u001b\\b", "aq#0b"],
    ["control characters of eight bits", "a\u009b2Jb\u0085", "a2Jb"],
    ["order of letters", "a\u202eb", "ab"],
  ] as const)("leaves out %s", ([, line, left]) => {
    expect(cleanPaneLine(line)).toBe(left);
  });

  test("draws lines as letters that are lines", () => {
    expect(cleanPaneLine("\u000elqqk\u000f x \u000ex\u000f")).toBe("┌──┐ x │");
  });

  test("is text and colours, whatever it was", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\u001b", "[", "]", "m")),
          {
            maxLength: 30,
          },
        ),
        (pieces) => {
          const left = cleanPaneLine(pieces.join("")).replaceAll(
            // oxlint-disable-next-line no-control-regex -- colours are what may be left
            /\u001b\[[0-9;:]*m/g,
            "",
          );
          // oxlint-disable-next-line no-control-regex -- nothing else may be
          expect(left).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        },
      ),
    );
  });
});

describe("secrets in a pane", () => {
  const SECRET = "hunter2hunter2";
  const mask = (bytes: Uint8Array): Uint8Array => {
    const text = Buffer.from(bytes).toString();
    return text.includes(SECRET)
      ? Buffer.from(text.replaceAll(SECRET, "*".repeat(SECRET.length)))
      : bytes;
  };

  test("are found in a line, also with colours between their letters; other lines stay as they are", () => {
    const lines = ["\u001b[32mok\u001b[0m", "key \u001b[1mhunter2\u001b[0mhunter2 end", "x"];
    expect(maskedLines(lines, 80, mask)).toEqual([
      "\u001b[32mok\u001b[0m",
      "key ************** end",
      "x",
    ]);
  });

  test("are found where a line goes on in the next, and each line keeps its length", () => {
    expect(maskedLines(["key: hunter", "2hunter2 x", "y"], 11, mask)).toEqual([
      "key: ******",
      "******** x",
      "y",
    ]);
    expect(maskedLines(["日本 hunter2", "hunter2"], 12, mask)).toEqual(["日本 *******", "*******"]);
  });
});
