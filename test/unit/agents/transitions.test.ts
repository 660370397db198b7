import * as fc from "fast-check";
import { expect, test } from "vitest";
import { followersOf, mayFollow, precursorsOf } from "../../../src/agents/transitions.ts";
import {
  AGENT_STATUSES,
  TERMINAL_STATUSES,
  isTerminal,
  type AgentStatus,
} from "../../../src/contract/agent.ts";

const anyStatus = fc.constantFrom(...AGENT_STATUSES);

/** Follows wishes as far as they are allowed. */
function walk(wishes: readonly AgentStatus[]): readonly AgentStatus[] {
  const life: AgentStatus[] = ["queued"];
  for (const wish of wishes) if (mayFollow(life.at(-1) ?? "queued", wish)) life.push(wish);
  return life;
}

test("a settled agent never leaves, whatever is wished", () => {
  fc.assert(
    fc.property(fc.constantFrom(...TERMINAL_STATUSES), fc.array(anyStatus), (settled, wishes) => {
      expect(wishes.filter((wish) => mayFollow(settled, wish))).toEqual([]);
    }),
  );
});

test("no life goes backwards, and each settles at most once", () => {
  const order = ["queued", "starting", "running", "stopping"];
  fc.assert(
    fc.property(fc.array(anyStatus, { maxLength: 40 }), (wishes) => {
      const life = walk(wishes);
      expect(life.filter((status) => isTerminal(status)).length).toBeLessThanOrEqual(1);
      const steps = life.map((status) => (isTerminal(status) ? 9 : order.indexOf(status)));
      expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
    }),
  );
});

test("from every status that is not settled an end is reachable in one step", () => {
  for (const status of AGENT_STATUSES) {
    expect(followersOf(status).some((next) => isTerminal(next))).toBe(!isTerminal(status));
  }
});

test("an agent that never ran cannot have completed", () => {
  expect(mayFollow("queued", "completed")).toBe(false);
  expect(mayFollow("starting", "completed")).toBe(true);
  expect(precursorsOf("completed")).toEqual(["starting", "running", "stopping"]);
  expect(precursorsOf("running")).toEqual(["starting"]);
  expect(mayFollow("running", "running")).toBe(false);
});
