import { describe, expect, test } from "vitest";
import type { AgentView, Receipt } from "../../../src/contract/agent.ts";
import { AGENT_STATUSES, isTerminal } from "../../../src/contract/agent.ts";
import { harmless, paint, wantsColour } from "../../../src/surface/cli/paint.ts";
import { table } from "../../../src/surface/cli/table.ts";
import {
  agentsTable,
  endText,
  hasEnded,
  receiptTable,
  summarise,
  sweepLines,
} from "../../../src/surface/cli/views.ts";
import { anAgent } from "./fake-ports.ts";

const PLAIN = { colour: false, columns: Number.POSITIVE_INFINITY };

test("an agent has ended exactly when the contract says so", () => {
  for (const status of AGENT_STATUSES) expect(hasEnded({ status })).toBe(isTerminal(status));
});

describe("tables", () => {
  test("align their columns and leave no blanks at the end of a line", () => {
    expect(
      table(
        ["A", "LONG"],
        [
          ["aaa", "b"],
          ["c", ""],
        ],
        PLAIN,
      ),
    ).toEqual(["A    LONG", "aaa  b", "c"]);
  });

  test("cut only the last column, to the width of the terminal", () => {
    const [, row] = table(["A", "B"], [["12345678", "x".repeat(90)]], {
      colour: false,
      columns: 40,
    });
    expect(row).toHaveLength(40);
    expect(row?.endsWith("…")).toBe(true);
  });

  test("keep their columns when cells are coloured", () => {
    const [, row] = table(["A", "B"], [[{ text: "x", tone: "good" }, "y"]], {
      ...PLAIN,
      colour: true,
    });
    expect(row).toBe("\u001b[32mx\u001b[39m  y");
  });

  test("let no stranger's text steer the terminal", () => {
    const [, row] = table(["A"], [["\u001b[2Jgone\r\n\u009b31m"]], PLAIN);
    expect(row).toBe("\\x1b[2Jgone\\x0d \\x9b31m");
  });
});

describe("colour", () => {
  test("is for terminals whose owner did not refuse it", () => {
    expect(wantsColour({}, true)).toBe(true);
    expect(wantsColour({}, false)).toBe(false);
    expect(wantsColour({ NO_COLOR: "1" }, true)).toBe(false);
    expect(wantsColour({ NO_COLOR: "" }, true)).toBe(true);
    expect(wantsColour({ TERM: "dumb" }, true)).toBe(false);
  });

  test("changes nothing when it is off", () => {
    expect(paint("text", "bad", false)).toBe("text");
    expect(harmless("täxt – 🐎")).toBe("täxt – 🐎");
  });
});

describe("agents", () => {
  const at = (iso: string) => Date.parse(iso);

  test("show how long they ran, not how long ago that was", () => {
    const agent: AgentView = {
      ...anAgent("fixer-101010-aaaaaa"),
      status: "failed",
      started_at: "2026-01-01T00:00:00.000Z",
      ended_at: "2026-01-01T00:00:12.300Z",
      signal: "SIGSEGV",
      reason: "crashed",
      cleanup: { state: "stuck", held: 2, stuck: 2 },
      disk_bytes: 3_145_728,
      budget: {
        tokens: { used: 12_400, limit: null },
        cost_usd: { used: 0.31, limit: 1 },
      },
    };
    const [, row] = agentsTable([agent], at("2026-02-01T00:00:00.000Z"), PLAIN);
    expect(row).toBe(
      "fixer-101010-aaaaaa  fixer  failed  12.3 s  3.0 MiB  12.4 k, $0.31  stuck (2)  –",
    );
    expect(endText(agent)).toBe("SIGSEGV; crashed");
  });
});

describe("receipts", () => {
  const entry = { resource_id: 1, kind: "tmux_session", locator: "agent_a", at: null };
  const receipt: Receipt = {
    owner: "a",
    cleanup: { state: "stuck", held: 2, stuck: 1 },
    resources: [
      { ...entry, state: "released", seen: "session absent" },
      { ...entry, kind: "stream_log", state: "retained", seen: null },
      { ...entry, kind: "process_set", state: "releasing", seen: "1 alive" },
      { ...entry, kind: "token", state: "held", seen: null },
    ],
    survivors: [{ pid: 7, name: "sl\u001beep" }],
    usage: null,
  };

  test("count as given back only what was seen gone or is kept on purpose", () => {
    expect(summarise([receipt])).toEqual({
      released: 1,
      retained: 1,
      stuck: [
        "a: process_set agent_a (1 alive)",
        "a: token agent_a (not released)",
        "a: process 7 (sl\\x1beep) is still alive",
      ],
    });
  });

  test("name every survivor", () => {
    expect(receiptTable(receipt, PLAIN).at(-1)).toBe("still alive: process 7 (sl\\x1beep)");
  });
});

test("a sweep says what it could not look at, and how to apply its plan", () => {
  const step = {
    kind: "token",
    locator: "t",
    owner: null,
    why: "owner ended",
    outcome: "planned" as const,
    seen: null,
  };
  const lines = sweepLines(
    { plan_id: "plan-7", applied: false, steps: [step], unknown: ["/proc/7"] },
    PLAIN,
  );
  expect(lines.slice(-2)).toEqual([
    "could not look at /proc/7; nothing there was touched",
    "Run corral sweep --apply --plan plan-7 to release exactly these.",
  ]);
  expect(sweepLines({ plan_id: "plan-7", applied: true, steps: [], unknown: [] }, PLAIN)).toEqual([
    "Nothing to release.",
  ]);
});
