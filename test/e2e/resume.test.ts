/** Going on with the conversation of an agent that has ended. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import type { MessageView } from "../../src/contract/messages.ts";
import type { DeployAnswer, ResumeAnswer } from "../../src/contract/tools.ts";
import { conversations, standInPath, toldIn } from "../helpers/conversation.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { deploy, faultOf, newTask, QUICK, shell, waitCleanOne } from "./support.ts";

async function startCorral(world: World): Promise<Client> {
  const path = standInPath(world.folder, world.env["PATH"] ?? "");
  await world.daemon({ ...QUICK, PATH: path });
  return await world.mcp();
}

async function deployTalker(
  world: World,
  client: Client,
  more: Readonly<Record<string, unknown>> = {},
): Promise<DeployAnswer & { readonly cwd: string }> {
  const { taskId, cwd } = await newTask(world, client);
  const answer = await callTool(client, "deploy_headless_agent", {
    task_id: taskId,
    agent_type: "talker",
    prompt: "FIRST-MISSION",
    harness: "claude",
    ...more,
  });
  return { ...answer, cwd };
}

const readSpec = (directory: string, name = "spec.json"): string =>
  readFileSync(join(directory, name), "utf8");

async function ends(world: World, id: string, cwd: string): Promise<AgentView> {
  writeFileSync(join(cwd, "go"), "");
  const agent = await waitCleanOne(world, id);
  rmSync(join(cwd, "go"));
  return agent;
}

test("an agent goes on under a new id, in its folder, with its options, once", async () => {
  await using world = await makeWorld();
  const client = await startCorral(world);
  const first = await deployTalker(world, client, {
    model: "m1",
    permission_mode: "plan",
    env: { SPEAKS_FIRST: "1" },
    limits: { wall_clock_s: 777 },
  });
  const { agent_id, cwd, task_id } = first;
  const named = { task_id, agent_id };
  expect(await faultOf(client, "resume_agent", named)).toMatchObject({
    code: "RESUME_REFUSED",
    details: { why: "running" },
  });
  const text = "You missed this.";
  const missed = await callTool(client, "send_agent_message", { ...named, text });
  await ends(world, agent_id, cwd);
  const waiting = await callTool(client, "get_agent_messages", named);
  expect(waiting.messages).toMatchObject([{ state: "queued", waits_for: "resume_agent" }]);

  const order = { message: "SECOND-MISSION", idempotency_key: "k1" };
  const { body } = await world.api(`/api/agents/${agent_id}/resume`, order);
  const second = body as ResumeAnswer;
  expect(second).toMatchObject({
    resumed_from: agent_id,
    messages: [missed.message.message_id],
    agent_type: "talker",
    depth: 1,
    parent: "orchestrator",
    status: "running",
  });
  expect(second.agent_id).not.toBe(agent_id);
  const again = await world.api(`/api/agents/${agent_id}/resume`, order);
  expect(again.body, "the same key is the same agent").toMatchObject({
    agent_id: second.agent_id,
  });
  expect(await faultOf(client, "resume_agent", named)).toMatchObject({
    code: "RESUME_REFUSED",
    details: { why: "resumed", resumed_as: second.agent_id },
  });

  await waitFor("the sign that its model read it", async () => {
    const { messages } = await callTool(client, "get_agent_messages", named);
    return messages[0]?.state === "consumed" ? true : undefined;
  });
  const ended = await ends(world, second.agent_id, cwd);
  expect(ended).toMatchObject({ status: "completed", resumed_from: agent_id, resumed_as: null });
  const { agents } = await callTool(client, "get_real_task_status", { task_id });
  expect(agents.map((one) => [one.agent_id, one.resumed_from, one.resumed_as])).toEqual([
    [agent_id, null, second.agent_id],
    [second.agent_id, agent_id, null],
  ]);
  const [message] = (await callTool(client, "get_agent_messages", named)).messages;
  expect(message).toMatchObject({
    way: "resume",
    delivered_to: second.agent_id,
    evidence: "stream",
    // Its input brought it as well; nothing showed that its CLI had taken it.
    handed_over: 2,
  } satisfies Partial<MessageView>);

  const told = toldIn(world.home);
  expect(conversations(world.home), "one conversation").toHaveLength(1);
  expect(told.indexOf("FIRST-MISSION")).toBeLessThan(told.indexOf(`You are ${second.agent_id}`));
  expect(told).toContain(`in which you were ${agent_id}`);
  expect(told.indexOf("| You missed this.")).toBeLessThan(told.indexOf("SECOND-MISSION"));

  const spec = JSON.parse(readSpec(second.workspace)) as Record<string, unknown>;
  expect(spec).toMatchObject({ cwd, wall_clock_s: 777, harness: "claude" });
  const argv = (spec["argv"] as readonly string[]).join(" ");
  expect(argv).toMatch(/ --resume 0199-\d+ .*--model m1 .*--permission-mode dontAsk/);
});

test("what stands in the way is named, and nothing is made", async () => {
  await using world = await makeWorld();
  const client = await startCorral(world);
  const KEY = { THE_API_KEY: "a-key-of-the-test-0123456789" };
  const first = await deployTalker(world, client, {
    env: KEY,
    idempotency_key: "of-the-deploy",
  });
  const { agent_id, cwd, task_id } = first;
  const named = { task_id, agent_id };
  await ends(world, agent_id, cwd);

  const used = { ...named, env: KEY, idempotency_key: "of-the-deploy" };
  expect(await faultOf(client, "resume_agent", used)).toMatchObject({ code: "INPUT_INVALID" });
  const asked = await faultOf(client, "resume_agent", named);
  expect(asked).toMatchObject({ code: "INPUT_INVALID", details: { missing: "env.THE_API_KEY" } });
  const given = { ...named, env: KEY };

  const [file = ""] = conversations(world.home);
  renameSync(file, `${file}.away`);
  expect(await faultOf(client, "resume_agent", given)).toMatchObject({
    code: "RESUME_REFUSED",
    details: { why: "session_gone" },
  });
  renameSync(`${file}.away`, file);

  renameSync(cwd, `${cwd}-away`);
  expect(await faultOf(client, "resume_agent", given)).toMatchObject({
    code: "RESUME_REFUSED",
    details: { why: "folder_gone" },
  });
  renameSync(`${cwd}-away`, cwd);

  const command = await deploy(world, client, shell("true"), { taskId: task_id });
  await waitCleanOne(world, command.id);
  const other = { task_id, agent_id: command.id };
  expect(await faultOf(client, "resume_agent", other)).toMatchObject({
    code: "RESUME_REFUSED",
    details: { why: "harness" },
  });
  const { counts } = await callTool(client, "get_real_task_status", { task_id });
  expect(counts.total, "nothing was made").toBe(2);

  const ran = await world.corral(
    ["resume", agent_id, "Go on.", "--env", `THE_API_KEY=${KEY.THE_API_KEY}`, "--json"],
    { env: {} },
  );
  const second = JSON.parse(ran.stdout) as ResumeAnswer;
  expect(second).toMatchObject({ resumed_from: agent_id, status: "running" });
  await ends(world, second.agent_id, cwd);
  await callTool(client, "close_task", { task_id, outcome: "completed" });
  const last = { task_id, agent_id: second.agent_id, env: KEY };
  expect(await faultOf(client, "resume_agent", last)).toMatchObject({ code: "TASK_CLOSED" });
});

test("whoever goes on for a parent has its children, within what it may do", async () => {
  await using world = await makeWorld();
  const client = await startCorral(world);
  const parent = await deployTalker(world, client);
  const { task_id, cwd } = parent;
  const child = await deploy(world, client, shell("exec sleep 300"), {
    taskId: task_id,
    parent: parent.agent_id,
    cwd,
  });
  await ends(world, parent.agent_id, cwd);
  const heir = await callTool(client, "resume_agent", { task_id, agent_id: parent.agent_id });
  const { mcpServers } = JSON.parse(readSpec(heir.workspace, "mcp.json")) as {
    readonly mcpServers: {
      readonly corral: { readonly headers: { readonly Authorization: string } };
    };
  };
  const token = mcpServers.corral.headers.Authorization.replace("Bearer ", "");
  const own = await world.mcp({ token });
  const to = { task_id, agent_id: child.id };
  const sent = await callTool(own, "send_agent_message", { ...to, text: "I am back." });
  expect(sent.message).toMatchObject({ from: heir.agent_id, state: "queued" });
  const old = { task_id, agent_id: parent.agent_id, text: "To whom I know." };
  const childs = await world.mcp({ token: child.token });
  const up = await callTool(childs, "send_agent_message", old);
  expect(up.message, "the old id leads to the new agent").toMatchObject({
    agent_id: heir.agent_id,
    from: child.id,
    state: "queued",
  });
  const killed = await callTool(own, "kill_real_agent", { ...to, grace_s: 0 });
  expect(killed.status).toBe("killed");
  const freer = await callTool(client, "deploy_headless_agent", {
    task_id,
    agent_type: "talker",
    prompt: "GO",
    parent: heir.agent_id,
    permission_mode: "skip",
  });
  await callTool(client, "kill_real_agent", { task_id, agent_id: freer.agent_id, grace_s: 0 });
  const more = { task_id, agent_id: freer.agent_id };
  expect(await faultOf(own, "resume_agent", more), "no more than it has itself").toMatchObject({
    code: "FORBIDDEN",
  });
  const self = { task_id, agent_id: heir.agent_id };
  expect(await faultOf(own, "resume_agent", self)).toMatchObject({ code: "FORBIDDEN" });
  await ends(world, heir.agent_id, cwd);
});
