import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  dollars,
  grownUsage,
  humanTokens,
  leftOf,
  marksOf,
  NO_BUDGET,
  passedMarks,
  reachedOf,
  refuseSpent,
  spentOf,
} from "../../../src/tasks/budget.ts";
import type { Usage } from "../../../src/contract/agent.ts";

const used = (over: Partial<Usage> = {}): Usage => ({
  input_tokens: null,
  cached_tokens: null,
  output_tokens: null,
  cost_usd: null,
  turns: null,
  ...over,
});

describe("what was spent", () => {
  test("is what went in and what came out; what was not told stays unknown", () => {
    expect(spentOf(used({ input_tokens: 70, cached_tokens: 50, output_tokens: 30 }))).toEqual({
      tokens: 100,
      costUsd: null,
    });
    expect(spentOf(used({ output_tokens: 3, cost_usd: 0 }))).toEqual({ tokens: 3, costUsd: 0 });
    expect(spentOf(null)).toEqual({ tokens: null, costUsd: null });
  });

  test("never falls, whatever is read again", () => {
    const counts = fc.option(fc.nat(1_000), { nil: null });
    const any = fc.record({
      input_tokens: counts,
      cached_tokens: counts,
      output_tokens: counts,
      cost_usd: counts,
      turns: counts,
    });
    fc.assert(
      fc.property(any, any, (before, now) => {
        const grown = grownUsage(before, now)!;
        for (const key of Object.keys(before) as (keyof Usage)[]) {
          expect(grown[key] ?? -1).toBe(Math.max(before[key] ?? -1, now[key] ?? -1));
        }
      }),
    );
    expect(grownUsage(null, used({ turns: 1 }))).toEqual(used({ turns: 1 }));
    expect(grownUsage(used({ turns: 1 }), null)).toEqual(used({ turns: 1 }));
  });
});

describe("a budget", () => {
  const budget = { tokens: 100, costUsd: 2 };

  test("is near from its share on and reached at its limit, to the token", () => {
    expect(marksOf({ tokens: 79, costUsd: null }, budget, 0.8)).toEqual([]);
    expect(marksOf({ tokens: 80, costUsd: null }, budget, 0.8)).toMatchObject([{ level: "near" }]);
    expect(marksOf({ tokens: 99, costUsd: null }, budget, 0.8)).toMatchObject([{ level: "near" }]);
    expect(marksOf({ tokens: 100, costUsd: null }, budget, 0.8)).toEqual([
      { limit: "tokens", level: "reached", used: 100, allowed: 100 },
    ]);
  });

  test("names the limit that is worse used first", () => {
    const marks = marksOf({ tokens: 110, costUsd: 3 }, budget, 0.8);
    expect(marks.map(({ limit }) => limit)).toEqual(["cost_usd", "tokens"]);
  });

  test("that is none is never reached, and what was not told reaches none", () => {
    expect(reachedOf({ tokens: 1e12, costUsd: 1e6 }, NO_BUDGET)).toBeNull();
    expect(reachedOf({ tokens: null, costUsd: null }, budget)).toBeNull();
  });

  test("tells each mark once, in however many steps it is spent", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 30 }), (steps) => {
        let tokens = 0;
        const told: string[] = [];
        for (const step of steps) {
          const before = { tokens, costUsd: null };
          tokens += step;
          const passed = passedMarks(before, { tokens, costUsd: null }, budget, 0.8);
          told.push(...passed.map(({ level }) => level));
        }
        expect(told.filter((level) => level === "reached")).toHaveLength(tokens >= 100 ? 1 : 0);
        expect(told.length).toBeLessThanOrEqual(2);
        expect(new Set(told).size).toBe(told.length);
      }),
    );
  });

  test("has left what was not spent, and never less than nothing", () => {
    expect(leftOf({ tokens: 130, costUsd: 0.5 }, budget)).toEqual({ tokens: 0, costUsd: 1.5 });
    expect(leftOf({ tokens: 9, costUsd: null }, NO_BUDGET)).toEqual(NO_BUDGET);
  });

  test("that is spent refuses the next agent, and says what is left of the other limit", () => {
    expect(() => refuseSpent("T", { tokens: 99, costUsd: 1.9 }, budget)).not.toThrow();
    expect(() => refuseSpent("T", { tokens: 90, costUsd: 2.01 }, budget)).toThrow(
      expect.objectContaining({
        code: "BUDGET_SPENT",
        retryable: false,
        message: "The task has spent $2.01 of $2.00; $0.00 and 10 tokens left.",
        details: {
          task_id: "T",
          limit: "cost_usd",
          used: 2.01,
          allowed: 2,
          left_tokens: 10,
          left_cost_usd: 0,
          setting: "limit_task_cost_usd",
        },
      }),
    );
  });
});

test("sums are short, and a fraction of a cent is not nothing", () => {
  expect([0, 0.0036, 0.25, 1, 12.345].map(dollars)).toEqual([
    "$0.00",
    "$0.0036",
    "$0.25",
    "$1.00",
    "$12.35",
  ]);
  expect([0, 999, 1_000, 12_400, 999_949, 999_950, 3_100_000].map(humanTokens)).toEqual([
    "0",
    "999",
    "1.0 k",
    "12.4 k",
    "999.9 k",
    "1.0 M",
    "3.1 M",
  ]);
});
