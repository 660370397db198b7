import { describe, expect, test } from "vitest";
import type { AgentView } from "../../../../src/contract/agent.ts";
import type { CorralEvent } from "../../../../src/contract/events.ts";
import { rowsOf } from "../../../../src/surface/cli/top/choose.ts";
import { columnsFor } from "../../../../src/surface/cli/top/columns.ts";
import {
  shortBytes,
  shortCores,
  shortCount,
  shortSpan,
} from "../../../../src/surface/cli/top/figures.ts";
import { press } from "../../../../src/surface/cli/top/keys.ts";
import type { TopState } from "../../../../src/surface/cli/top/model.ts";
import {
  withAgents,
  withEvents,
  withLines,
  withLook,
} from "../../../../src/surface/cli/top/take.ts";
import { anAgent } from "../fake-ports.ts";
import { anAlert, ended, NOTHING, NOW, overviewOf, stateOf } from "./states.ts";

const key = (name: string) => ({ name, text: "", ctrl: false });
const typed = (text: string) => ({ name: text, text, ctrl: false });

/** The state after these keys; one letter is typed, a longer word is a key. */
function after(state: TopState, ...keys: readonly string[]): TopState {
  return keys.reduce(
    (before, one) => press(before, one.length === 1 ? typed(one) : key(one)).state,
    state,
  );
}

const ids = (state: TopState): readonly string[] =>
  rowsOf(state).map(({ agent }) => agent.agent_id);

/** A look at these agents, with the processor time of each. */
function looked(state: TopState, agents: readonly AgentView[], cpu: Record<string, number>) {
  const { health, machine } = overviewOf([]);
  const use = new Map(
    Object.entries(cpu).map(([id, ms]) => [
      id,
      { sample: { ...NOTHING, cpu_ms_per_s: ms }, listens: [] },
    ]),
  );
  return withLook(state, { at: NOW, agents, health, machine, use });
}

describe("order", () => {
  const [a, b, c] = [anAgent("a-1"), anAgent("b-1"), anAgent("c-1")];

  test("the greatest first, names from A to Z, what is not told last both ways", () => {
    const state = looked(stateOf([a, b, c]), [a, b, c], { "a-1": 100, "b-1": 300 });
    const byCpu: TopState = { ...state, sort: { column: "cpu", isReversed: false } };
    expect(ids(state)).toEqual(["a-1", "b-1", "c-1"]);
    expect(ids(byCpu)).toEqual(["b-1", "a-1", "c-1"]);
    expect(ids(after(byCpu, "r"))).toEqual(["a-1", "b-1", "c-1"]);
  });

  test("keys go round the columns, and the cursor stays with its agent", () => {
    const state = after(stateOf([a, b, c]), "down", "down");
    expect(state.chosen).toBe("c-1");
    const turned = after(state, "r");
    expect(ids(turned)).toEqual(["c-1", "b-1", "a-1"]);
    expect(turned.chosen).toBe("c-1");
    expect(after(state, "s").sort.column).toBe("status");
    expect(after(state, "S").sort.column).toBe("progress");
  });

  test("the cursor stops at the ends, and goes by pages", () => {
    const many = stateOf(
      Array.from({ length: 100 }, (_, at) => anAgent(`a${String(at).padStart(3, "0")}`)),
    );
    expect(after(many, "up").chosen).toBe("a000");
    expect(after(many, "end").chosen).toBe("a099");
    expect(after(many, "end", "home").chosen).toBe("a000");
    expect(after(many, "pagedown").chosen).toBe("a018");
  });
});

describe("choice", () => {
  const state = stateOf([anAgent("builder-1"), anAgent("fixer-1"), ended("fixer-2")]);

  test("what has ended is shown when it is asked for, or holds something", () => {
    expect(ids(state)).toEqual(["builder-1", "fixer-1"]);
    expect(ids(after(state, "a"))).toEqual(["builder-1", "fixer-1", "fixer-2"]);
    const stuck = { ...ended("fixer-3"), cleanup: { state: "stuck", held: 2, stuck: 1 } as const };
    expect(ids(withAgents(state, [stuck]))).toContain("fixer-3");
  });

  test("a filter is every word anywhere; Escape takes it away", () => {
    const found = after(state, "/", "f", "i", "x");
    expect(ids(found)).toEqual(["fixer-1"]);
    expect(found.chosen).toBe("fixer-1");
    expect(ids(after(found, "backspace", "backspace", "backspace"))).toHaveLength(2);
    expect(ids(after(found, "return"))).toEqual(["fixer-1"]);
    expect(ids(after(found, "return", "escape"))).toHaveLength(2);
    expect(ids(after(found, "escape"))).toHaveLength(2);
  });
});

describe("stopping", () => {
  const state = stateOf([anAgent("a-1"), anAgent("b-1")]);

  test("only y after the question stops, and it stops the agent that was asked about", () => {
    const asked = after(state, "down", "x");
    expect(asked.mode).toEqual({ kind: "stop", agentId: "b-1" });
    for (const no of [key("return"), key("escape"), typed("n"), typed(" ")]) {
      expect(press(asked, no)).toMatchObject({ effect: null, state: { mode: { kind: "table" } } });
    }
    // Meanwhile another one has moved to where the cursor was.
    const moved: TopState = { ...asked, chosen: "a-1" };
    const { effect, state: stopping } = press(moved, typed("y"));
    expect(effect).toMatchObject({ do: "stop", agent: { agent_id: "b-1" } });
    expect([...stopping.stopping]).toEqual(["b-1"]);
  });

  test("a pasted y is no answer", () => {
    expect(press(after(state, "x"), { name: "", text: "yes", ctrl: false }).effect).toBeNull();
  });

  test("what has ended cannot be stopped, and nothing cannot", () => {
    const over = after(stateOf([ended("a-1")]), "a", "x");
    expect(over).toMatchObject({ mode: { kind: "table" }, notice: { text: "a-1 has ended." } });
    expect(after(stateOf([]), "x").notice?.text).toBe("No agent is chosen.");
  });
});

describe("a message", () => {
  const state = stateOf([anAgent("a-1"), anAgent("b-1")]);

  test("is sent by Enter to the agent it was begun for, and not by Escape or empty", () => {
    const begun = after(state, "down", "m", "H", "i");
    expect(begun.mode).toEqual({ kind: "message", agentId: "b-1", text: "Hi" });
    const moved: TopState = { ...begun, chosen: "a-1" };
    const { effect, state: sent } = press(moved, key("return"));
    expect(effect).toMatchObject({ do: "message", agent: { agent_id: "b-1" }, text: "Hi" });
    expect(sent.mode.kind).toBe("table");
    expect(press(begun, key("escape"))).toMatchObject({ effect: null, state: { mode: sent.mode } });
    expect(press(after(state, "m", " "), key("return")).effect).toBeNull();
  });

  test("takes a paste as it is, with its line ends, and letters off as they look", () => {
    const begun = after(state, "m");
    const pasted = press(begun, { name: "", text: "one\ntwo 👩‍👩‍👧", ctrl: false }).state;
    expect(pasted.mode).toMatchObject({ text: "one\ntwo 👩‍👩‍👧" });
    expect(after(pasted, "backspace").mode).toMatchObject({ text: "one\ntwo " });
  });
});

test("what wants a look is told with since when, why, and what to do", () => {
  const state: TopState = { ...stateOf([]), alerts: [anAlert("has printed nothing")] };
  expect(after(state, "!").mode).toMatchObject({
    lines: [
      "warning agent silent: agent a-1",
      "  has printed nothing, for 5 min 0 s",
      "  Look at its output.",
      "",
    ],
  });
  expect(after(stateOf([]), "!").mode).toMatchObject({ lines: ["Nothing wants a look."] });
});

test("Ctrl-C quits from everywhere; q from the table only", () => {
  const state = stateOf([anAgent("a-1")]);
  for (const keys of [[], ["/"], ["x"], ["?"]]) {
    const there = after(state, ...keys);
    expect(press(there, { name: "c", text: "", ctrl: true }).effect).toEqual({ do: "quit" });
  }
  expect(press(state, typed("q")).effect).toEqual({ do: "quit" });
  expect(press(after(state, "/"), typed("q"))).toMatchObject({
    effect: null,
    state: { filter: "q" },
  });
});

describe("the pane", () => {
  const state = stateOf([anAgent("a-1"), anAgent("b-1")]);

  test("opens, becomes another, closes; and reads the output of the cursor's agent only", () => {
    const open = after(state, "return");
    expect(open).toMatchObject({ pane: "output", output: { agentId: "a-1" } });
    expect(after(open, "down").output.agentId).toBe("b-1");
    expect(after(open, "d")).toMatchObject({ pane: "details", output: { agentId: null } });
    expect(after(open, "return").pane).toBeNull();
    expect(after(open, "escape").pane).toBeNull();
  });

  test("late lines of another agent are not shown", () => {
    const open = after(state, "return", "down");
    expect(withLines(open, "a-1", ["late"]).output.lines).toEqual([]);
    expect(withLines(open, "b-1", ["now"]).output.lines).toEqual(["now"]);
  });

  test("arrows scroll it after Tab, and f follows again", () => {
    const open = withLines(after(state, "return"), "a-1", ["1", "2", "3"]);
    const back = after(open, "tab", "up", "up");
    expect(back).toMatchObject({ chosen: "a-1", behind: 2, isPaneFocused: true });
    expect(after(back, "f").behind).toBe(0);
    expect(after(back, "down").behind).toBe(1);
  });

  test("keeps the last lines only", () => {
    const open = after(state, "return");
    const lines = Array.from({ length: 5_000 }, (_, at) => String(at));
    const { output } = withLines(open, "a-1", lines);
    expect(output.lines).toHaveLength(2_000);
    expect(output.lines.at(-1)).toBe("4999");
  });
});

describe("what comes from the daemon", () => {
  const event = (seq: number, agentId: string | null): CorralEvent => ({
    seq,
    at: "2026-01-01T00:00:00.000Z",
    kind: "agent.running",
    task_id: null,
    agent_id: agentId,
    facts: {},
  });

  test("each event counts once, in its order; a gap is told", () => {
    const state = stateOf([anAgent("a-1")]);
    const {
      state: next,
      named,
      isGap,
    } = withEvents(state, [event(7, "x"), event(8, "a-1"), event(9, null)]);
    expect([next.seq, [...named], isGap]).toEqual([9, ["a-1"], false]);
    expect(withEvents(next, [event(9, "a-1")])).toMatchObject({ isGap: false, named: new Set() });
    expect(withEvents(next, [event(12, "a-1")]).isGap).toBe(true);
  });

  test("of what has ended only the newest are kept, and of what lives everything", () => {
    const live = Array.from({ length: 10 }, (_, at) => anAgent(`live-${at}`));
    const over = Array.from({ length: 5_000 }, (_, at) => ({
      ...ended(`over-${at}`),
      ended_at: new Date(NOW + at).toISOString(),
    }));
    const { agents } = withAgents(stateOf(live), over.toReversed());
    expect(agents.size).toBe(2_010);
    expect(agents.has("live-0")).toBe(true);
    expect(agents.has("over-4999")).toBe(true);
    expect(agents.has("over-2999")).toBe(false);
  });

  test("what lives no more is used no more", () => {
    const agent = anAgent("a-1");
    const first = looked(stateOf([agent]), [agent], { "a-1": 500 });
    expect(rowsOf(first)[0]?.use?.sample.cpu_ms_per_s).toBe(500);
    expect(rowsOf(looked(first, [agent], {}))[0]?.use).toBeUndefined();
  });
});

test("figures are short", () => {
  expect([0, 812, 4_300_000, 512 * 1_024 ** 2, 3 * 1_024 ** 4].map(shortBytes)).toEqual([
    "0B",
    "812B",
    "4.1M",
    "512M",
    "3.0T",
  ]);
  expect([950, 12_345, 4_500_000].map(shortCount)).toEqual(["950", "12.3k", "4.5M"]);
  expect([8_000, 250_000, 10_920_000, 1e9].map(shortSpan)).toEqual(["8s", "4m10s", "3h02m", "11d"]);
  expect([4, 2_400].map(shortCores)).toEqual(["0.4%", "240%"]);
});

test("columns always fit, but for the two that are never left out", () => {
  for (let columns = 30; columns < 300; columns += 1) {
    const all = columnsFor(columns);
    const taken = all.reduce((sum, { width }) => sum + width + 1, -1);
    expect(taken).toBe(columns);
    expect(all.slice(0, 2).map(({ name }) => name)).toEqual(["agent", "status"]);
  }
});
