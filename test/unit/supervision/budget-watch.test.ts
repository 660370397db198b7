/** What is told of budgets, on a real store: once for each mark, in one transaction with the count. */
import { expect, test } from "vitest";
import type { Usage } from "../../../src/contract/agent.ts";
import { NO_OUTCOME } from "../../../src/output/outcome.ts";
import {
  budgetsOf,
  isBudgeted,
  overBudget,
  spending,
} from "../../../src/supervision/budget-watch.ts";
import type { Store } from "../../../src/supervision/store.ts";
import { newAgent, settlement, storeStage, task } from "../../helpers/fault-store.ts";

const usage = (input: number, cost: number | null = null): Usage => ({
  input_tokens: input,
  cached_tokens: null,
  output_tokens: 0,
  cost_usd: cost,
  turns: null,
});
const configuration = () => ({ budget_near_percent: 80 }) as never;
const alertsIn = (store: Store) =>
  store
    .latestEvents(99, ["alert"])
    .map(({ agent_id, facts }) => [agent_id, facts["scope"], facts["limit"], facts["level"]]);

function spend(store: Store, id: string, used: Usage): void {
  const agent = store.agent(id)!;
  spending({ store, configuration }, agent, budgetsOf({ store }, agent), () =>
    store.recordDoing(id, { activity: null, trouble: null, usage: used, cliSession: null }),
  );
}

test("each mark is told by the write that passes it, and by no other, across a restart", () => {
  using here = storeStage();
  const store = here.open();
  store.addTask(task("T1", { costUsd: 10, tokens: 1_000 }));
  store.admitAgent(newAgent("a", { harness: "claude", tokenLimit: 500 }));
  store.admitAgent(newAgent("b", { harness: "claude" }));
  spend(store, "a", usage(399));
  expect(alertsIn(store)).toEqual([]);
  spend(store, "a", usage(400));
  spend(store, "a", usage(450));
  store.close();

  const next = here.open();
  // A daemon that reads the stream from its beginning takes nothing back and tells nothing again.
  spend(next, "a", usage(120));
  expect(next.agent("a")?.usage?.input_tokens).toBe(450);
  spend(next, "a", usage(400));
  spend(next, "b", usage(350, 9));
  expect(alertsIn(next)).toEqual([
    ["a", "agent", "tokens", "near"],
    [null, "task", "cost_usd", "near"],
    [null, "task", "tokens", "near"],
  ]);
  spend(next, "b", usage(600, 11));
  expect(alertsIn(next).slice(3)).toEqual([
    [null, "task", "cost_usd", "reached"],
    [null, "task", "tokens", "reached"],
  ]);
});

test("a write that fails tells nothing", () => {
  using here = storeStage();
  const store = here.open();
  store.addTask(task("T1", { tokens: 10 }));
  store.admitAgent(newAgent("a", { harness: "claude" }));
  const agent = store.agent("a")!;
  expect(() =>
    spending({ store, configuration }, agent, budgetsOf({ store }, agent), () => {
      const doing = { activity: null, trouble: null, usage: usage(50), cliSession: null };
      store.recordDoing("a", doing);
      throw new Error("disk");
    }),
  ).toThrow("disk");
  expect(store.taskSpent("T1").tokens).toBe(0);
  expect(alertsIn(store)).toEqual([]);
});

test("an agent is over its own budget, or over its task's, and the reason says which", () => {
  using here = storeStage();
  const store = here.open();
  store.addTask(task("T1", { tokens: 100 }));
  store.admitAgent(newAgent("a", { harness: "claude", costLimit: 1 }));
  store.admitAgent(newAgent("b", { harness: "claude" }));
  const why = (id: string, used: Usage | null = null) => {
    const agent = store.agent(id)!;
    const outcome = { ...NO_OUTCOME.outcome, usage: used };
    return overBudget({ store }, agent, outcome, budgetsOf({ store }, agent));
  };
  expect([why("a"), why("b")]).toEqual([null, null]);
  expect(why("a", usage(1, 1.25))).toBe(
    "It has spent its budget: $1.25 of $1.00 (limits.cost_usd).",
  );
  spend(store, "b", usage(100));
  store.settle("b", settlement());
  expect(why("a")).toBe("Its task has spent its budget: 100 tokens of 100 tokens (limits.tokens).");
});

test("without limits nothing hangs on what is spent", () => {
  using here = storeStage();
  const store = here.open();
  store.addTask(task());
  store.admitAgent(newAgent("a", { harness: "claude" }));
  expect(isBudgeted(budgetsOf({ store }, store.agent("a")!))).toBe(false);
});
