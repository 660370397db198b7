/**
 * Budgets: what an agent and a task may spend, and what follows from what they have spent. Pure.
 *
 * Spending is what the agents' CLIs say of themselves. Tokens are all that went into a model and
 * all that came out of it, cached ones too, so that the sum can be checked against `usage`. A cost
 * is only ever one that a CLI told: Corral knows no prices.
 */
import type { Usage } from "../contract/agent.ts";
import { Fault } from "../kernel/fault.ts";

/** What may be spent; null is without limit. */
export interface Budget {
  readonly tokens: number | null;
  /** US dollars. */
  readonly costUsd: number | null;
}

/** What one agent has spent; null is what its CLI has not told. */
export interface Spent {
  readonly tokens: number | null;
  /** US dollars. */
  readonly costUsd: number | null;
}

/** What the agents of a task have spent together, each counted once. */
export interface TaskSpent {
  readonly tokens: number;
  /** US dollars, of those that told a cost. */
  readonly costUsd: number;
  /** Agents that used tokens and told no cost: so much is the cost too low. */
  readonly untold: number;
}

export const NO_BUDGET: Budget = { tokens: null, costUsd: null };

/** What a usage amounts to. */
export function spentOf(usage: Usage | null): Spent {
  const input = usage?.input_tokens ?? null;
  const output = usage?.output_tokens ?? null;
  const tokens = input === null && output === null ? null : (input ?? 0) + (output ?? 0);
  return { tokens, costUsd: usage?.cost_usd ?? null };
}

/** True when anything is limited. */
export function isLimited({ costUsd, tokens }: Budget): boolean {
  return costUsd !== null || tokens !== null;
}

/** One limit that has been come near to, or reached. */
export interface BudgetMark {
  readonly limit: "tokens" | "cost_usd";
  readonly level: "near" | "reached";
  readonly used: number;
  readonly allowed: number;
}

/**
 * How far spending has come, in the worst of its limits first.
 * @param nearShare  From this share of a limit on it is near; 0 to 1.
 */
export function marksOf(spent: Spent, budget: Budget, nearShare: number): readonly BudgetMark[] {
  const marks = [
    markOf("cost_usd", spent.costUsd, budget.costUsd, nearShare),
    markOf("tokens", spent.tokens, budget.tokens, nearShare),
  ].filter((mark) => mark !== null);
  return marks.toSorted((one, other) => other.used / other.allowed - one.used / one.allowed);
}

function markOf(
  limit: BudgetMark["limit"],
  used: number | null,
  allowed: number | null,
  nearShare: number,
): BudgetMark | null {
  if (used === null || allowed === null || used < allowed * nearShare) return null;
  return { limit, level: used >= allowed ? "reached" : "near", used, allowed };
}

/**
 * The marks that were passed between two states of one counter: each is told when it is passed, and
 * never again, since what is written down only grows.
 */
export function passedMarks(
  before: Spent,
  after: Spent,
  budget: Budget,
  nearShare: number,
): readonly BudgetMark[] {
  const known = new Set(marksOf(before, budget, nearShare).map(nameOf));
  return marksOf(after, budget, nearShare).filter((mark) => !known.has(nameOf(mark)));
}

function nameOf({ level, limit }: BudgetMark): string {
  return `${limit} ${level}`;
}

/** The limit that is used up; null while there is something left. */
export function reachedOf(spent: Spent, budget: Budget): BudgetMark | null {
  return marksOf(spent, budget, 1)[0] ?? null;
}

/** What is left of a budget; null where nothing is limited. Never below 0. */
export function leftOf(spent: Spent, budget: Budget): Budget {
  const left = (allowed: number | null, used: number | null): number | null =>
    allowed === null ? null : Math.max(0, allowed - (used ?? 0));
  return {
    tokens: left(budget.tokens, spent.tokens),
    costUsd: left(budget.costUsd, spent.costUsd),
  };
}

/**
 * Refuses another agent of a task that has spent its budget.
 * @throws {Fault} BUDGET_SPENT naming the limit, what was used, and what is left of the other one.
 */
export function refuseSpent(taskId: string, spent: Spent, budget: Budget): void {
  const mark = reachedOf(spent, budget);
  if (mark === null) return;
  const { allowed, limit, used } = mark;
  const left = leftOf(spent, budget);
  throw new Fault(
    "BUDGET_SPENT",
    `The task has spent ${amount(limit, used)} of ${amount(limit, allowed)}; ${leftText(left)}.`,
    {
      hint: `Create another task, or give the next one more in create_real_task limits.${limit}.`,
      details: {
        task_id: taskId,
        limit,
        used,
        allowed,
        left_tokens: left.tokens,
        left_cost_usd: left.costUsd,
        setting: `limit_task_${limit}`,
      },
    },
  );
}

/** For people: `"$0.40 and 12000 tokens are left"`. */
export function leftText({ costUsd, tokens }: Budget): string {
  const parts = [
    costUsd === null ? null : amount("cost_usd", costUsd),
    tokens === null ? null : amount("tokens", tokens),
  ].filter((part) => part !== null);
  return parts.length === 0 ? "nothing is limited" : `${parts.join(" and ")} left`;
}

/** A sum for people: `"$0.4"`, `"12000 tokens"`. */
export function amount(limit: BudgetMark["limit"], sum: number): string {
  return limit === "tokens" ? `${sum} tokens` : dollars(sum);
}

/** Dollars for people: cents, and more digits where there are only fractions of one. */
export function dollars(sum: number): string {
  return `$${sum >= 1 || sum === 0 ? sum.toFixed(2) : String(Number(sum.toPrecision(2)))}`;
}

/** A count of tokens in few digits: `"950"`, `"12.4 k"`, `"3.1 M"`. Never parsed back. */
export function humanTokens(tokens: number): string {
  if (tokens < 1_000) return String(tokens);
  const [size, unit] = tokens < 999_950 ? [tokens / 1_000, "k"] : [tokens / 1_000_000, "M"];
  return `${size.toFixed(1)} ${unit}`;
}

/**
 * A usage that was written down and one that was read since: the counts never fall, so that a daemon
 * that reads a stream again from its beginning takes nothing back meanwhile.
 */
export function grownUsage(before: Usage | null, now: Usage | null): Usage | null {
  if (before === null || now === null) return now ?? before;
  const most = (key: keyof Usage): number | null => {
    const [one, other] = [before[key], now[key]];
    return one === null || other === null ? (other ?? one) : Math.max(one, other);
  };
  return {
    input_tokens: most("input_tokens"),
    cached_tokens: most("cached_tokens"),
    output_tokens: most("output_tokens"),
    cost_usd: most("cost_usd"),
    turns: most("turns"),
  };
}
