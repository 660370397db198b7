/** What many agents did, asked of a real daemon: waiting, findings, search, lists, and the end of a task. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Client } from "@modelcontextprotocol/client";
import { countByArgument } from "../helpers/os-look.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { deploy, expectSpeaks, faultOf, newTask, QUICK, shell, sleepTag } from "./support.ts";

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

test("waiting ends with the agents, with an event, or with the time; nothing between two calls is missed", async () => {
  const { taskId: task_id } = await newTask(world, client);
  const quick = await deploy(world, client, shell("exit 0"), { taskId: task_id });
  const slow = await deploy(world, client, ["/bin/sleep", sleepTag()], { taskId: task_id });
  const any = await callTool(client, "wait_for_agents", { task_id, until: "any", after_seq: 0 });
  expect(any.timed_out).toBe(false);
  const one = any.agents.find(({ agent_id }) => agent_id === quick.id);
  expect(one).toMatchObject({ status: "completed", cleanup: { state: "clean" } });
  expect(any.events.map(({ kind }) => kind)).toContain("agent.clean");
  const over = await callTool(client, "wait_for_agents", { task_id, timeout_s: 0 });
  expect(over).toMatchObject({ timed_out: true, events: [] });
  // Reported between two calls: the next one answers at once.
  const finding = { task_id, agent_id: slow.id, finding_type: "issue", severity: "high" };
  await callTool(client, "report_agent_finding", { ...finding, message: "a quagga in the code" });
  const told = await callTool(client, "wait_for_agents", {
    task_id,
    agent_ids: [slow.id],
    events: ["agent.finding"],
    after_seq: any.next_seq,
  });
  expect(told.timed_out).toBe(false);
  expect(told.events).toMatchObject([{ kind: "agent.finding", agent_id: slow.id }]);
  const closed = await callTool(client, "close_task", { task_id, outcome: "cancelled" });
  expect(closed.agents_stopped).toBe(1);
});

test("findings, search and lists answer from everything, over MCP and the command line", async () => {
  const { taskId: task_id } = await newTask(world, client, { description: "Look for an okapi." });
  const { id: agent_id } = await deploy(world, client, shell("exit 3"), { taskId: task_id });
  await callTool(client, "wait_for_agents", { task_id });
  const hits = await callTool(client, "search_history", { query: "code 3", task_id });
  expect(hits.hits).toMatchObject([{ kind: "result", what: "failed", agent_id }]);
  const elsewhere = await callTool(client, "search_history", { query: "quagga" });
  expect(elsewhere.hits).toMatchObject([{ kind: "finding", what: "high issue" }]);
  const { code, stdout } = await world.corral(["search", "quagga", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual(elsewhere);
  const { stdout: plain } = await world.corral(["search", "in the code", "--kind", "finding"]);
  expect(plain).toContain("a quagga in the code");
  const { findings, counts } = await callTool(client, "get_task_findings", {
    task_id: elsewhere.hits[0]!.task_id,
  });
  expect(findings).toMatchObject([{ message: "a quagga in the code" }]);
  expect(counts).toMatchObject({ total: 1, by_type: { issue: 1 } });
  const open = await callTool(client, "list_tasks", {});
  expect(open.tasks).toMatchObject([{ task_id, agents: 1, agents_live: 0, status: "open" }]);
  expect((await callTool(client, "list_tasks", { status: "cancelled" })).tasks).toHaveLength(1);
  const listed = await world.corral(["task", "list", "-a", "--json"]);
  expect(JSON.parse(listed.stdout).tasks).toHaveLength(2);
});

test("closing a task stops and gives back what runs, refuses what comes, and deletes nothing", async () => {
  const { taskId: task_id } = await newTask(world, client);
  const tag = sleepTag();
  const { id: agent_id } = await deploy(
    world,
    client,
    shell(`echo printed before; exec sleep ${tag}`),
    { taskId: task_id },
  );
  const closing = await world.corral(["task", "close", task_id, "--reason", "all done", "--json"]);
  expect(closing.code).toBe(0);
  const closed = JSON.parse(closing.stdout);
  expect(closed).toMatchObject({ status: "completed", agents_stopped: 1 });
  expect(closed.receipts).toMatchObject([{ owner: agent_id, cleanup: { state: "clean" } }]);
  expect(countByArgument(tag)).toBe(0);
  const status = await callTool(client, "get_real_task_status", { task_id });
  expect(status.task).toMatchObject({ status: "completed", close_reason: "all done" });
  expect(status.agents).toMatchObject([
    { status: "killed", reason: "Its task was closed: all done" },
  ]);
  const { output } = await callTool(client, "get_agent_output", { task_id, agent_id });
  expect(output).toBe("printed before");
  const refused = await faultOf(client, "deploy_headless_agent", {
    task_id,
    agent_type: "worker",
    prompt: "Run.",
    command: ["true"],
  });
  expectSpeaks(refused);
  expect(refused).toMatchObject({ code: "TASK_CLOSED" });
  const again = await callTool(client, "close_task", { task_id, outcome: "completed" });
  expect(again).toMatchObject({ agents_stopped: 0, closed_at: closed.closed_at });
  const other = await faultOf(client, "close_task", { task_id, outcome: "cancelled" });
  expect(other).toMatchObject({ code: "TASK_CLOSED" });
});

test("logs are chosen by time and pattern", async () => {
  const { taskId: task_id } = await newTask(world, client);
  const script = "for i in 1 2 3 4; do echo line $i; echo other $i; done";
  const { id } = await deploy(world, client, shell(script), { taskId: task_id });
  await callTool(client, "wait_for_agents", { task_id });
  const logs = async (...options: string[]) =>
    (await world.corral(["logs", id, ...options])).stdout;
  expect(await logs("--grep", "^line [23]", "--since", "1d")).toBe("line 2\nline 3\n");
  expect(await logs("--grep", "other", "--tail", "1", "-f")).toBe("other 4\n");
  const later = new Date(Date.now() + 60_000).toISOString();
  expect(await logs("--since", later)).toBe("");
  const refused = await world.corral(["logs", id, "--stderr", "--since", "1d"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("stdout only");
});
