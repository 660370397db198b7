/** What the end-to-end tests share: deploying and waiting like a user, and asking the system afterwards. */
import { randomInt } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { expect } from "vitest";
import type { AgentView, Receipt } from "../../src/contract/agent.ts";
import { WaitAnswer } from "../../src/contract/api.ts";
import { CorralEvent } from "../../src/contract/events.ts";
import type { DeployAnswer, ToolName } from "../../src/contract/tools.ts";
import { FAULT_CODES, type FaultWire } from "../../src/kernel/fault.ts";
import { parseStarted } from "../../src/runner/records.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, type World } from "../helpers/world.ts";

/** Short graces: the roads are the same, the waiting is not. */
export const QUICK = {
  CORRAL_GRACE_MS: "400",
  CORRAL_TERM_MS: "400",
  CORRAL_LEFTOVER_MS: "400",
  CORRAL_LINGER_MS: "600",
  CORRAL_RESYNC_MS: "3000",
} as const;

/** Hosts and containments; each is a daemon of its own. */
export const MATRIX = [
  { name: "tmux, auto", env: { CORRAL_HOST: "tmux", CORRAL_CONTAINMENT: "auto" } },
  { name: "tmux, watermark", env: { CORRAL_HOST: "tmux", CORRAL_CONTAINMENT: "watermark" } },
  { name: "process, auto", env: { CORRAL_HOST: "process", CORRAL_CONTAINMENT: "auto" } },
  { name: "process, watermark", env: { CORRAL_HOST: "process", CORRAL_CONTAINMENT: "watermark" } },
] as const;

export const FIXTURES = join(import.meta.dirname, "../fixtures/agents");

/** An argument for `sleep` that no other process on the machine has. */
export function sleepTag(): string {
  return `300.${randomInt(1e8, 1e9)}`;
}

/** A shell program as an agent's command. */
export function shell(script: string): readonly string[] {
  return ["/bin/sh", "-c", script];
}

/** A program with so many children; a place that is taken for a moment is waited for. */
export function forks(count: number): readonly string[] {
  const program = `for (1 .. ${count}) {
    my $pid; select undef, undef, undef, 0.01 until defined($pid = fork);
    exec "/bin/sleep", "600" if !$pid;
  } sleep 600`;
  return ["/usr/bin/perl", "-e", program];
}

/** Shell that does something endlessly in small steps, so that traps act at once. */
export const FOREVER = "while :; do sleep 0.02; done";

export interface Deployed {
  readonly answer: DeployAnswer;
  readonly id: string;
  readonly taskId: string;
  /** The agent's bearer token. */
  readonly token: string;
  /** Its first process. */
  readonly pid: number;
  /** Its folder. */
  readonly cwd: string;
}

export interface DeployMore {
  readonly taskId?: string;
  readonly type?: string;
  readonly cwd?: string;
  readonly [option: string]: unknown;
}

/** Makes a task in a folder of its own. @returns its id and the folder. */
export async function newTask(
  world: World,
  client: Client,
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly taskId: string; readonly cwd: string; readonly workspace: string }> {
  const cwd = join(world.folder, `project-${randomInt(1e9)}`);
  mkdirSync(cwd);
  const task = await callTool(client, "create_real_task", {
    description: "Take one road from its begin to its end.",
    client_cwd: cwd,
    ...more,
  });
  return { taskId: task.task_id, cwd, workspace: task.workspace };
}

/** Deploys a command as an agent, on a task of its own unless one is named. */
export async function deploy(
  world: World,
  client: Client,
  command: readonly string[],
  { taskId, type = "worker", cwd, ...options }: DeployMore = {},
): Promise<Deployed> {
  const task = taskId === undefined ? await newTask(world, client) : undefined;
  const answer = await callTool(client, "deploy_headless_agent", {
    task_id: taskId ?? task?.taskId,
    agent_type: type,
    prompt: "Take the road.",
    command: [...withToken(world), ...command],
    ...(cwd === undefined ? {} : { cwd }),
    ...options,
  });
  const token = await waitFor("the agent's token", () =>
    read(join(world.folder, `token-${answer.agent_id}`)),
  );
  const { task_id: ofTask, agent_id: id } = answer;
  const { pid } = parseStarted(read(join(answer.workspace, "started.json")) ?? "")!;
  return { answer, id, taskId: ofTask, token, pid, cwd: cwd ?? task?.cwd ?? "" };
}

/** Leaves the token where the test finds it even when the agent ends at once; then becomes the agent. */
function withToken({ folder }: World): readonly string[] {
  const file = `"${folder}/token-$CORRAL_AGENT_ID"`;
  const script = `printf %s "$CORRAL_TOKEN" >${file}.part && mv ${file}.part ${file}; exec "$@"`;
  return ["/bin/sh", "-c", script, "sh"];
}

export function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** Waits until these agents are settled and clean (or stuck). @returns them, in order. */
export async function waitClean(
  world: World,
  ids: readonly string[],
): Promise<readonly AgentView[]> {
  const { body } = await world.api("/api/wait", { agent_ids: ids, for: "clean", timeout_s: 25 });
  const { agents, timed_out: isLate } = WaitAnswer.parse(body);
  expect(isLate, `not clean: ${JSON.stringify(agents)}`).toBe(false);
  return agents;
}

export async function waitCleanOne(world: World, id: string): Promise<AgentView> {
  const [agent] = await waitClean(world, [id]);
  return agent!;
}

export async function receiptOf(world: World, id: string): Promise<Receipt> {
  return (await world.api(`/api/agents/${id}/receipt`)).body as Receipt;
}

/** How a tool call failed. @throws when it did not. Checks what every failure has: code, sentence, next step. */
export async function faultOf(
  client: Client,
  tool: ToolName,
  input: Readonly<Record<string, unknown>>,
): Promise<FaultWire> {
  const result = await client.callTool({ name: tool, arguments: input });
  expect(result.isError, `${tool} did not fail: ${JSON.stringify(result.content)}`).toBe(true);
  const { error } = result.structuredContent as { readonly error: FaultWire };
  const [text] = result.content as readonly { readonly text: string }[];
  expect(text?.text).toBe(`${error.code}: ${error.message}\nNext: ${error.hint}`);
  expectSpeaks(error);
  return error;
}

/** What every failure says, whatever surface it came by. */
export function expectSpeaks({ code, message, hint }: FaultWire): void {
  expect(FAULT_CODES).toContain(code);
  expect(message, "a sentence").toMatch(/\S.*[.!?]$/s);
  expect(hint, "a next step").toMatch(/^[A-Z"].*\S.*[.!?]$/s);
  expect(message.length + hint.length).toBeLessThan(1_500);
}

/** Waits for an event that satisfies, from the first event of the state directory on. */
export async function eventSeen(
  world: World,
  satisfies: (event: CorralEvent) => boolean,
  timeoutMs = 10_000,
): Promise<CorralEvent> {
  const { url } = (await world.api("/api/health")).body as { readonly url: string };
  const response = await fetch(`${url}/api/events?after=0`, {
    headers: { authorization: `Bearer ${world.clientToken()}` },
    signal: AbortSignal.timeout(timeoutMs),
  });
  let text = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    const found = lines
      .filter((line) => line.startsWith("data:"))
      .map((line) => CorralEvent.parse(JSON.parse(line.slice("data:".length))))
      .find(satisfies);
    if (found !== undefined) return found;
  }
  throw new Error("the event stream ended first");
}

/** The text of an agent's output, as `get_agent_output` gives it. */
export async function outputOf(client: Client, { id, taskId }: Deployed): Promise<string> {
  const { output } = await callTool(client, "get_agent_output", { task_id: taskId, agent_id: id });
  return String(output);
}
