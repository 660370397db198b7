/**
 * What running agents spend, beside what they and their tasks may.
 *
 * The count is a function of an agent's stream: it is written down as the stream is read on, never
 * falls, and a daemon that starts reads the stream again. So an alert belongs to the write that
 * passes a mark, in one transaction with it: it is told once, and no crash comes between.
 */
import type { AgentRecord } from "../agents/record.ts";
import type { StreamOutcome } from "../harness/harness.ts";
import {
  amount,
  type Budget,
  type BudgetMark,
  grownUsage,
  isLimited,
  NO_BUDGET,
  passedMarks,
  reachedOf,
  type Spent,
  spentOf,
} from "../tasks/budget.ts";
import { budgetOf } from "../tasks/task.ts";
import type { Setting } from "./setting.ts";

type SpendingAgent = Pick<AgentRecord, "id" | "taskId" | "tokenLimit" | "costLimit">;

/** What is limited for one agent: a fact that does not change while it lives. */
export interface Budgets {
  readonly own: Budget;
  readonly task: Budget;
}

/** The limits of an agent and of its task. */
export function budgetsOf(
  { store }: Pick<Setting, "store">,
  { costLimit, taskId, tokenLimit }: SpendingAgent,
): Budgets {
  const task = store.task(taskId);
  return {
    own: { costUsd: costLimit, tokens: tokenLimit },
    task: task === null ? NO_BUDGET : budgetOf(task.limits),
  };
}

/** True when something hangs on what it spends, so that it is written down at once. */
export function isBudgeted({ own, task }: Budgets): boolean {
  return isLimited(own) || isLimited(task);
}

/**
 * Runs a write that may change what an agent has spent, and tells of the marks that it passes, in
 * one transaction.
 */
export function spending(
  setting: Pick<Setting, "store" | "configuration">,
  agent: SpendingAgent,
  budgets: Budgets,
  write: () => void,
): void {
  if (!isBudgeted(budgets)) {
    write();
    return;
  }
  const { store } = setting;
  const nearShare = setting.configuration().budget_near_percent / 100;
  const now = (): { readonly own: Spent; readonly task: Spent } => ({
    own: spentOf(store.agent(agent.id)?.usage ?? null),
    task: store.taskSpent(agent.taskId),
  });
  store.atomically(() => {
    const before = now();
    write();
    const after = now();
    for (const mark of passedMarks(before.own, after.own, budgets.own, nearShare)) {
      const facts = budgetFacts("agent", mark);
      store.addEvent({ kind: "alert", taskId: agent.taskId, agentId: agent.id, facts });
    }
    for (const mark of passedMarks(before.task, after.task, budgets.task, nearShare)) {
      store.addEvent({ kind: "alert", taskId: agent.taskId, facts: budgetFacts("task", mark) });
    }
  });
}

function budgetFacts(
  scope: "agent" | "task",
  { allowed, level, limit, used }: BudgetMark,
): Readonly<Record<string, unknown>> {
  const share = Math.round((used / allowed) * 100);
  const whose = scope === "agent" ? "The agent has" : "The agents of the task have";
  return {
    alert: "budget",
    scope,
    level,
    limit,
    used,
    allowed,
    message: `${whose} spent ${amount(limit, used)} of ${amount(limit, allowed)} (${share} %).`,
    next_step: NEXT_STEPS[scope][level],
  };
}

const NEXT_STEPS = {
  agent: {
    near: "At its limit it is stopped: have it end, or give the next one more.",
    reached: "It is stopped, unless its result is out already.",
  },
  task: {
    near: "At its limit its agents are stopped and no more are deployed: plan what is left.",
    reached: "Its agents are stopped and no more are deployed; create another task to go on.",
  },
} as const;

/**
 * Why an agent has to be stopped for what was spent; null while it may go on.
 * @param outcome  What its stream came to so far.
 */
export function overBudget(
  { store }: Pick<Setting, "store">,
  agent: SpendingAgent & Pick<AgentRecord, "usage">,
  outcome: StreamOutcome,
  { own, task }: Budgets,
): string | null {
  const mine = isLimited(own)
    ? reachedOf(spentOf(grownUsage(agent.usage, outcome.usage)), own)
    : null;
  if (mine !== null) return `It has spent its budget: ${spentText(mine)}.`;
  const all = isLimited(task) ? reachedOf(store.taskSpent(agent.taskId), task) : null;
  return all === null ? null : `Its task has spent its budget: ${spentText(all)}.`;
}

function spentText({ allowed, limit, used }: BudgetMark): string {
  return `${amount(limit, used)} of ${amount(limit, allowed)} (limits.${limit})`;
}
