import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differences } from "../../../../src/surface/cli/top/differences.ts";
import { frameOf } from "../../../../src/surface/cli/top/frame.ts";
import { HELP_LINES } from "../../../../src/surface/cli/top/help.ts";
import { arranged, LEAST, outputRows } from "../../../../src/surface/cli/top/layout.ts";
import type { TopState } from "../../../../src/surface/cli/top/model.ts";
import { fit, plain, widthOf, wrap } from "../../../../src/surface/cli/top/width.ts";
import { anAgent } from "../fake-ports.ts";
import { anAlert, ended, stateOf } from "./states.ts";

const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- they take no room
  /\u001b\[[0-9;]*m/g;

const AT = "2026-01-01T00:00:00.000Z";

function crowd(count: number): TopState {
  const names = Array.from({ length: count }, (_, at) => `a${String(at).padStart(4, "0")}-1`);
  return stateOf(names.map(anAgent), { columns: 100, rows: 20 });
}

describe("the screen", () => {
  test("every line is as wide as the screen and there are as many as it has rows, whatever it shows", () => {
    const modes = [
      { kind: "table" },
      { kind: "filter" },
      { kind: "stop", agentId: "a-1" },
      { kind: "message", agentId: "a-1", text: "日本 and a long message".repeat(9) },
      { kind: "page", title: "Help", lines: HELP_LINES, from: 0 },
    ] as const;
    const anyState = fc.record({
      columns: fc.integer({ min: 1, max: 220 }),
      rows: fc.integer({ min: 1, max: 60 }),
      count: fc.integer({ min: 0, max: 40 }),
      words: fc.string({ unit: "grapheme", maxLength: 80 }),
      pane: fc.constantFrom(null, "details", "output"),
      mode: fc.constantFrom(...modes),
      lines: fc.array(fc.string({ unit: "grapheme", maxLength: 300 }), { maxLength: 40 }),
      behind: fc.nat(100),
      alerts: fc.array(fc.string({ unit: "grapheme" }).map(anAlert), { maxLength: 2 }),
      colour: fc.boolean(),
    });
    fc.assert(
      fc.property(anyState, ({ columns, rows, count, words, lines, colour, ...more }) => {
        const agents = Array.from({ length: count }, (_, at) => ({
          ...anAgent(`a-${at}`),
          reported: { status: "working", message: words, progress: 5, at: "2026-01-01T00:00:00Z" },
        }));
        const base = stateOf(agents, { columns, rows });
        const output = { agentId: base.chosen, lines: lines.map(plain), isEnd: false };
        const frame = frameOf(arranged({ ...base, ...more, output }), colour);
        expect(frame).toHaveLength(rows);
        for (const line of frame) {
          expect(widthOf(line.replaceAll(SEQUENCES, ""))).toBe(columns);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("of a thousand agents only those in sight are drawn, the cursor's among them", () => {
    const state = arranged({ ...crowd(1_000), chosen: "a0500-1" });
    const frame = frameOf(state, false);
    expect(frame.filter((line) => /^[ ▸]a\d{4}-1/.test(line))).toHaveLength(16);
    expect(frame.findLast((line) => line.startsWith("▸"))).toMatch(/^▸a0500-1 +running/);
  });

  test("without colours there is no sequence, and the cursor is told all the same", () => {
    const text = frameOf(arranged(crowd(3)), false).join("\n");
    expect(text).not.toContain("\u001b");
    expect(text).toContain("▸a0000-1");
    expect(frameOf(arranged(crowd(3)), true).join("\n")).toContain("\u001b[7m▸a0000-1");
  });

  test("a narrow one leaves out columns, never the agent and its status", () => {
    const at = (columns: number): string =>
      frameOf({ ...crowd(1), size: { columns, rows: 12 } }, false)[2]?.trimEnd() ?? "";
    expect(at(120)).toBe(
      " AGENT▾                     STATUS     ACTIVITY         AGE    CPU  MEMORY PROCS   LOG/S  TOKENS    COST LAST PROGRESS",
    );
    expect(at(80)).toBe(
      " AGENT▾                     STATUS         AGE    CPU  MEMORY LAST PROGRESS",
    );
    expect(at(LEAST.columns)).toBe(" AGENT▾             STATUS");
  });

  test("what an agent says of itself steers nothing and turns nothing around", () => {
    const message = "\u001b[2J\u202egnihton\nnext \u009b31m\u0007";
    const agent = { ...anAgent("a-1"), reported: { status: "x", message, progress: 1, at: AT } };
    const text = frameOf(stateOf([agent], { columns: 200, rows: 20 }), false).join("\n");
    expect(text).toContain("[2Jgnihton next 31m");
    // oxlint-disable-next-line no-control-regex -- none may be left
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  test("a failure is told in the last line; a stuck agent in its status", () => {
    const stuck = { ...ended("a-1"), cleanup: { state: "stuck", held: 1, stuck: 1 } as const };
    const state: TopState = { ...stateOf([stuck]), notice: { text: "E: no.", tone: "bad" } };
    const frame = frameOf(state, false);
    expect(frame.at(-1)?.trimEnd()).toBe("E: no.");
    expect(frame.find((line) => line.includes("a-1"))).toMatch(/^▸a-1 +stuck /);
    expect(frame[0]).toMatch(/1 need attention/);
  });
});

describe("the output", () => {
  const lines = Array.from({ length: 50 }, (_, at) => `line ${at}`);
  const looking = (behind: number): TopState => {
    const state = crowd(3);
    return arranged({
      ...state,
      pane: "output",
      behind,
      output: { agentId: "x", lines, isEnd: false },
    });
  };

  test("shows its end, or what is so many rows before", () => {
    expect(outputRows(looking(0))).toEqual(lines.slice(-7));
    expect(outputRows(looking(10))).toEqual(lines.slice(33, 40));
  });

  test("cannot be scrolled over its beginning", () => {
    expect(outputRows(looking(1e9))).toEqual(lines.slice(0, 7));
  });

  test("goes on below at the right edge, by what letters take", () => {
    expect(wrap("abcdef", 4)).toEqual(["abcd", "ef"]);
    expect(wrap("日本語", 4)).toEqual(["日本", "語"]);
  });
});

describe("room", () => {
  test("is what a terminal gives: two for wide letters and pictures, none for accents", () => {
    expect(["a", "é", "e\u0301", "日", "👩‍👩‍👧", "❤️", "한"].map(widthOf)).toEqual([
      1, 1, 1, 2, 2, 2, 2,
    ]);
  });

  test("is filled exactly, also where half a letter would be left", () => {
    expect(fit("日本語", 4)).toBe("日… ");
    expect(fit("12", 4, "right")).toBe("  12");
    expect(fit("abc", 0)).toBe("");
  });
});

test("a terminal is sent only the lines that differ, and everything when it is not known", () => {
  expect(differences(["a", "b"], ["a", "c"])).toBe("\u001b[?2026h\u001b[2;1Hc\u001b[?2026l");
  expect(differences(["a"], ["a"])).toBe("");
  expect(differences(null, ["a"])).toBe("\u001b[?2026h\u001b[2J\u001b[1;1Ha\u001b[?2026l");
});
