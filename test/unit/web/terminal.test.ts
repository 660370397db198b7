import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { filterOfStream } from "../../../web/src/terminal/harmless.ts";
import { screenText } from "../../../web/src/terminal/screen-text.ts";

const through = (text: string): string => filterOfStream().push(text);

describe("what a terminal in the page is given", () => {
  test.for([
    "plain text, 日本, ❤️\r\n\tand a tab",
    "\u001b[1;31mred\u001b[0m \u001b[38;2;1;2;3mtrue\u001b[m \u001b[4:3mwavy",
    "\u001b[2J\u001b[H\u001b[10;20H\u001b[K\u001b[3A\u001b[1G\u001b[2;5r\u001b7\u001b8\u001bM",
    "\u001b[?25l\u001b[?25h\u001b[?1049h\u001b[?7l",
  ])("keeps %j", (text) => {
    expect(through(text)).toBe(text);
  });

  test.for([
    ["the clipboard", "a\u001b]52;c;ZXZpbA==\u0007b"],
    ["the clipboard, ended as the standard has it", "a\u001b]52;c;ZXZpbA==\u001b\\b"],
    ["the clipboard in eight bits", "a\u009d52;c;ZXZpbA==\u009cb"],
    ["a title", "a\u001b]0;title\u0007b"],
    ["colours of the palette", "a\u001b]4;1;#ffffff\u0007\u001b]11;?\u0007b"],
    [
      "device strings",
      "a\u001bP+q544e\u001b\\\u001b_Gf=100;AAAA\u001b\\\u001b^x\u001b\\\u001bXy\u001b\\b",
    ],
    ["questions", "a\u001b[6n\u001b[c\u001b[>c\u001b[?1$p\u001b[18tb"],
    ["keys, mice and pastes", "a\u001b[?1000h\u001b[?2004h\u001b[?1hb"],
    ["a reset and other character sets", "a\u001bc\u001b(0\u001b[!pb"],
    ["a bell and other control characters", "a\u0007\u0000\u000e\u000f\u0085b"],
    ["order of letters", "a\u202e\u2066b"],
    ["a sequence of private letters", "a\u001b[<1;2;3Mb\u001b[>4;2m"],
  ] as const)("leaves out %s", ([, text]) => {
    expect(through(text)).toBe("ab");
  });

  test("keeps the text of a link, and not where it leads", () => {
    expect(through("\u001b]8;;https://evil.example\u0007here\u001b]8;;\u0007")).toBe("here");
  });

  test("a string that never ends swallows what follows until another begins, and takes no room", () => {
    const { push } = filterOfStream();
    expect(push(`\u001b]52;c;${"A".repeat(100_000)}`)).toBe("");
    expect(push("still the string")).toBe("");
    expect(push("\u001b\\after")).toBe("after");
  });

  test("an endless sequence is taken out as a whole", () => {
    expect(through(`a\u001b[${"1;".repeat(10_000)}mb`)).toBe("ab");
  });

  test("is the same wherever the stream is cut", () => {
    const parts = fc.array(
      fc.oneof(
        fc.string(),
        fc.constantFrom(
          "\u001b",
          "[",
          "]",
          "52;",
          "\u0007",
          "\\",
          "m",
          "?25h",
          "\u009b",
          "P",
          "31",
        ),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(parts, (pieces) => {
        const { push } = filterOfStream();
        expect(pieces.map(push).join("")).toBe(through(pieces.join("")));
      }),
    );
  });

  test("never holds a control character but those that move on, and no sequence but of the list", () => {
    const letters = fc.string({ unit: "binary", maxLength: 200 });
    const noise = fc.array(fc.oneof(letters, fc.constantFrom("\u001b", "\u001b[", "\u001b]")));
    fc.assert(
      fc.property(noise, (pieces) => {
        const left = through(pieces.join("")).replaceAll(
          // oxlint-disable-next-line no-control-regex -- these are let through
          /\u001b(?:\[[0-9;:]*[A-Za-z@`]|\[\?[0-9]+[hl]|[78MDE])/g,
          "",
        );
        // oxlint-disable-next-line no-control-regex -- nothing else may be
        expect(left).not.toMatch(/[\u0000-\u0007\u000b\u000c\u000e-\u001f\u007f-\u009f]/);
      }),
    );
  });
});

test("a pane is drawn line by line, with what was there before gone and the cursor where it is", () => {
  const screen = {
    columns: 4,
    rows: 3,
    cursor: { column: 1, row: 1 },
    lines: ["ab", "\u001b[31mc"],
  };
  expect(screenText(screen)).toBe(
    "\u001b[?25l\u001b[1;1H\u001b[0mab\u001b[0m\u001b[K\u001b[2;1H\u001b[0m\u001b[31mc\u001b[0m\u001b[K\u001b[3;1H\u001b[0m\u001b[0m\u001b[K\u001b[?25h\u001b[2;2H",
  );
  expect(screenText({ ...screen, cursor: null }).endsWith("\u001b[?25l")).toBe(true);
});
