/** The roads on which Corral stops an agent, over both hosts and both containments. */
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../helpers/daemon-process.ts";
import { countByArgument } from "../helpers/os-look.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { expectGivenBack } from "./given-back.ts";
import {
  deploy,
  type Deployed,
  FIXTURES,
  FOREVER,
  MATRIX,
  outputOf,
  QUICK,
  receiptOf,
  shell,
  sleepTag,
  waitCleanOne,
} from "./support.ts";

/** As many as hydra.pl has at least. */
const HEADS = 14;

describe.each(MATRIX)("$name", ({ env }) => {
  let world: World;
  let client: Client;
  beforeAll(async () => {
    world = await makeWorld();
    await world.daemon({ ...QUICK, ...env });
    client = await world.mcp();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  function kill({ id, taskId }: Deployed, more = {}) {
    return callTool(client, "kill_real_agent", { task_id: taskId, agent_id: id, ...more });
  }

  async function ready(agent: Deployed): Promise<Deployed> {
    await waitFor("its first word", async () =>
      (await outputOf(client, agent)).includes("ready") ? true : undefined,
    );
    return agent;
  }

  test("an obedient one keeps its exit code", async () => {
    const agent = await ready(
      await deploy(world, client, shell(`trap 'echo bye; exit 5' INT; echo ready; ${FOREVER}`)),
    );
    const answer = await kill(agent, { reason: "Not needed any more", grace_s: 10 });
    expect(answer).toMatchObject({ status: "killed", reason: "Not needed any more" });
    expect(answer.receipt).toEqual(await expectGivenBack(world, client, agent));
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "killed", exit_code: 5, signal: null });
    expect(await outputOf(client, agent)).toBe("ready\nbye");
  });

  test("one that ignores INT gets TERM", async () => {
    const agent = await ready(
      await deploy(world, client, shell(`trap '' INT; echo ready; ${FOREVER}`)),
    );
    expect(await kill(agent)).toMatchObject({ status: "killed" });
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "killed", exit_code: null, signal: "SIGTERM" });
    await expectGivenBack(world, client, agent);
  });

  test("a hydra that ignores everything is killed whole", async () => {
    const tag = sleepTag();
    const agent = await deploy(world, client, ["/usr/bin/perl", join(FIXTURES, "hydra.pl"), tag]);
    await waitFor("all heads", () => (countByArgument(tag) >= HEADS ? true : undefined));
    const answer = await kill(agent);
    expect(countByArgument(tag)).toBe(0);
    expect(answer.receipt).toMatchObject({ survivors: [], cleanup: { state: "clean" } });
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "killed", exit_code: null, signal: "SIGKILL" });
    await expectGivenBack(world, client, agent);
  });

  test("a grace of 0 kills at once, with its children", async () => {
    const tag = sleepTag();
    const script = `trap 'exit 5' INT TERM; setsid env -i /bin/sleep ${tag} & ${FOREVER}`;
    const agent = await deploy(world, client, shell(script));
    await waitFor("its child", () => (countByArgument(tag) === 1 ? true : undefined));
    expect(await kill(agent, { grace_s: 0 })).toMatchObject({ status: "killed" });
    expect(countByArgument(tag)).toBe(0);
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "killed", exit_code: null, signal: "SIGKILL" });
    await expectGivenBack(world, client, agent);
  });

  test("two kills at once answer alike; the first reason stays", async () => {
    const agent = await deploy(world, client, shell(`trap '' INT; ${FOREVER}`));
    const [first, second] = await Promise.all([
      kill(agent, { reason: "one", grace_s: 0.2 }),
      kill(agent, { reason: "two", grace_s: 0.1 }),
    ]);
    expect(second).toEqual(first);
    expect(first.status).toBe("killed");
    expect(["one", "two"]).toContain(first.reason);
    await expectGivenBack(world, client, agent);
  });

  test("killing one that has ended answers its receipt and changes nothing", async () => {
    const agent = await deploy(world, client, shell("exit 3"));
    const before = await waitCleanOne(world, agent.id);
    const receipt = await receiptOf(world, agent.id);
    const answer = await kill(agent, { reason: "too late" });
    expect(answer).toEqual({
      agent_id: agent.id,
      status: "failed",
      reason: before.reason,
      receipt,
    });
    expect((await world.api(`/api/agents/${agent.id}`)).body).toEqual(before);
    await expectGivenBack(world, client, agent);
  });

  test("its wall clock runs out", async () => {
    const tag = sleepTag();
    const agent = await deploy(
      world,
      client,
      shell(`trap 'exit 9' TERM; trap '' INT; setsid sleep ${tag} & ${FOREVER}`),
      {
        limits: { wall_clock_s: 1 },
      },
    );
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "timed_out", exit_code: 9, signal: null });
    expect(end.reason).toMatch(/wall clock/);
    expect(countByArgument(tag)).toBe(0);
    await expectGivenBack(world, client, agent);
  });

  test("its parent ends and it goes on; then it is stopped with a child of its own", async () => {
    const parent = await deploy(world, client, shell(`until [ -e go ]; do sleep 0.02; done`));
    const asParent = await world.mcp({ token: parent.token });
    const child = await callTool(asParent, "spawn_child_agent", {
      task_id: parent.taskId,
      parent_agent_id: parent.id,
      child_agent_type: "helper",
      child_prompt: "Go on without me.",
      command: shell(`echo ready; ${FOREVER}`),
    });
    expect(child).toMatchObject({ parent: parent.id, depth: 2, status: "running" });
    process.kill(parent.pid, "SIGTERM");
    await waitCleanOne(world, parent.id);
    await expectGivenBack(world, client, parent);
    expect((await world.api(`/api/agents/${child.agent_id}`)).body).toMatchObject({
      status: "running",
      cleanup: { state: "pending", stuck: 0 },
    });
    const stopped = await callTool(client, "kill_real_agent", {
      task_id: parent.taskId,
      agent_id: child.agent_id,
      grace_s: 0,
    });
    expect(stopped).toMatchObject({ status: "killed", receipt: { cleanup: { state: "clean" } } });
    const status = await callTool(client, "get_real_task_status", { task_id: parent.taskId });
    expect(status).toMatchObject({
      counts: { total: 2, running: 0, completed: 0, failed: 2 },
      hierarchy: { orchestrator: [parent.id], [parent.id]: [child.agent_id] },
      resources: { held: 0, stuck: 0 },
    });
  });
});
