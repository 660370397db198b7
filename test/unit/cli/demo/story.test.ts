import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import type { TaskStatusAnswer } from "../../../../src/contract/tools.ts";
import { agentCommand, CAST } from "../../../../src/surface/cli/demo/cast.ts";
import { isAllOver, isAtWork, nothingTold } from "../../../../src/surface/cli/demo/story.ts";
import { anAgent } from "../fake-ports.ts";

const answer = (over: Partial<TaskStatusAnswer>) =>
  ({ agents: [], progress: [], findings: [], ...over }) as unknown as TaskStatusAnswer;

const at = "2026-01-01T00:00:00.000Z";
const said = { seq: 1, agent_id: "fixer-1", status: "working", message: "on it", progress: 5, at };
const found = {
  seq: 1,
  agent_id: "fixer-1",
  finding_type: "issue",
  severity: "low" as const,
  message: "odd",
  data: null,
  at: "2026-01-01T00:00:01.000Z",
};

test("tells everything once, in the order in which it happened", () => {
  const told = nothingTold();
  const first = answer({ findings: [found], progress: [said] });
  expect(told.news(first)).toEqual(["fixer-1  working 5 %: on it", "fixer-1  finding (low): odd"]);
  expect(told.news(first)).toEqual([]);
  const ended = { ...anAgent("fixer-1"), status: "failed" as const, signal: "SIGSEGV" };
  expect(told.news(answer({ agents: [ended] }))).toEqual(["fixer-1  failed: SIGSEGV"]);
});

test("is over only when all have ended and given back, or are known to be stuck", () => {
  const agent = anAgent("fixer-1");
  const clean = { state: "clean", held: 0, stuck: 0 } as const;
  const over = { ...agent, status: "killed" as const, cleanup: clean };
  const releasing = { ...over, cleanup: { ...clean, state: "releasing" as const } };
  const stuck = { ...over, cleanup: { ...clean, state: "stuck" as const } };
  expect(isAllOver(answer({ agents: [over, agent] }))).toBe(false);
  expect(isAllOver(answer({ agents: [over, releasing] }))).toBe(false);
  expect(isAllOver(answer({ agents: [over, stuck] }))).toBe(true);
});

test("the kill comes when the hydra has said that its heads are out", () => {
  const hydra = anAgent("hydra-1");
  expect(isAtWork("hydra")(answer({ agents: [hydra] }))).toBe(false);
  const reported = { status: "working", message: "m", progress: 50, at };
  expect(isAtWork("hydra")(answer({ agents: [{ ...hydra, reported }] }))).toBe(true);
});

test("every agent of the demo is a program that exists", () => {
  for (const name of [...CAST.map(({ type }) => type), "counter" as const]) {
    const [program = "", script = ""] = agentCommand(name);
    expect([existsSync(program), existsSync(script)], name).toEqual([true, true]);
  }
});
