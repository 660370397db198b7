/** Limits are kept under a rush, name themselves when they refuse, and a freed place is a place. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Client } from "@modelcontextprotocol/client";
import type { DeployAnswer } from "../../src/contract/tools.ts";
import type { FaultWire } from "../../src/kernel/fault.ts";
import { countByArgument } from "../helpers/os-look.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { held } from "./given-back.ts";
import { expectSpeaks, faultOf, newTask, QUICK, shell, sleepTag, waitClean } from "./support.ts";

let world: World;
let client: Client;
beforeAll(async () => {
  world = await makeWorld();
  await world.daemon(QUICK);
  client = await world.mcp();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Rush {
  readonly deployed: readonly DeployAnswer[];
  readonly refused: readonly FaultWire[];
}

/** That many deploys at once. */
async function rush(count: number, input: Readonly<Record<string, unknown>>): Promise<Rush> {
  const results = await Promise.all(
    Array.from({ length: count }, () =>
      client.callTool({
        name: "deploy_headless_agent",
        arguments: { agent_type: "worker", prompt: "Run.", ...input },
      }),
    ),
  );
  return {
    deployed: results
      .filter(({ isError }) => isError !== true)
      .map(({ structuredContent }) => structuredContent as DeployAnswer),
    refused: results
      .filter(({ isError }) => isError === true)
      .map(({ structuredContent }) => (structuredContent as { error: FaultWire }).error),
  };
}

test("of 50 deploys at once exactly 20 run; in all there are never more than 45", async () => {
  const { taskId } = await newTask(world, client);
  const tag = sleepTag();
  const first = await rush(50, { task_id: taskId, command: ["/bin/sleep", tag] });
  expect(first.deployed).toHaveLength(20);
  expect(new Set(first.deployed.map(({ agent_id: id }) => id)).size).toBe(20);
  expect(first.refused).toHaveLength(30);
  for (const error of first.refused) {
    expect(error).toMatchObject({
      code: "LIMIT_REACHED",
      retryable: true,
      details: { limit: "running", used: 20, allowed: 20, setting: "limit_running" },
    });
    expect(error.message).toContain("20 of 20");
    expect(error.message).toContain("limit_running");
    expectSpeaks(error);
  }
  await expect.poll(() => countByArgument(tag)).toBe(20);

  const [one] = first.deployed;
  await callTool(client, "kill_real_agent", {
    task_id: taskId,
    agent_id: one!.agent_id,
    grace_s: 0,
  });
  const again = await rush(5, { task_id: taskId, command: ["/bin/sleep", tag] });
  expect(again.deployed, "the freed place, and only it").toHaveLength(1);
  expect(again.refused).toHaveLength(4);

  const running = [...first.deployed.slice(1), ...again.deployed];
  await Promise.all(
    running.map(({ agent_id }) =>
      callTool(client, "kill_real_agent", { task_id: taskId, agent_id, grace_s: 0 }),
    ),
  );
  expect(countByArgument(tag)).toBe(0);

  // 21 are spent. The rest, in rushes, until the total refuses.
  const second = await rush(20, { task_id: taskId, command: ["/bin/true"] });
  expect(second.deployed).toHaveLength(20);
  await waitClean(
    world,
    second.deployed.map(({ agent_id: id }) => id),
  );
  const third = await rush(20, { task_id: taskId, command: ["/bin/true"] });
  expect(third.deployed).toHaveLength(4);
  for (const error of third.refused) {
    expect(error).toMatchObject({
      code: "LIMIT_REACHED",
      details: { limit: "total", used: 45, allowed: 45, setting: "limit_total" },
    });
    expectSpeaks(error);
  }
  await waitClean(
    world,
    third.deployed.map(({ agent_id: id }) => id),
  );
  const status = await callTool(client, "get_real_task_status", { task_id: taskId });
  expect(status.counts).toMatchObject({ total: 45, running: 0 });
  expect(status.limits).toMatchObject({
    running: { used: 0, limit: 20 },
    total: { used: 45, limit: 45 },
  });
  expect(status.resources).toEqual({ held: 0, stuck: 0 });
}, 60_000);

test("depth: the sixth generation is refused", async () => {
  const { taskId } = await newTask(world, client);
  const tag = sleepTag();
  let parent = "orchestrator";
  const ids: string[] = [];
  for (let depth = 1; depth <= 5; depth += 1) {
    const { deployed } = await rush(1, { task_id: taskId, parent, command: ["/bin/sleep", tag] });
    expect(deployed[0]).toMatchObject({ depth, parent });
    parent = deployed[0]!.agent_id;
    ids.push(parent);
  }
  const before = await held(world);
  const error = await faultOf(client, "deploy_headless_agent", {
    task_id: taskId,
    agent_type: "worker",
    prompt: "One deeper.",
    parent,
    command: ["/bin/sleep", tag],
  });
  expect(error).toMatchObject({
    code: "LIMIT_REACHED",
    details: { limit: "depth", used: 5, allowed: 5, setting: "limit_depth" },
  });
  expect(await held(world)).toEqual(before);
  // "running" is said when its shell has started; a moment later the shell has become the program.
  await expect.poll(() => countByArgument(tag)).toBe(5);
  for (const id of ids) {
    await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: id, grace_s: 0 });
  }
  expect(countByArgument(tag)).toBe(0);
});

test("limits of a task's own are kept, and named as they are", async () => {
  const { taskId } = await newTask(world, client, { limits: { running: 2, total: 3, depth: 1 } });
  const { deployed, refused } = await rush(6, { task_id: taskId, command: shell("sleep 60") });
  expect(deployed).toHaveLength(2);
  expect(refused.map(({ details }) => details)).toEqual(
    Array.from({ length: 4 }, () => ({
      limit: "running",
      used: 2,
      allowed: 2,
      setting: "limit_running",
    })),
  );
  const deeper = await faultOf(client, "deploy_headless_agent", {
    task_id: taskId,
    agent_type: "worker",
    prompt: "Deeper.",
    parent: deployed[0]!.agent_id,
    command: ["/bin/true"],
  });
  expect(deeper).toMatchObject({ code: "LIMIT_REACHED", details: { limit: "depth", allowed: 1 } });
  for (const { agent_id } of deployed) {
    await callTool(client, "kill_real_agent", { task_id: taskId, agent_id, grace_s: 0 });
  }
});

test("ten calls with one idempotency key make one agent", async () => {
  const { taskId } = await newTask(world, client);
  const tag = sleepTag();
  const input = { task_id: taskId, command: ["/bin/sleep", tag] };
  const { deployed, refused } = await rush(10, { ...input, idempotency_key: "the one" });
  expect(refused).toEqual([]);
  expect(new Set(deployed.map(({ agent_id: id }) => id)).size).toBe(1);
  await expect.poll(() => countByArgument(tag)).toBe(1);

  const other = await rush(1, { ...input, idempotency_key: "another" });
  expect(other.deployed[0]!.agent_id).not.toBe(deployed[0]!.agent_id);
  const elsewhere = await newTask(world, client);
  const sameKey = { ...input, task_id: elsewhere.taskId, idempotency_key: "the one" };
  const third = await rush(1, sameKey);
  expect(third.deployed[0]!.agent_id).not.toBe(deployed[0]!.agent_id);

  const agents = [deployed[0]!, other.deployed[0]!, third.deployed[0]!];
  for (const { task_id, agent_id } of agents) {
    await callTool(client, "kill_real_agent", { task_id, agent_id, grace_s: 0 });
  }
  expect(countByArgument(tag)).toBe(0);
  const late = await rush(1, { ...input, idempotency_key: "the one" });
  expect(late.deployed[0]).toMatchObject({ agent_id: deployed[0]!.agent_id, status: "killed" });
});
