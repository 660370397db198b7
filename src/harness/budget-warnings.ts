/** What a limit on spending cannot do for an agent of one harness. Pure. */
import type { HarnessName } from "../contract/agent.ts";
import { type Budget, leftText } from "../tasks/budget.ts";
import { CAPABILITIES } from "./capabilities.ts";

/**
 * For the answer of a deploy: each is one sentence.
 *
 * @param own   Limits of the agent.
 * @param task  Limits of its task.
 * @param left  What is left of those of its task.
 */
export function budgetWarnings(
  harness: HarnessName,
  own: Budget,
  task: Budget,
  left: Budget,
): readonly string[] {
  const isLimited = (limit: keyof Budget): boolean => own[limit] !== null || task[limit] !== null;
  return [
    ...(isLimited("costUsd") ? costWarnings(harness) : []),
    ...(isLimited("tokens") ? tokenWarnings(harness) : []),
    ...shortOf("costUsd", own, left),
    ...shortOf("tokens", own, left),
  ];
}

function costWarnings(harness: HarnessName): readonly string[] {
  const { cost, ownCostLimit, tokens } = CAPABILITIES[harness];
  if (cost === null) {
    const instead = tokens === null ? "" : "; limit its tokens instead";
    return [`Its limit on cost cannot be enforced: ${harness} tells no cost${instead}.`];
  }
  if (harness === "opencode") {
    return ["opencode tells a cost of 0 for a model whose price it does not know."];
  }
  if (cost === "each answer" || ownCostLimit !== null) return [];
  return [`${harness} tells its cost at its end only: its limit on cost can be overrun.`];
}

function tokenWarnings(harness: HarnessName): readonly string[] {
  const { tokens } = CAPABILITIES[harness];
  if (tokens === "each answer") return [];
  return tokens === null
    ? [`Its limit on tokens cannot be enforced: ${harness} tells none.`]
    : [`${harness} tells its tokens at its end only: its limit on tokens can be overrun.`];
}

function shortOf(limit: keyof Budget, own: Budget, left: Budget): readonly string[] {
  const [wanted, there] = [own[limit], left[limit]];
  if (wanted === null || there === null || there >= wanted) return [];
  const what = leftText({ tokens: null, costUsd: null, [limit]: there });
  return [`Its task has less than its own limit allows: ${what}.`];
}
