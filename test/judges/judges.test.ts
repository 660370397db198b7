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
import { testFolder } from "../helpers/serving.ts";
import { makeWorld, type World } from "../helpers/world.ts";
import { addToken } from "./token-adder.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const BIN = join(HERE, "node_modules", ".bin");
const LAUNCHER = fileURLToPath(new URL("../../bin/corral.js", import.meta.url));
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

/** The real daemon of a world of its own, and how the inspector reaches it. */
function inspected(world: World, url: string, transport: "stdio" | "http"): readonly string[] {
  if (transport === "stdio") {
    const state = `CORRAL_STATE_DIR=${world.paths.stateDir}`;
    return ["/usr/bin/env", state, process.execPath, LAUNCHER, "mcp"];
  }
  return [
    `${url}/mcp`,
    "--transport",
    "http",
    "--header",
    `Authorization: Bearer ${world.clientToken()}`,
  ];
}

test("the judges are installed, or it is said how", ({ skip }) => {
  if (!INSTALLED) skip(MISSING);
  expect(INSTALLED).toBe(true);
});

describe.runIf(INSTALLED).for(["stdio", "http"] as const)("the inspector over %s", (transport) => {
  test("lists the tools", { timeout: 60_000 }, async () => {
    await using world = await makeWorld();
    const { health } = await world.daemon();
    const where = inspected(world, health.url, transport);
    const { tools } = (await inspect(where, "--method", "tools/list")) as {
      tools: { name: string }[];
    };
    expect(tools.map(({ name }) => name)).toEqual(TOOL_NAMES);
  });

  test("calls a tool, and is told what is wrong with a call", { timeout: 60_000 }, async () => {
    await using world = await makeWorld();
    const { health } = await world.daemon();
    const where = inspected(world, health.url, transport);
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
    const read = (await inspect(where, "--method", "resources/read", "--uri", "tasks://list")) as {
      contents: { text: string }[];
    };
    const listed = JSON.parse(read.contents[0]?.text ?? "") as { tasks: { description: string }[] };
    expect(listed.tasks.map(({ description }) => description)).toEqual(["a task of the judges"]);
  });
});

test.runIf(INSTALLED)(
  "the conformance suite finds nothing that the baseline does not explain",
  { timeout: 120_000 },
  async () => {
    await using world = await makeWorld();
    const { health } = await world.daemon();
    const proxy = await addToken(Number(new URL(health.url).port), world.clientToken());
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
