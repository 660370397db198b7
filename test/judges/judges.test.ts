/**
 * The MCP server before the judges that others use: the inspector and the conformance suite.
 *
 * They are a package of their own, so that nobody who only builds Corral installs them:
 * `npm ci --ignore-scripts --prefix test/judges`, then run this file.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { TOOL_NAMES } from "../../src/contract/tools.ts";
import { CLIENT_TOKEN } from "../helpers/fake-operations.ts";
import { serving, testFolder } from "../helpers/serving.ts";
import type { Serving } from "../helpers/serving.ts";
import { addToken } from "./token-adder.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const BIN = join(HERE, "node_modules", ".bin");
const BRIDGE = fileURLToPath(new URL("../fixtures/surface/bridge.ts", import.meta.url));
const INSTALLED = existsSync(join(BIN, "mcp-inspector")) && existsSync(join(BIN, "conformance"));
const MISSING = "the judges are not installed: npm ci --ignore-scripts --prefix test/judges";
const run = promisify(execFile);

/** What both judges may know of this machine; a home of their own keeps their files out of ours. */
async function surroundings() {
  const cwd = await testFolder();
  const env = { PATH: process.env["PATH"], HOME: cwd, MCP_INSPECTOR_SECRET_STORE: "memory" };
  return { cwd, env };
}

async function inspect(where: readonly string[], ...asked: string[]): Promise<unknown> {
  const inspector = join(BIN, "mcp-inspector");
  const { stdout } = await run(process.execPath, [inspector, "--cli", ...where, ...asked], {
    ...(await surroundings()),
    timeout: 30_000,
  });
  return JSON.parse(stdout);
}

function inspected(to: Serving, transport: "stdio" | "http"): readonly string[] {
  if (transport === "stdio") return [process.execPath, BRIDGE, to.socketPath];
  const header = `Authorization: Bearer ${CLIENT_TOKEN}`;
  return [`${to.served.url}/mcp`, "--transport", "http", "--header", header];
}

test("the judges are installed, or it is said how", ({ skip }) => {
  if (!INSTALLED) skip(MISSING);
  expect(INSTALLED).toBe(true);
});

describe.runIf(INSTALLED).for(["stdio", "http"] as const)("the inspector over %s", (transport) => {
  test("lists the tools", { timeout: 60_000 }, async () => {
    const where = inspected(await serving(), transport);
    const { tools } = (await inspect(where, "--method", "tools/list")) as {
      tools: { name: string }[];
    };
    expect(tools.map(({ name }) => name)).toEqual(TOOL_NAMES);
  });

  test("calls a tool, and is told what is wrong with a call", { timeout: 60_000 }, async () => {
    const to = await serving();
    const where = inspected(to, transport);
    const call = ["--method", "tools/call", "--tool-name", "create_real_task", "--tool-arg"];
    const made = await inspect(where, ...call, "description=a task of the judges");
    expect(made).toMatchObject({ structuredContent: { status: "open" } });
    const refused = await inspect(where, ...call, "description=short").catch(
      (error: unknown) => JSON.parse((error as { stdout: string }).stdout) as unknown,
    );
    expect(refused).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "INPUT_INVALID" } },
    });
    expect(to.operations.seen).toHaveLength(1);
  });

  test("reads a resource", { timeout: 60_000 }, async () => {
    const where = inspected(await serving(), transport);
    const read = await inspect(where, "--method", "resources/read", "--uri", "tasks://list");
    expect(read).toMatchObject({ contents: [{ uri: "tasks://list", text: "[]" }] });
  });
});

test.runIf(INSTALLED)(
  "the conformance suite finds nothing that the baseline does not explain",
  { timeout: 120_000 },
  async () => {
    const to = await serving();
    const proxy = await addToken(to.served.port, CLIENT_TOKEN);
    onTestFinished(() => proxy.close());
    const args = [
      "server",
      "--url",
      proxy.url,
      "--expected-failures",
      join(HERE, "conformance-baseline.yml"),
    ];
    const { stdout } = await run(process.execPath, [join(BIN, "conformance"), ...args], {
      ...(await surroundings()),
      timeout: 110_000,
      maxBuffer: 16 * 1_024 * 1_024,
    });
    for (const passed of [
      "server-initialize",
      "ping",
      "tools-list",
      "resources-list",
      "dns-rebinding-protection",
    ]) {
      expect(stdout).toContain(`✓ ${passed}`);
    }
  },
);
