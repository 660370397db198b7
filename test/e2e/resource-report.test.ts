/** `get_resource_report` over real agents: its numbers against what the system itself shows. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "../helpers/daemon-process.ts";
import { processes } from "../helpers/os-look.ts";
import { callTool, makeWorld } from "../helpers/world.ts";
import { deploy, faultOf, FOREVER, newTask, QUICK, shell, waitCleanOne } from "./support.ts";

test("says what one agent, its task and the daemon hold and use, and only while they do", async () => {
  await using world = await makeWorld();
  const daemon = await world.daemon(QUICK);
  const client = await world.mcp();
  const { taskId, cwd } = await newTask(world, client);
  const agent = await deploy(world, client, shell(`sleep 299 & touch ready; ${FOREVER}`), {
    taskId,
  });
  await waitFor("its second process", () => existsSync(join(cwd, "ready")) || undefined);

  const one = await callTool(client, "get_resource_report", { scope: "agent", id: agent.id });
  expect(one).toMatchObject({ scope: "agent", id: agent.id, daemon: null, unknown: [] });
  expect(one.held.find(({ kind }) => kind === "process_set")).toMatchObject({ held: 1, stuck: 0 });
  expect(one.use.processes).toBeGreaterThanOrEqual(2);
  expect(one.use.memory_bytes).toBeGreaterThan(500_000);
  expect(one.use.fds).toBeGreaterThan(2);
  expect(one.use.cpu_ms).not.toBeNull();
  expect(one.limits.find(({ name }) => name === "wall_clock")).toMatchObject({ unit: "s" });
  expect(one.disk[0]?.bytes).toBeGreaterThan(0);

  const task = await callTool(client, "get_resource_report", { scope: "task", id: taskId });
  expect(task.limits.find(({ name }) => name === "running")).toMatchObject({ used: 1, limit: 20 });
  expect(task.agents.map(({ agent_id }) => agent_id)).toEqual([agent.id]);

  const all = await callTool(client, "get_resource_report", {});
  expect(all.use.processes).toBeGreaterThanOrEqual(2);
  expect(all.daemon).toMatchObject({ processes: 1, memory_source: "resident" });
  expect(all.daemon?.memory_bytes).toBeGreaterThan(20_000_000);
  expect(all.disk.find(({ what }) => what === "database")?.bytes).toBeGreaterThan(4_096);
  expect(processes().some(({ pid }) => pid === daemon.pid)).toBe(true);

  await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: agent.id, grace_s: 0.2 });
  await waitCleanOne(world, agent.id);
  const after = await callTool(client, "get_resource_report", { scope: "agent", id: agent.id });
  expect(after.use).toMatchObject({ processes: 0, memory_bytes: 0 });
  expect(after.held.every(({ held }) => held === 0)).toBe(true);
  expect(after.held.some(({ retained }) => retained > 0)).toBe(true);
  const unknown = { scope: "agent", id: "nobody" };
  expect((await faultOf(client, "get_resource_report", unknown)).code).toBe("AGENT_NOT_FOUND");
  await daemon.stop();
});
