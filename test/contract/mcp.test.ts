/** The MCP surface: real SDK clients of both protocol eras, over both transports. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { TOOL_NAMES, TOOLS } from "../../src/contract/tools.ts";
import type { ToolName } from "../../src/contract/tools.ts";
import { Fault } from "../../src/kernel/fault.ts";
import { CLIENT_TOKEN } from "../helpers/fake-operations.ts";
import { overLoopback, serving, testFolder } from "../helpers/serving.ts";
import type { Serving } from "../helpers/serving.ts";

const BRIDGE = fileURLToPath(new URL("../fixtures/surface/bridge.ts", import.meta.url));
const MODERN = "2026-07-28";
const ERAS = ["legacy", "modern"] as const;
const MATRIX = ERAS.flatMap((era) => [
  { era, transport: "http" as const },
  { era, transport: "stdio" as const },
]);

interface Kind {
  readonly era: (typeof ERAS)[number];
  readonly transport: "http" | "stdio";
}

async function connected(to: Serving, { era, transport }: Kind, token = CLIENT_TOKEN) {
  const client = new Client(
    { name: "test", version: "1" },
    { versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: MODERN } } },
  );
  const wire =
    transport === "http" ? httpTransport(to, token) : stdioTransport(to.socketPath, token, "start");
  onTestFinished(() => client.close());
  await client.connect(wire);
  expect(client.getProtocolEra()).toBe(era);
  return client;
}

function httpTransport(to: Serving, token: string) {
  const headers = { Authorization: `Bearer ${token}` };
  return new StreamableHTTPClientTransport(new URL(`${to.served.url}/mcp`), {
    requestInit: { headers },
  });
}

function stdioTransport(socketPath: string, token: string, ...more: string[]) {
  return new StdioClientTransport({
    command: process.execPath,
    args: [BRIDGE, socketPath, ...more],
    env: token === CLIENT_TOKEN ? {} : { CORRAL_TOKEN: token },
    stderr: "ignore",
  });
}

function gone(pid: number): boolean {
  return !existsSync(`/proc/${pid}`);
}

describe.for(MATRIX)("$era era over $transport", (kind) => {
  test("lists every tool with schemas, annotations and what agents need at once", async () => {
    const client = await connected(await serving(), kind);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(TOOL_NAMES);
    for (const tool of tools) {
      const contract = TOOLS[tool.name as ToolName];
      expect(tool).toMatchObject({ title: contract.title, description: contract.description });
      expect(tool.annotations).toMatchObject(contract.annotations);
      expect(tool.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
      expect(tool.outputSchema).toMatchObject({ type: "object" });
      expect(tool._meta?.["anthropic/alwaysLoad"]).toBe(contract.alwaysLoad || undefined);
    }
  });

  test("every tool answers structured content that fits its schema, and a text", async () => {
    const to = await serving();
    const { taskId: task_id, agentId: agent_id } = await to.operations.seed();
    const client = await connected(to, kind);
    await client.listTools();
    const calls: Record<ToolName, Record<string, unknown>> = {
      create_real_task: { description: "a task of the tests" },
      deploy_headless_agent: { task_id, agent_type: "node.js", prompt: "go" },
      spawn_child_agent: {
        task_id,
        parent_agent_id: agent_id,
        child_agent_type: "my_type-2",
        child_prompt: "go",
      },
      get_real_task_status: { task_id },
      get_agent_output: { task_id, agent_id },
      kill_real_agent: { task_id, agent_id },
      update_agent_progress: { task_id, agent_id, status: "working", message: "m", progress: 50 },
      report_agent_finding: {
        task_id,
        agent_id,
        finding_type: "issue",
        severity: "low",
        message: "m",
      },
      get_resource_report: { scope: "task", id: task_id },
      sweep_resources: { apply: true, plan_id: "plan-1" },
      get_task_findings: { task_id, severity: "low" },
      wait_for_agents: { task_id, timeout_s: 0 },
      list_tasks: {},
      close_task: { task_id, outcome: "completed" },
      search_history: { query: "words" },
      send_agent_message: { task_id, agent_id, text: "a word" },
      get_agent_messages: { task_id, agent_id },
      resume_agent: { task_id, agent_id },
    };
    for (const [name, given] of Object.entries(calls)) {
      const answer = await client.callTool({ name, arguments: given });
      expect(answer.isError, name).not.toBe(true);
      expect(() => TOOLS[name as ToolName].output.parse(answer.structuredContent)).not.toThrow();
      expect(answer.content[0], name).toMatchObject({
        type: "text",
        text: expect.stringMatching(/./),
      });
    }
    const output = await client.callTool({
      name: "get_agent_output",
      arguments: { task_id, agent_id },
    });
    expect(output.content[0]).toMatchObject({ text: "line one\nline two" });
    expect(output.content[1]).toMatchObject({ text: expect.stringContaining("cursor 18") });
  });

  test("a fault is an error result with its code and the next step", async () => {
    const to = await serving();
    const client = await connected(to, kind);
    const given = { task_id: "TASK-19990101-000000-00000000" };
    const answer = await client.callTool({ name: "get_real_task_status", arguments: given });
    expect(answer).toMatchObject({
      isError: true,
      content: [
        { text: expect.stringMatching(/^TASK_NOT_FOUND: .*\nNext: Call create_real_task/) },
      ],
      structuredContent: { error: { code: "TASK_NOT_FOUND", retryable: false } },
    });
    to.operations.failNext(new TypeError("secret of the implementation"));
    const bug = await client.callTool({
      name: "create_real_task",
      arguments: { description: "0123456789" },
    });
    expect(bug).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "INTERNAL" } },
    });
    expect(JSON.stringify(bug)).not.toContain("secret");
    expect(JSON.stringify(to.logged)).toContain("secret of the implementation");
  });

  test("an unknown tool is a protocol error that names the tools", async () => {
    const client = await connected(await serving(), kind);
    await expect(client.callTool({ name: "toString" })).rejects.toThrow(/create_real_task/);
  });

  test("resources are listed and read, and a missing one is a protocol error", async () => {
    const to = await serving();
    const { taskId } = await to.operations.seed();
    const client = await connected(to, kind);
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(["tasks://list"]);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      "task://{id}/status",
      "task://{id}/progress-timeline",
    ]);
    const { contents } = await client.readResource({ uri: `task://${taskId}/status` });
    expect(contents).toEqual([
      expect.objectContaining({
        mimeType: "application/json",
        text: expect.stringContaining(taskId),
      }),
    ]);
    for (const uri of ["task://none/status", "file:///etc/passwd"]) {
      await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32_602 });
    }
  });

  test("an agent's token makes the caller that agent", async () => {
    const to = await serving();
    const { token, taskId, agentId } = await to.operations.seed();
    const client = await connected(to, kind, token);
    await client.callTool({
      name: "update_agent_progress",
      arguments: { task_id: taskId, agent_id: agentId, status: "working", message: "on it" },
    });
    expect(to.operations.seen.at(-1)?.caller).toMatchObject({ kind: "agent", agentId, taskId });
  });
});

describe("change notices", () => {
  test.for(MATRIX)("reach subscribers: $era over $transport", async (kind) => {
    const to = await serving();
    const { taskId, token } = await to.operations.seed();
    const client = await connected(to, kind);
    const uri = `task://${taskId}/progress-timeline`;
    const told: string[] = [];
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      told.push(params.uri);
    });
    if (kind.era === "legacy" && kind.transport === "http") {
      // Stateless: nothing could be sent later, so nothing is promised.
      expect(client.getServerCapabilities()?.resources?.subscribe ?? false).toBe(false);
      return;
    }
    expect(client.getServerCapabilities()?.resources?.subscribe).toBe(true);
    if (kind.era === "legacy") await client.subscribeResource({ uri });
    else await client.listen({ resourceSubscriptions: [uri] });
    await vi.waitFor(() => {
      to.operations.emit("agent.progress", taskId);
      to.operations.emit("agent.progress", "TASK-19990101-000000-00000000");
      expect(told.length).toBeGreaterThan(0);
    });
    expect(new Set(told)).toEqual(new Set([uri]));

    const agent = await connected(to, kind, token);
    expect(agent.getServerCapabilities()?.resources?.subscribe ?? false).toBe(false);
  });

  test("a subscription does not hold up closing", async () => {
    const to = await serving();
    const client = await connected(to, { era: "modern", transport: "http" });
    const subscription = await client.listen({ resourceSubscriptions: ["tasks://list"] });
    await to.served.close();
    await expect(subscription.closed).resolves.toBe("graceful");
  });
});

describe("bad input", () => {
  const deploy = (over: object) => ({
    task_id: "TASK-1",
    agent_type: "builder",
    prompt: "go",
    ...over,
  });
  const report = (over: object) => ({
    task_id: "TASK-1",
    agent_id: "a",
    status: "working",
    message: "m",
    ...over,
  });
  const status = (task_id: string) => ({ task_id });
  test.for([
    ["deploy_headless_agent", "agent_type", deploy({ agent_type: "a;rm -rf ~" })],
    ["deploy_headless_agent", "agent_type", deploy({ agent_type: "$(x)" })],
    ["deploy_headless_agent", "agent_type", deploy({ agent_type: "a".repeat(200) })],
    ["deploy_headless_agent", "agent_type", deploy({ agent_type: "../up" })],
    ["deploy_headless_agent", "agent_type", deploy({ agent_type: "größe" })],
    ["deploy_headless_agent", "agent_type", deploy({ agent_type: "nul\0" })],
    ["deploy_headless_agent", "prompt", deploy({ prompt: "" })],
    ["deploy_headless_agent", "prompt", deploy({ prompt: " \n\t" })],
    ["deploy_headless_agent", "promt", deploy({ promt: "typo" })],
    ["deploy_headless_agent", "env.A", deploy({ env: { A: 1 } })],
    ["create_real_task", "priority", { description: "0123456789", priority: "P9" }],
    ["create_real_task", "description", { description: "short" }],
    ["create_real_task", "description", {}],
    ["update_agent_progress", "progress", report({ progress: -1 })],
    ["update_agent_progress", "progress", report({ progress: 101 })],
    ["update_agent_progress", "progress", report({ progress: "50" })],
    ["update_agent_progress", "progress", report({ progress: 1.5 })],
    ["update_agent_progress", "status", report({ status: "done" })],
    ["get_real_task_status", "task_id", status("a".repeat(10_240))],
    ["get_real_task_status", "task_id", status("")],
    ["get_resource_report", "scope", { scope: "machine" }],
    ["get_resource_report", "id", { scope: "task" }],
    ["get_resource_report", "id", { scope: "daemon", id: "TASK-1" }],
    ["sweep_resources", "apply", { apply: "yes" }],
    ["sweep_resources", "plan_id", { plan_id: "plan-1" }],
  ] as const)("%s refuses %s by name", async ([name, parameter, given]) => {
    const to = await serving();
    const client = await connected(to, { era: "modern", transport: "http" });
    const answer = await client.callTool({ name, arguments: { ...given } });
    expect(answer).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "INPUT_INVALID", details: { parameter } } },
    });
    const [block] = answer.content;
    const said = block?.type === "text" ? block.text : "";
    expect(said).toContain(`INPUT_INVALID: "${parameter}"`);
    expect(said).toContain(`call ${name} again`);
    expect(said.length).toBeLessThan(800);
    expect(said).not.toMatch(/[^\P{C}\n]/u);
    expect(to.operations.seen).toEqual([]);
  });

  test.for(["../../etc/passwd", "nul\0byte", "Ünïcode‮", "TASK-20261122-120000-zzzzzzzz"])(
    "the id %j reaches nothing and finds nothing",
    async (task_id) => {
      const client = await connected(await serving(), { era: "modern", transport: "http" });
      const answer = await client.callTool({
        name: "get_real_task_status",
        arguments: { task_id },
      });
      expect(answer).toMatchObject({ structuredContent: { error: { code: "TASK_NOT_FOUND" } } });
    },
  );

  test("invalid JSON over HTTP is a JSON-RPC parse error", async () => {
    const to = await serving();
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    const answer = await overLoopback(to, "/mcp", { body: "{nonsense", headers });
    expect(answer).toMatchObject({ status: 400, json: { error: { code: -32_700 } } });
  });
});

/** A bridge spoken to by hand: lines in, lines out, and how it ended. */
function rawBridge(...args: string[]) {
  const child = spawn(process.execPath, [BRIDGE, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {},
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, exit, stdout: text(child.stdout), stderr: text(child.stderr) };
}

const line = (message: unknown) => `${JSON.stringify(message)}\n`;
const HELLO = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "raw", version: "1" },
  },
};
const CREATE = {
  jsonrpc: "2.0",
  id: 2,
  method: "tools/call",
  params: { name: "create_real_task", arguments: { description: "a task of the tests" } },
};

describe("the stdio bridge", () => {
  test("answers what is no JSON or no message with an error, and goes on", async () => {
    const to = await serving();
    const { child, exit, stdout, stderr } = rawBridge(to.socketPath);
    child.stdin.write(`{nonsense\n\n[]\n{"jsonrpc":"1.0","id":"x"}\n`);
    child.stdin.end(line(HELLO) + line(CREATE));
    expect(await exit).toBe(0);
    const answers = (await stdout)
      .trim()
      .split("\n")
      .map(
        (answer) =>
          JSON.parse(answer) as { id: unknown; error?: { code: number }; result?: object },
      );
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
      [null, -32_700],
      [null, -32_600],
      ["x", -32_600],
      [1, undefined],
      [2, undefined],
    ]);
    expect(answers[4]?.result).toMatchObject({ structuredContent: { status: "open" } });
    expect(await stderr).toContain("this belongs on stderr");
    expect(to.operations.seen[0]?.caller).toEqual({ kind: "client", cwd: process.cwd() });
  });

  test("ends when its client does, even in the middle of a call", async () => {
    const to = await serving();
    const release = to.operations.hold();
    onTestFinished(release);
    const { child, exit } = rawBridge(to.socketPath);
    child.stdin.write(line(HELLO) + line(CREATE));
    await vi.waitFor(() => expect(to.operations.seen).toHaveLength(1), 5_000);
    child.stdin.end();
    expect(await exit).toBe(0);
    expect(gone(child.pid ?? 0)).toBe(true);
  });

  test("without a daemon and no way to start one it says so", async () => {
    const client = new Client({ name: "test", version: "1" });
    onTestFinished(() => client.close());
    await client.connect(stdioTransport(join(await testFolder(), "none.sock"), CLIENT_TOKEN));
    const answer = await client.callTool({
      name: "get_real_task_status",
      arguments: { task_id: "T" },
    });
    expect(answer).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "DAEMON_UNREACHABLE", details: { sent: false } } },
    });
  });

  test("starts one daemon for several calls at once, and the next bridge finds it", async () => {
    const socketPath = join(await testFolder(), "d.sock");
    const first = new StdioClientTransport({
      command: process.execPath,
      args: [BRIDGE, socketPath, "start"],
      env: {},
      stderr: "pipe",
    });
    let words = "";
    first.stderr?.on("data", (chunk: Buffer) => (words += chunk.toString()));
    const clients = [0, 1].map(() => new Client({ name: "test", version: "1" }));
    const [one, two] = clients as [Client, Client];
    const pids = () => [...words.matchAll(/daemon (\d+)/g)].map(([, pid]) => Number(pid));
    onTestFinished(async () => {
      await Promise.all(clients.map((client) => client.close()));
      for (const pid of pids()) process.kill(pid, "SIGTERM");
      await vi.waitFor(() => expect(pids().every(gone)).toBe(true), 5_000);
      expect(existsSync(socketPath)).toBe(false);
    });
    await one.connect(first);
    const create = (client: Client, arguments_ = { description: "a task of the tests" }) =>
      client.callTool({ name: "create_real_task", arguments: arguments_ });
    const answers = await Promise.all([create(one), create(one), create(one)]);
    for (const answer of answers) expect(answer.isError).not.toBe(true);
    expect(pids()).toHaveLength(1);
    await two.connect(stdioTransport(socketPath, CLIENT_TOKEN, "start"));
    const status = await two.readResource({ uri: "tasks://list" });
    // The fake daemon begins with one task of its own.
    expect(JSON.parse((status.contents[0] as { text: string }).text)).toHaveLength(4);
  });

  test("several bridges work side by side on one daemon", async () => {
    const to = await serving();
    const kinds: Kind[] = ERAS.map((era) => ({ era, transport: "stdio" }));
    const clients = await Promise.all(kinds.map((kind) => connected(to, kind)));
    to.operations.failNext(new Fault("LIMIT_REACHED", "Full.", { hint: "Wait." }));
    const answers = await Promise.all(
      clients.map((client) =>
        client.callTool({ name: "create_real_task", arguments: { description: "0123456789" } }),
      ),
    );
    expect(answers.filter(({ isError }) => isError === true)).toHaveLength(1);
  });
});
