import { describe, expect, test } from "vitest";
import {
  activityOf,
  certainTrouble,
  type Doing,
  doingAfter,
  nothingSaid,
  silentTrouble,
} from "../../../src/harness/doing.ts";
import type { StreamEvent } from "../../../src/harness/harness.ts";
import { harnessNamed } from "../../../src/harness/registry.ts";
import { captured } from "./streams.ts";

const AT = 1_000_000;
const calm = { now: AT + 1_000, busyAt: null, liveChildren: 0 };
const later = { now: AT + 60_000, busyAt: AT, liveChildren: 0 };

function after(events: readonly StreamEvent[], hidesCalls = false): Doing {
  return events.reduce((doing, event) => doingAfter(doing, event, AT, hidesCalls), nothingSaid(AT));
}

const started: StreamEvent = { type: "started", sessionId: "s", model: null };
const call = (name: string, id = name): StreamEvent => ({
  type: "tool_call",
  id,
  name,
  input: null,
});
const back = (id: string): StreamEvent => ({ type: "tool_result", id, text: "", isError: false });
const text: StreamEvent = { type: "text", text: "hm" };
const retry = (error: string): StreamEvent => ({ type: "retry", error, attempt: null });
const result = (isError = false): StreamEvent => ({
  type: "result",
  isError,
  text: "",
  usage: null,
  permissionDenials: null,
});

describe("activity", () => {
  test.for([
    ["has just said something", [started, text], calm, "working"],
    ["says nothing and does nothing", [started, text], later, "idle"],
    ["says nothing and its processes work", [text], { ...later, busyAt: AT + 59_000 }, "working"],
    ["is in a long tool call", [started, call("Bash")], later, "working"],
    ["is out of its tool call", [call("Bash"), back("Bash")], later, "idle"],
    [
      "waits in a tool for its children",
      [call("mcp__corral__wait_for_agents")],
      { ...calm, liveChildren: 1 },
      "waiting_children",
    ],
    ["is silent while a child lives", [text], { ...later, liveChildren: 2 }, "waiting_children"],
    ["has told its result", [text, result()], later, "result_but_not_exited"],
    ["goes on after its result", [result(), started, text], calm, "working"],
    [
      "asks for permission",
      [{ type: "permission_needed", tool: "Bash", message: "", isDenied: false }],
      later,
      "waiting_permission",
    ],
    [
      "was denied and goes on",
      [{ type: "permission_needed", tool: "Bash", message: "", isDenied: true }],
      calm,
      "working",
    ],
  ] as const)("of one that %s", ([, events, around, activity]) => {
    expect(activityOf(after(events), around)).toBe(activity);
  });

  test("a step of a CLI that hides its calls counts as one", () => {
    expect(activityOf(after([started], true), later)).toBe("working");
    const usage = { input_tokens: 1, cached_tokens: 0, output_tokens: 1, cost_usd: 0, turns: 1 };
    expect(activityOf(after([started, { type: "usage", usage }], true), later)).toBe("idle");
  });
});

describe("trouble", () => {
  test("a refused login is one at once, a failed connection only when it comes again", () => {
    expect(certainTrouble(after([retry("authentication_failed")]))?.kind).toBe("auth_failed");
    expect(certainTrouble(after([retry("ECONNREFUSED")]))).toBeNull();
    expect(certainTrouble(after([retry("ECONNREFUSED"), retry("ECONNREFUSED")]))).toMatchObject({
      kind: "no_answer",
      attempts: 2,
    });
    expect(certainTrouble(after([retry("unknown"), retry("unknown")]))?.kind).toBe("no_answer");
  });

  test("goes on from its beginning, keeps its reset, and is over with an answer", () => {
    const limited = (waitMs: number | null, attempt: number): StreamEvent => ({
      type: "rate_limited",
      message: "429",
      attempt,
      until: null,
      waitMs,
    });
    const first = doingAfter(nothingSaid(0), limited(5_000, 1), 10, false);
    const again = doingAfter(first, limited(null, 2), 900, false);
    expect(again.trouble).toMatchObject({ since: 10, until: 5_010, attempts: 2 });
    expect(activityOf(again, calm)).toBe("rate_limited");
    expect(doingAfter(again, text, 1_000, false).trouble).toBeNull();
  });

  test("a failed tool, an unknown model and a full context are none: their runs end by themselves", () => {
    for (const message of ["the tests failed", "unknown model x", "prompt is too long"]) {
      expect(after([{ type: "error", message }]).trouble).toBeNull();
    }
  });

  test("silence is one only when nothing at all is done", () => {
    const waiting = after([started]);
    const silent = { now: AT + 200_000, busyAt: AT, liveChildren: 0 };
    expect(silentTrouble(waiting, silent, 180_000)).toMatchObject({ kind: "no_answer", since: AT });
    expect(silentTrouble(waiting, { ...silent, now: AT + 100_000 }, 180_000)).toBeNull();
    expect(silentTrouble(waiting, { ...silent, busyAt: AT + 50_000 }, 180_000)).toBeNull();
    expect(
      silentTrouble(waiting, { ...silent, busyAt: null }, 180_000),
      "nobody looked",
    ).toBeNull();
    expect(silentTrouble(waiting, { ...silent, liveChildren: 1 }, 180_000)).toBeNull();
    expect(silentTrouble(after([call("Bash")]), silent, 180_000)).toBeNull();
    expect(silentTrouble(after([result()]), silent, 180_000)).toBeNull();
    expect(silentTrouble(waiting, silent, 0)).toBeNull();
  });
});

describe("captured streams", () => {
  const doingOf = (cli: "claude" | "codex" | "gemini" | "opencode", name: string): Doing => {
    const harness = harnessNamed(cli);
    const { linesOf, stderrLinesOf } = captured(cli);
    const events = [
      ...linesOf(name).flatMap((line) => harness.events(line)),
      ...stderrLinesOf(name).flatMap((line) => harness.stderrEvents?.(line) ?? []),
    ];
    return after(events, harness.hidesCalls === true);
  };

  test.for([
    ["claude", "f401", "auth_failed"],
    ["claude", "f429", "rate_limited"],
    ["claude", "drop", "no_answer"],
    ["claude", "deadmodel", "no_answer"],
    ["codex", "f401", "auth_failed"],
    ["codex", "deadmodel", "no_answer"],
    ["gemini", "f429", "rate_limited"],
    ["gemini", "deadmodel", "no_answer"],
    ["opencode", "f401", "auth_failed"],
  ] as const)("%s %s is seen as %s", ([cli, name, kind]) => {
    expect(certainTrouble(doingOf(cli, name))?.kind).toBe(kind);
  });

  test.for(["claude", "codex", "gemini", "opencode"] as const)(
    "%s ends well without one",
    (cli) => {
      const doing = doingOf(cli, "happy");
      expect(doing.trouble).toBeNull();
      expect(doing.openCalls).toEqual([]);
      expect(activityOf(doing, calm)).toBe("result_but_not_exited");
    },
  );

  test.for(["claude", "codex", "gemini"] as const)(
    "%s killed in a tool call has it open",
    (cli) => {
      expect(doingOf(cli, "sig-KILL").openCalls.length).toBeGreaterThan(0);
    },
  );
});
