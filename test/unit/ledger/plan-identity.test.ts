import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  matchPlan,
  plannedTarget,
  planIdOf,
  type PlanWitness,
} from "../../../src/ledger/plan-identity.ts";
import type { SweepTarget } from "../../../src/ledger/sweep-plan.ts";
import { row } from "./memory-ledger.ts";

const WITNESS: PlanWitness = { bootId: "boot-1", fileOf: () => "1:77" };
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

const process = { pid: 7, startTicks: 900, name: "sleep", slot: 3 };
const session = { name: "agent_a", panePid: 8, paneTicks: 901 };
const leaf = { agentId: "a", path: "/cg/a", inode: "1:2" };
const TARGETS = {
  row: { is: "row", resource: row(4, "prompt_file"), why: "w" },
  process: { is: "process", process, why: "w" },
  session: { is: "session", session, why: "w" },
  leaf: { is: "leaf", leaf, why: "w" },
  agent: { is: "agent", agent: { agentId: "a", status: "running" }, why: "w" },
} as const satisfies Record<SweepTarget["is"], SweepTarget>;

const keyOf = (target: SweepTarget, over: Partial<PlanWitness> = {}) =>
  plannedTarget(target, { ...WITNESS, ...over }).key;

describe("a target is another one when", () => {
  test.for<[string, SweepTarget, SweepTarget]>([
    [
      "a pid was given out again",
      TARGETS.process,
      { ...TARGETS.process, process: { ...process, startTicks: 901 } },
    ],
    [
      "it took another mark",
      TARGETS.process,
      { ...TARGETS.process, process: { ...process, slot: null } },
    ],
    [
      "a row went on",
      TARGETS.row,
      { ...TARGETS.row, resource: row(4, "prompt_file", { state: "releasing" }) },
    ],
    ["a row is another one", TARGETS.row, { ...TARGETS.row, resource: row(5, "prompt_file") }],
    [
      "a session was made anew",
      TARGETS.session,
      { ...TARGETS.session, session: { ...session, panePid: 9 } },
    ],
    [
      "a pane's pid was given out again",
      TARGETS.session,
      { ...TARGETS.session, session: { ...session, paneTicks: 1 } },
    ],
    [
      "a control group was made anew",
      TARGETS.leaf,
      { ...TARGETS.leaf, leaf: { ...leaf, inode: "1:3" } },
    ],
    [
      "an agent went on",
      TARGETS.agent,
      { ...TARGETS.agent, agent: { agentId: "a", status: "stopping" } },
    ],
  ])("%s", ([, before, after]) => {
    expect(keyOf(after)).not.toBe(keyOf(before));
    expect(keyOf(before)).toBe(keyOf(structuredClone(before)));
  });

  test("another file lies in its place", () => {
    expect(keyOf(TARGETS.row, { fileOf: () => "1:78" })).not.toBe(keyOf(TARGETS.row));
    expect(keyOf(TARGETS.row, { fileOf: () => null })).not.toBe(keyOf(TARGETS.row));
  });

  test.for(["process", "session", "leaf"] as const)("the machine was started anew: a %s", (is) => {
    expect(keyOf(TARGETS[is], { bootId: "boot-2" })).not.toBe(keyOf(TARGETS[is]));
  });
});

test("what people read changes no identity", () => {
  const renamed = { ...TARGETS.process, process: { ...process, name: "other" }, why: "another" };
  expect(keyOf(renamed)).toBe(keyOf(TARGETS.process));
});

describe("the id of a plan", () => {
  const all = Object.values(TARGETS).map((target) => plannedTarget(target, WITNESS));

  test("is made of its contents alone, in any order", () => {
    expect(planIdOf(all, digest)).toMatch(/^plan-[0-9a-f]{16}$/);
    expect(planIdOf(all.toReversed(), digest)).toBe(planIdOf(all, digest));
  });

  test("is another one for every other content", () => {
    const ids = all.map((_, index) => planIdOf(all.toSpliced(index, 1), digest));
    expect(new Set([...ids, planIdOf(all, digest), planIdOf([], digest)]).size).toBe(
      all.length + 2,
    );
  });
});

test("a plan beside the present: same, changed, and new in neither list", () => {
  const told = (pid: number) =>
    plannedTarget({ ...TARGETS.process, process: { ...process, pid } }, WITNESS);
  const match = matchPlan([told(1), told(2)], [told(3), told(2)]);
  expect(match).toEqual({ same: [1], changed: [told(1)] });
});
