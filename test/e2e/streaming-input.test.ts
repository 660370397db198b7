/** Messages by the input of the real Claude Code while it works; only its model is scripted. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { expect, test } from "vitest";
import { agentInputs } from "../../src/adapters/fs/agent-input.ts";
import type { AgentView } from "../../src/contract/agent.ts";
import { WaitAnswer } from "../../src/contract/api.ts";
import type { MessageView } from "../../src/contract/messages.ts";
import type { DeployAnswer } from "../../src/contract/tools.ts";
import { parseStarted } from "../../src/runner/records.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { type Script, scripted, startModelServer, type Turn } from "../helpers/model-server.ts";
import { processes } from "../helpers/os-look.ts";
import { CLAUDE_BIN, CLAUDE_HINT, claudeEnv, claudeIsMissing } from "../helpers/real-claude.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { QUICK, read, receiptOf, waitCleanOne } from "./support.ts";

const MINUTES = 60_000;
/** Whoever waits here, waits on a busy machine. */
const LONG_MS = 90_000;
const TEXT = "THE-WORD: leave the lockfile\nas it is.";

const bash = (command: string): Turn => ({ toolUses: [{ name: "Bash", input: { command } }] });
/** A call of a tool that lasts until a file is there, at most a minute. */
const awaits = (name: string): Turn =>
  bash(`touch ${name}.begun; for i in $(seq 600); do [ -e ${name} ] && break; sleep 0.1; done`);

function start(world: World) {
  // A turn that a message begins is no result that does not leave.
  const env = { ...QUICK, CORRAL_LINGER_MS: "60000" };
  return world.daemon({ ...env, PATH: `${CLAUDE_BIN}:${world.env["PATH"] ?? ""}` });
}

interface Running extends DeployAnswer {
  readonly cwd: string;
}

async function deploy(world: World, client: Client, modelUrl: string): Promise<Running> {
  const cwd = world.repo();
  const task = await callTool(client, "create_real_task", {
    description: "Take messages while it works.",
    client_cwd: cwd,
  });
  const answer = await callTool(client, "deploy_headless_agent", {
    task_id: task.task_id,
    agent_type: "builder",
    prompt: "SCRIPTED-MISSION: do the scripted work.",
    harness: "claude",
    permission_mode: "skip",
    env: claudeEnv(world.home, modelUrl),
  });
  return { ...answer, cwd };
}

function send(client: Client, { agent_id, task_id }: DeployAnswer, text = TEXT) {
  return callTool(client, "send_agent_message", { task_id, agent_id, text });
}

/** Waits until the last message of an agent is in a state. */
async function reaches(
  client: Client,
  { agent_id, task_id }: DeployAnswer,
  state: MessageView["state"],
): Promise<MessageView> {
  return waitFor(
    `the message to be ${state}`,
    async () => {
      const { messages } = await callTool(client, "get_agent_messages", { task_id, agent_id });
      const last = messages.at(-1);
      return last?.state === state ? last : undefined;
    },
    LONG_MS,
  );
}

const until = (what: string, path: string) =>
  waitFor(what, () => (existsSync(path) ? true : undefined), LONG_MS);

async function ended(
  world: World,
  { agent_id: id }: Pick<DeployAnswer, "agent_id">,
): Promise<AgentView> {
  await waitFor(
    "the agent's end",
    async () => {
      const { body } = await world.api("/api/wait", {
        agent_ids: [id],
        for: "clean",
        timeout_s: 20,
      });
      return WaitAnswer.parse(body).timed_out ? undefined : true;
    },
    2 * LONG_MS,
  );
  return waitCleanOne(world, id);
}

/** Its runner, and what else of that shell lives: its wall clock, its feeder. */
function shellsOf({ workspace }: DeployAnswer): number {
  return processes().filter(
    ({ argv: [, script, directory] }) =>
      script?.endsWith("/runner.sh") === true && directory === workspace,
  ).length;
}

function said({ workspace }: DeployAnswer): string {
  return read(join(workspace, "stream.jsonl")) ?? "";
}

/** Asks the system: neither runner nor feeder is there, and the input is given back. */
async function nothingLeft(world: World, agent: DeployAnswer): Promise<void> {
  const receipt = await receiptOf(world, agent.agent_id);
  expect(receipt.cleanup).toEqual({ state: "clean", held: 0, stuck: 0 });
  expect(receipt.survivors).toEqual([]);
  expect(shellsOf(agent)).toBe(0);
  expect(existsSync(join(agent.workspace, "input"))).toBe(false);
}

const real = test.skipIf(claudeIsMissing);

real(
  `a message reaches it in the middle of a tool call, and it ends by itself with the daemon killed${CLAUDE_HINT}`,
  { timeout: 5 * MINUTES },
  async () => {
    await using world = await makeWorld();
    const turns: readonly (Turn | Script)[] = [
      awaits("one"),
      awaits("two"),
      { text: "I have heeded it." },
    ];
    await using model = await startModelServer(scripted({ "SCRIPTED-MISSION": turns }));
    const daemon = await start(world);
    const client = await world.mcp();
    const agent = await deploy(world, client, model.url);
    const { cwd, workspace } = agent;
    await until("its first call", join(cwd, "one.begun"));

    const sent = await send(client, agent);
    expect(sent.message).toMatchObject({ state: "queued", way: "input", handed_over: 1 });
    expect(sent.message.waits_for).toContain("CLI has taken it from its input");
    expect(await reaches(client, agent, "delivered")).toMatchObject({ consumed_at: null });
    writeFileSync(join(cwd, "one"), "");
    expect(await reaches(client, agent, "consumed")).toMatchObject({
      way: "input",
      evidence: "stream",
      handed_over: 1,
      delivered_to: agent.agent_id,
    });
    const told = model.requests.find(({ body }) => body.includes("THE-WORD"));
    expect(told?.body, "its model reads whose word it is").toContain(
      `${sent.message.message_id} from the orchestrator`,
    );

    await until("its second call", join(cwd, "two.begun"));
    await daemon.stop("SIGKILL");
    writeFileSync(join(cwd, "two"), "");
    await until("its end, with nobody to close its input but itself", join(workspace, "exit.json"));
    await start(world);
    expect(await ended(world, agent)).toMatchObject({ status: "completed", exit_code: 0 });
    expect(said(agent)).toContain('"result":"I have heeded it."');
    expect(model.errors).toEqual([]);
    await nothingLeft(world, agent);
  },
);

real(
  `a message that comes after its turn waits, and goes with the resume${CLAUDE_HINT}`,
  { timeout: 5 * MINUTES },
  async () => {
    await using world = await makeWorld();
    const turns: readonly Turn[] = [{ text: "Done." }, { text: "I have read it now." }];
    await using model = await startModelServer(scripted({ "SCRIPTED-MISSION": turns }));
    await start(world);
    const client = await world.mcp();
    // A hook of the user's runs beside ours and holds the CLI, whose input is closed by then.
    const held = join(world.folder, "held");
    const command = `touch ${held}; for i in $(seq 600); do [ -e ${held}.go ] && break; sleep 0.1; done`;
    mkdirSync(join(world.home, ".claude"), { recursive: true });
    writeFileSync(
      join(world.home, ".claude/settings.json"),
      JSON.stringify({ hooks: { Stop: [{ hooks: [{ type: "command", command, timeout: 90 }] }] } }),
    );
    const agent = await deploy(world, client, model.url);
    await until("the end of its turn", held);
    await waitFor(
      "its feeder's end",
      () => (agentInputs().isOpen(agent.workspace) ? undefined : true),
      LONG_MS,
    );
    const { message } = await send(client, agent);
    expect(message).toMatchObject({ state: "queued", way: null, handed_over: 0 });
    expect(message.waits_for).toContain("next update_agent_progress");
    writeFileSync(`${held}.go`, "");
    expect(await ended(world, agent)).toMatchObject({ status: "completed" });
    expect(await reaches(client, agent, "queued")).toMatchObject({ waits_for: "resume_agent" });
    await nothingLeft(world, agent);

    const { task_id, agent_id } = agent;
    const resumed = await callTool(client, "resume_agent", {
      task_id,
      agent_id,
      message: "Go on.",
      env: claudeEnv(world.home, model.url),
    });
    expect(resumed.messages).toEqual([message.message_id]);
    expect(await ended(world, resumed)).toMatchObject({ status: "completed" });
    expect(said(resumed)).toContain("I have read it now.");
    expect(await reaches(client, agent, "consumed")).toMatchObject({
      way: "resume",
      handed_over: 1,
      delivered_to: resumed.agent_id,
    });
    await nothingLeft(world, resumed);
  },
);

real(
  `a message that it was killed before it read stays queued${CLAUDE_HINT}`,
  { timeout: 5 * MINUTES },
  async () => {
    await using world = await makeWorld();
    const turns: readonly Turn[] = [awaits("one")];
    await using model = await startModelServer(scripted({ "SCRIPTED-MISSION": turns }));
    await start(world);
    const client = await world.mcp();
    const agent = await deploy(world, client, model.url);
    await until("its call", join(agent.cwd, "one.begun"));
    const { pid } = parseStarted(read(join(agent.workspace, "started.json")) ?? "")!;
    process.kill(pid, "SIGSTOP");
    const { message } = await send(client, agent);
    const file = join(agent.workspace, "input", message.message_id);
    const isPassed = () => (statSync(file).size === 0 ? true : undefined);
    await waitFor("its feeder to pass it on", isPassed, LONG_MS);
    expect(await reaches(client, agent, "queued")).toMatchObject({ way: "input", handed_over: 1 });
    process.kill(pid, "SIGKILL");
    expect(await ended(world, agent)).toMatchObject({ status: "failed", signal: "SIGKILL" });
    expect(await reaches(client, agent, "queued")).toMatchObject({
      waits_for: "resume_agent",
      delivered_at: null,
    });
    await nothingLeft(world, agent);
  },
);

real(
  `an end that no hook tells of, as at its budget, is told by the daemon${CLAUDE_HINT}`,
  { timeout: 5 * MINUTES },
  async () => {
    await using world = await makeWorld();
    const turns: readonly Turn[] = [bash("echo one"), { text: "Done." }];
    await using model = await startModelServer(scripted({ "SCRIPTED-MISSION": turns }));
    await start(world);
    const client = await world.mcp();
    const cwd = world.repo();
    const task = await callTool(client, "create_real_task", { description: "Stop at a cost." });
    const agent = await callTool(client, "deploy_headless_agent", {
      task_id: task.task_id,
      agent_type: "builder",
      prompt: "SCRIPTED-MISSION: do the scripted work.",
      harness: "claude",
      permission_mode: "skip",
      cwd,
      limits: { cost_usd: 0.0001 },
      env: claudeEnv(world.home, model.url),
    });
    const end = await ended(world, agent);
    expect(end.status, JSON.stringify(end)).not.toBe("completed");
    expect(said(agent)).toContain("error_max_budget_usd");
    expect(end.reason).toContain("it has spent its budget and stopped itself");
    await nothingLeft(world, agent);
  },
);
