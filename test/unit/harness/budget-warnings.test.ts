import { describe, expect, test } from "vitest";
import { HARNESSES } from "../../../src/contract/agent.ts";
import { budgetWarnings } from "../../../src/harness/budget-warnings.ts";
import { NO_BUDGET } from "../../../src/tasks/budget.ts";

const COST = { tokens: null, costUsd: 5 };
const TOKENS = { tokens: 1_000, costUsd: null };

describe("a limit on cost", () => {
  const of = (harness: (typeof HARNESSES)[number]) =>
    budgetWarnings(harness, COST, NO_BUDGET, NO_BUDGET);
  test("is enforced where the CLI stops itself at it", () => expect(of("claude")).toEqual([]));
  test("cannot be enforced where the CLI tells no cost, and tokens can", () => {
    for (const harness of ["codex", "gemini"] as const) {
      expect(of(harness)).toEqual([
        `Its limit on cost cannot be enforced: ${harness} tells no cost; limit its tokens instead.`,
      ]);
    }
    expect(of("command")).toEqual(["Its limit on cost cannot be enforced: command tells no cost."]);
  });
  test("knows that an unknown price is told as none", () =>
    expect(of("opencode").join()).toContain("a cost of 0"));
  test("of the task counts like its own", () =>
    expect(budgetWarnings("codex", NO_BUDGET, COST, COST)).toHaveLength(1));
});

describe("a limit on tokens", () => {
  const of = (harness: (typeof HARNESSES)[number]) =>
    budgetWarnings(harness, TOKENS, NO_BUDGET, NO_BUDGET);
  test("acts in the middle of a run where tokens are told with each answer", () => {
    expect(of("claude")).toEqual([]);
    expect(of("opencode")).toEqual([]);
  });
  test("may be overrun where they are told at the end", () => {
    expect(of("codex").join()).toContain("at its end only");
    expect(of("gemini").join()).toContain("at its end only");
  });
  test("cannot be enforced for a program that tells none", () =>
    expect(of("command").join()).toContain("cannot be enforced"));
});

test("without a limit there is nothing to warn of", () => {
  for (const harness of HARNESSES) {
    expect(budgetWarnings(harness, NO_BUDGET, NO_BUDGET, NO_BUDGET)).toEqual([]);
  }
});

test("a task that has less left than the agent may spend says so", () => {
  const warnings = budgetWarnings("claude", COST, { ...COST, costUsd: 9 }, { ...COST, costUsd: 1 });
  expect(warnings).toEqual(["Its task has less than its own limit allows: $1.00 left."]);
});
