/** Budgets, by real processes that play captured streams and daemons that are killed. */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { OverviewAnswer } from "../../src/contract/api.ts";
import { callTool, makeWorld } from "../helpers/world.ts";
import { install, STREAMS } from "./played.ts";
import { eventSeen, faultOf, newTask, QUICK, receiptOf, waitCleanOne } from "./support.ts";

/** Five answers, each with 100 tokens in and 1 out as far as told; then it works on for ever. */
const PLAY = join(STREAMS, "claude/sig-TERM.jsonl");

test("at its limit an agent is stopped, its task takes no other, and no daemon's death undoes it", async () => {
  await using world = await makeWorld();
  const env = { ...QUICK, PATH: install(world, "claude") };
  const first = await world.daemon(env);
  const client = await world.mcp();
  const { taskId } = await newTask(world, client, { limits: { tokens: 400 } });
  const deploy = { task_id: taskId, agent_type: "worker", prompt: "Play.", harness: "claude" };
  const { agent_id: id, warnings } = await callTool(client, "deploy_headless_agent", {
    ...deploy,
    env: { PLAY },
    limits: { tokens: 500, cost_usd: 9 },
  });
  expect(warnings.join()).toContain(
    "Its task has less than its own limit allows: 400 tokens left.",
  );
  const reached = await eventSeen(
    world,
    ({ facts }) => facts["scope"] === "task" && facts["level"] === "reached",
  );
  expect(reached).toMatchObject({
    task_id: taskId,
    facts: { alert: "budget", scope: "task", limit: "tokens", allowed: 400 },
  });
  // The count and its alert are durable; whether the stop is, hangs on the instant.
  await first.stop("SIGKILL");
  await world.daemon(env);

  const agent = await waitCleanOne(world, id);
  expect(agent).toMatchObject({ status: "killed", budget: { tokens: { limit: 500 } } });
  expect(agent.reason).toMatch(/^It has spent its budget|^Its task has spent its budget/);
  expect(agent.reason).toMatch(/\(limits\.tokens\)\.$/);
  const receipt = await receiptOf(world, id);
  expect(receipt).toMatchObject({ survivors: [], usage: agent.usage });

  const again = await world.mcp();
  const fault = await faultOf(again, "deploy_headless_agent", deploy);
  expect(fault).toMatchObject({
    code: "BUDGET_SPENT",
    details: { limit: "tokens", allowed: 400, left_tokens: 0 },
  });
  const { tasks } = await callTool(again, "list_tasks", {});
  const used = agent.budget.tokens.used;
  expect(tasks[0]?.budget).toEqual({
    tokens: { used, limit: 400 },
    cost_usd: { used: 0, limit: null, untold: 1 },
  });
  const status = await callTool(again, "get_real_task_status", { task_id: taskId });
  expect(status.limits.tokens).toEqual({ used, limit: 400 });
  const { body } = await world.api("/api/overview");
  const { alerts } = body as OverviewAnswer;
  // Whether a mark was near before it was reached hangs on how much of the stream was there.
  const told = alerts.filter(({ facts }) => facts["level"] === "reached");
  expect(new Set(told.map(({ facts }) => facts["scope"]))).toEqual(new Set(["agent", "task"]));
  expect(told).toHaveLength(2);
});
