/** The fixture agents do what their first line says: a test with a tame hydra proves nothing. */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import { z } from "zod";
import { TOOLS } from "../../src/contract/tools.ts";
import { processes } from "../helpers/os-look.ts";

const AGENTS = join(import.meta.dirname, "../fixtures/agents");

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const child = spawn(join(AGENTS, name), args, { env: { ...process.env, ...env } });
  child.stdin.on("error", () => {}); // some end without reading it
  child.stdin.end("a prompt");
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (part: Buffer) => (stdout += part.toString()));
  child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
  const end = new Promise<End>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, end, output: () => stdout };
}

test("well-behaved reads its prompt, speaks on both streams and exits 0", async () => {
  expect(await start("well-behaved.sh").end).toEqual({
    code: 0,
    signal: null,
    stdout: "prompt: 8 bytes\ndone\n",
    stderr: "a warning\n",
  });
});

test.for([
  ["7", { code: 7, signal: null }],
  ["SEGV", { code: null, signal: "SIGSEGV" }],
  ["KILL", { code: null, signal: "SIGKILL" }],
] as const)("crasher %s", async ([how, expected]) => {
  expect(await start("crasher.sh", [how]).end).toMatchObject({ ...expected, stdout: "working\n" });
});

test("leaver exits and leaves four sleeps", async () => {
  const seconds = `298.${process.pid}`;
  const left = () => processes().filter(({ argv }) => argv.at(-1) === seconds && argv.length === 2);
  try {
    expect(await start("leaver.sh", [seconds]).end).toMatchObject({ code: 0, stdout: "left 4\n" });
    await expect.poll(() => left().length).toBe(4);
  } finally {
    for (const { pid } of left()) process.kill(pid, "SIGKILL");
  }
  await expect.poll(left).toEqual([]);
});

test("hanger ignores all but KILL", async () => {
  const { child, end, output } = start("hanger.pl");
  await expect.poll(output).toBe("ready\n");
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) child.kill(signal);
  child.kill("SIGKILL");
  expect(await end).toMatchObject({ code: null, signal: "SIGKILL" });
});

test("big-writer writes whole lines of 100 bytes", async () => {
  const { code, stdout } = await start("big-writer.pl", ["5000"]).end;
  expect(code).toBe(0);
  expect(stdout).toHaveLength(500_000);
  expect(stdout.slice(-100)).toMatch(/^line 000000005000 x+\n$/);
});

test("reporter says working, a finding, its steps and completed, as itself", async () => {
  const said: unknown[] = [];
  const handler = createMcpHandler(() => {
    const mcp = new McpServer({ name: "listener", version: "1.0.0" });
    for (const name of ["update_agent_progress", "report_agent_finding"] as const) {
      mcp.registerTool(name, { inputSchema: z.looseObject({}) }, (input) => {
        said.push(TOOLS[name].input.parse(input));
        return { content: [{ type: "text", text: "ok" }], structuredContent: {} };
      });
    }
    return mcp;
  });
  const handle = toNodeHandler(handler);
  const server = createServer((request, response) => {
    void handle(request as Parameters<typeof handle>[0], response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { end } = start("reporter.js", ["50"], {
    CORRAL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    CORRAL_TOKEN: "a-token",
    CORRAL_TASK_ID: "TASK-1",
    CORRAL_AGENT_ID: "agent-1",
  });
  expect(await end).toMatchObject({ code: 0, stderr: "" });
  const self = { task_id: "TASK-1", agent_id: "agent-1" };
  expect(said).toMatchObject([
    { ...self, status: "working", progress: 0 },
    { ...self, finding_type: "insight", severity: "low" },
    { ...self, status: "working", progress: 50 },
    { ...self, status: "completed", progress: 100 },
  ]);
  await handler.close();
  server.closeAllConnections();
  server.close();
});
