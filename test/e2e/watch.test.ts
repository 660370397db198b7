/**
 * The watch over running agents, by real processes that play captured streams: an agent that would
 * go on for nothing is seen, told of, and stopped with the reason.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { install, STREAMS } from "./played.ts";
import { eventSeen, newTask, QUICK, receiptOf, waitCleanOne } from "./support.ts";

interface Played {
  readonly cli?: "claude" | "codex" | "gemini" | "opencode";
  readonly name?: string;
  readonly stderr?: string;
  /** Shell that runs behind the stream. */
  readonly next?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, number>>;
}

/** Deploys an agent that plays a stream. @returns what an observer needs. */
async function play(world: World, played: Played) {
  const { cli = "claude", name, settings = {}, limits } = played;
  await world.daemon({ ...QUICK, ...settings, PATH: install(world, cli) });
  const client = await world.mcp();
  const { taskId } = await newTask(world, client);
  const env = {
    PLAY: name === undefined ? "" : join(STREAMS, cli, `${name}.jsonl`),
    PLAY_STDERR: played.stderr === undefined ? "" : join(STREAMS, cli, played.stderr),
    NEXT: played.next ?? "",
  };
  const options = { harness: cli, env, ...(limits === undefined ? {} : { limits }) };
  const { agent_id: id } = await callTool(client, "deploy_headless_agent", {
    task_id: taskId,
    agent_type: "worker",
    prompt: "Play.",
    ...options,
  });
  const view = async (): Promise<AgentView> => {
    const status = await callTool(client, "get_real_task_status", { task_id: taskId });
    return status.agents.find(({ agent_id: one }) => one === id)!;
  };
  return { id, view };
}

async function expectClean(world: World, id: string): Promise<AgentView> {
  const agent = await waitCleanOne(world, id);
  expect((await receiptOf(world, id)).survivors).toEqual([]);
  return agent;
}

test("a refused login that is retried for ever is told, and ends with how to log in", async () => {
  await using world = await makeWorld();
  const settings = { CORRAL_STOP_AUTH_FAILED_MS: "1500" };
  const { id } = await play(world, { name: "f401", settings });
  const told = await eventSeen(world, ({ kind }) => kind === "agent.trouble");
  expect(told).toMatchObject({
    agent_id: id,
    facts: { trouble: "auth_failed", message: "authentication_failed", parent: "orchestrator" },
  });
  const agent = await expectClean(world, id);
  expect(agent).toMatchObject({ status: "failed", activity: null, trouble: null });
  expect(agent.reason).toMatch(/^Stopped after .* attempts: not logged in: run `claude` once/);
});

test("a rate limit is an activity, with its trouble in the status, and may be sat out", async () => {
  await using world = await makeWorld();
  const { view } = await play(world, { name: "f429" });
  const agent = await waitFor("the trouble", async () => {
    const seen = await view();
    return seen.trouble === null ? undefined : seen;
  });
  expect(agent).toMatchObject({
    status: "running",
    activity: "rate_limited",
    trouble: { kind: "rate_limited", until: expect.any(String) },
  });
  expect(agent.trouble?.attempts).toBeGreaterThan(1);
});

test("retries that are told on stderr only are seen there", async () => {
  await using world = await makeWorld();
  const settings = { CORRAL_STOP_NO_ANSWER_MS: "1500" };
  const stderr = "deadmodel.stderr.txt";
  const { id } = await play(world, { cli: "gemini", name: "deadmodel", stderr, settings });
  const agent = await expectClean(world, id);
  expect(agent.status).toBe("failed");
  expect(agent.reason).toMatch(/attempts: the model's end point does not answer \(.*fetch failed/);
});

test("an agent that does not leave after its result is reaped, and has done its work", async () => {
  await using world = await makeWorld();
  const settings = { CORRAL_RESULT_GRACE_MS: "3000" };
  const { id, view } = await play(world, { name: "happy", settings });
  await waitFor("the activity", async () =>
    (await view()).activity === "result_but_not_exited" ? true : undefined,
  );
  const agent = await expectClean(world, id);
  expect(agent).toMatchObject({ status: "completed", usage: { output_tokens: 120 } });
  expect(agent.reason).toMatch(
    /^completed\. It had not left .* after its result and was stopped\.$/,
  );
});

test("a model that says nothing is without an answer, and ends so", async () => {
  await using world = await makeWorld();
  const settings = { CORRAL_NO_ANSWER_MS: "3000", CORRAL_STOP_NO_ANSWER_MS: "4000" };
  const { id } = await play(world, { name: "hang", settings });
  const agent = await expectClean(world, id);
  expect(agent.status).toBe("failed");
  expect(agent.reason).toContain("nothing has come from its model");
});

test("an idle limit stops what does nothing, and is told as that", async () => {
  await using world = await makeWorld();
  const settings = { CORRAL_NO_ANSWER_MS: "0" };
  const { id } = await play(world, { name: "hang", settings, limits: { idle_s: 3 } });
  const agent = await expectClean(world, id);
  expect(agent).toMatchObject({ status: "timed_out" });
  expect(agent.reason).toMatch(/^It was idle for /);
});

test("an idle limit spares an open tool call", async () => {
  await using world = await makeWorld();
  const settings = { CORRAL_NO_ANSWER_MS: "0" };
  // The stream ends in the middle of a call of its shell.
  const { view } = await play(world, { name: "mcpcall-KILL", settings, limits: { idle_s: 2 } });
  await waitFor("the activity", async () =>
    (await view()).activity === "working" ? true : undefined,
  );
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect(await view()).toMatchObject({ status: "running", activity: "working" });
});

test("an idle limit spares processes that work in silence", async () => {
  await using world = await makeWorld();
  const settings = { CORRAL_NO_ANSWER_MS: "0" };
  const next = "while :; do :; done";
  const { view } = await play(world, { name: "hang", next, settings, limits: { idle_s: 2 } });
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect(await view()).toMatchObject({ status: "running", activity: "working" });
});

test("a daemon that takes an agent over reads its stream from the beginning, and says the same", async () => {
  await using world = await makeWorld();
  const settings = { CORRAL_RESULT_GRACE_MS: "0" };
  const { id, view } = await play(world, { name: "happy", settings });
  await waitFor("the activity", async () =>
    (await view()).activity === "result_but_not_exited" ? true : undefined,
  );
  await world.corral(["detach"]);
  const settingsNow = { CORRAL_RESULT_GRACE_MS: "500" };
  await world.daemon({ ...QUICK, ...settingsNow });
  expect(await expectClean(world, id)).toMatchObject({ status: "completed" });
});
