import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AlertState,
  type Condition,
  judgeAlerts,
} from "../../../../src/supervision/alerts/judge.ts";
import {
  agentConditions,
  fileCondition,
  limitConditions,
  strayCondition,
} from "../../../../src/supervision/alerts/rules.ts";

const condition = (holds: Condition["holds"], over: Partial<Condition> = {}): Condition => ({
  key: "limit_near:memory:a",
  rule: "limit_near",
  severity: "warning",
  subject: { kind: "agent", id: "a" },
  holds,
  evidence: "memory is at 95 %.",
  nextStep: "End it.",
  holdMs: 20,
  clearMs: 30,
  ...over,
});

/** Looks one after another, each some time after the one before. @returns what happened at which time. */
function played(
  looks: readonly (readonly [afterMs: number, holds: Condition["holds"] | "unseen"])[],
) {
  let states: ReadonlyMap<string, AlertState> = new Map();
  let now = 0;
  const told: string[] = [];
  for (const [after, holds] of looks) {
    now += after;
    const judged = judgeAlerts(states, holds === "unseen" ? [] : [condition(holds)], now);
    ({ states } = judged);
    for (const _ of judged.raised) told.push(`raised ${now}`);
    for (const _ of judged.cleared) told.push(`cleared ${now}`);
  }
  return told;
}

describe("an alert", () => {
  test("is raised when it has held for long enough, once, and cleared when it has not for long enough", () => {
    const looks = [
      [0, "yes"],
      [10, "yes"],
      [10, "yes"],
      [500, "yes"],
      [1, "no"],
      [29, "no"],
      [1, "no"],
    ] as const;
    expect(played(looks)).toEqual(["raised 20", "cleared 551"]);
  });

  test("is not raised by a peak, however often there is one", () => {
    const peaks = Array.from({ length: 20 }, () => [[15, "yes"] as const, [1, "no"] as const]);
    expect(played(peaks.flat())).toEqual([]);
  });

  test("does not flap between its thresholds", () => {
    const around = Array.from({ length: 9 }, () => [
      [25, "yes"] as const,
      [25, "between"] as const,
      [25, "no"] as const,
    ]);
    expect(played([[0, "yes"], [20, "yes"], ...around.flat()])).toEqual(["raised 20"]);
  });

  test("is neither raised nor cleared by what could not be looked at", () => {
    expect(
      played([
        [0, "yes"],
        [20, "yes"],
        [900, "unseen"],
        [900, "unseen"],
      ]),
    ).toEqual(["raised 20"]);
    expect(
      played([
        [0, "yes"],
        [900, "unseen"],
      ]),
    ).toEqual([]);
  });

  test("is raised and cleared in turn, whatever happens", () => {
    const look = fc.tuple(fc.nat(60), fc.constantFrom("yes", "between", "no", "unseen"));
    fc.assert(
      fc.property(
        fc.array(look as fc.Arbitrary<readonly [number, "yes"]>, { maxLength: 60 }),
        (looks) => {
          const kinds = played(looks).map((text) => text.split(" ")[0]);
          expect(kinds).toEqual(kinds.map((_, at) => (at % 2 === 0 ? "raised" : "cleared")));
        },
      ),
    );
  });

  test("is cleared with what was seen then, and keeps since when it held", () => {
    const first = judgeAlerts(new Map(), [condition("yes", { holdMs: 0 })], 100);
    expect(first.raised).toMatchObject([{ since: 100, raisedAt: 100 }]);
    const over = condition("no", { clearMs: 0, evidence: "It has ended." });
    const { cleared, states } = judgeAlerts(first.states, [over], 200);
    expect(cleared).toMatchObject([{ since: 100, condition: { evidence: "It has ended." } }]);
    expect(states.size).toBe(0);
  });
});

describe("the rules", () => {
  const limit = (used: number) =>
    limitConditions({
      subject: { kind: "agent", id: "a" },
      name: "memory",
      used,
      limit: 1_000,
      unit: "bytes",
      tellsNear: true,
      nextStep: "End it.",
    }).map(({ holds, rule, severity }) => [rule, severity, holds]);

  test("tell of a limit when it is near and when it is reached", () => {
    expect(limit(700)).toEqual([
      ["limit_near", "warning", "no"],
      ["limit_reached", "critical", "no"],
    ]);
    expect(limit(850).map(([, , holds]) => holds)).toEqual(["between", "no"]);
    expect(limit(900).map(([, , holds]) => holds)).toEqual(["yes", "no"]);
    expect(limit(970).map(([, , holds]) => holds)).toEqual(["yes", "between"]);
    expect(limit(1_000).map(([, , holds]) => holds)).toEqual(["yes", "yes"]);
  });

  test("only warn of a limit that is there to be used up, and only when it is", () => {
    const running = { subject: { kind: "task", id: "t" } as const, name: "running", limit: 20 };
    const told = limitConditions({
      ...running,
      used: 20,
      unit: "count",
      tellsNear: false,
      nextStep: "Wait.",
    });
    expect(told.map(({ holds, rule, severity }) => [rule, severity, holds])).toEqual([
      ["limit_reached", "warning", "yes"],
    ]);
  });

  test("tell of nothing where there is no limit", () => {
    const none = { subject: { kind: "task", id: "t" } as const, name: "disk", used: 9, limit: 0 };
    expect(limitConditions({ ...none, unit: "bytes", tellsNear: true, nextStep: "" })).toEqual([]);
  });

  test("tell of an agent in trouble, and of one that does and says nothing", () => {
    const holds = (fact: Parameters<typeof agentConditions>[0], silentMs = 1_000) =>
      agentConditions(fact, silentMs).map((one) => [one.rule, one.holds]);
    const trouble = { kind: "rate_limited" as const, message: "429", attempts: 3 };
    expect(holds({ agentId: "a", trouble, quiet: { cpuMsPerS: 0, outputBytesPerS: 0 } })).toEqual([
      ["agent_trouble", "yes"],
      ["agent_silent", "yes"],
    ]);
    expect(
      holds({ agentId: "a", trouble: null, quiet: { cpuMsPerS: 500, outputBytesPerS: 0 } }),
    ).toEqual([
      ["agent_trouble", "no"],
      ["agent_silent", "no"],
    ]);
    expect(holds({ agentId: "a", trouble: null, quiet: null })).toEqual([["agent_trouble", "no"]]);
    expect(
      holds({ agentId: "a", trouble: null, quiet: { cpuMsPerS: 0, outputBytesPerS: 0 } }, 0),
    ).toHaveLength(1);
  });

  test("tell of the daemon's own files, and of strays for half an hour", () => {
    expect([600, 750, 800].map((fds) => fileCondition(fds, 1_000).holds)).toEqual([
      "no",
      "between",
      "yes",
    ]);
    expect(strayCondition("process 9", 0, 29 * 60_000).holds).toBe("yes");
    expect(strayCondition("process 9", 0, 30 * 60_000).holds).toBe("no");
  });
});
