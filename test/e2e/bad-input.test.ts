/**
 * What callers must not be able to do by accident or on purpose, through MCP, HTTP and the command
 * line: each refusal has its code, a sentence and a next step, and nothing was made.
 */
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ToolName } from "../../src/contract/tools.ts";
import type { FaultWire } from "../../src/kernel/fault.ts";
import { makeWorld, type World } from "../helpers/world.ts";
import { everything } from "./given-back.ts";
import {
  deploy,
  type Deployed,
  expectSpeaks,
  faultOf,
  newTask,
  QUICK,
  sleepTag,
} from "./support.ts";

/** Starts no process of its own, so that processes can be compared. */
const QUIET = ["/bin/sleep", sleepTag()] as const;

let world: World;
let client: Client;
let url: string;
let taskId: string;
let cwd: string;
let running: Deployed;

beforeAll(async () => {
  world = await makeWorld();
  url = (await world.daemon(QUICK)).health.url;
  client = await world.mcp();
  running = await deploy(world, client, QUIET);
  ({ taskId, cwd } = await newTask(world, client));
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const ODD_IDS = [
  "TASK-20200101-000000-00000000",
  "../../../../etc/passwd",
  "..",
  ".",
  "worker-000000-abcdef/../x",
  "a\0b",
  "%00",
  "' OR 1=1 --",
  "ünïcödé-😀-\u202etxt",
  "\u001b[31mred",
  "\n",
] as const;

describe("refused", () => {
  let before: unknown;
  beforeEach(async () => {
    before = await everything(world, cwd);
  });
  afterEach(async () => {
    expect(await everything(world, cwd), "nothing was made").toEqual(before);
  });

  const deployInput = (more: object) => ({
    task_id: taskId,
    agent_type: "worker",
    prompt: "Run.",
    command: ["/bin/true"],
    ...more,
  });

  test.each(ODD_IDS)("a task or an agent of the name %j", async (id) => {
    const at = { task_id: id, agent_id: running.id };
    const own = { task_id: running.taskId, agent_id: id };
    const report = { status: "working", message: "x" };
    const calls = [
      ["get_real_task_status", { task_id: id }],
      ["deploy_headless_agent", deployInput({ task_id: id })],
      ["get_agent_output", at],
      ["kill_real_agent", at],
      ["update_agent_progress", { ...at, ...report }],
      ["get_agent_output", own],
      ["kill_real_agent", own],
      ["update_agent_progress", { ...own, ...report }],
      ["deploy_headless_agent", deployInput({ task_id: running.taskId, parent: id })],
    ] as const satisfies readonly (readonly [ToolName, object])[];
    for (const [tool, input] of calls) {
      const code =
        "task_id" in input && input.task_id === id ? "TASK_NOT_FOUND" : "AGENT_NOT_FOUND";
      expect((await faultOf(client, tool, input)).code, tool).toBe(code);
    }
    for (const route of ["", "/receipt", "/stream"]) {
      const { status, body } = await world.api(`/api/agents/${encodeURIComponent(id)}${route}`);
      const { error } = body as { readonly error: FaultWire };
      expect([status, error.code]).toEqual([404, "AGENT_NOT_FOUND"]);
      expectSpeaks(error);
    }
    // An argument of a program cannot hold a NUL.
    if (!id.includes("\0")) {
      const { code, stdout, stderr } = await world.corral(["kill", "--", id]);
      expect([code, stdout]).toEqual([3, ""]);
      expect(stderr).toMatch(/Next: /);
      expect(stderr).not.toContain("\u001b");
    }
  });

  test("an agent of another task", async () => {
    const input = { task_id: taskId, agent_id: running.id };
    expect((await faultOf(client, "kill_real_agent", input)).code).toBe("AGENT_NOT_FOUND");
    expect((await faultOf(client, "get_agent_output", input)).code).toBe("AGENT_NOT_FOUND");
  });

  test("ids of no or of 10 kB length", async () => {
    for (const id of ["", "x".repeat(10_000)]) {
      const error = await faultOf(client, "get_real_task_status", { task_id: id });
      expect(error).toMatchObject({ code: "INPUT_INVALID", details: { parameter: "task_id" } });
      const own = { task_id: running.taskId, agent_id: id };
      expect((await faultOf(client, "kill_real_agent", own)).code).toBe("INPUT_INVALID");
    }
  });

  test.each([
    "a;rm -rf ~",
    "$(x)",
    "`x`",
    "x".repeat(200),
    "-type",
    ".hidden",
    "..",
    "a/b",
    "a b",
    "",
    "ünï",
    "a\nb",
    "a\0b",
  ])("the agent type %j", async (type) => {
    const error = await faultOf(client, "deploy_headless_agent", deployInput({ agent_type: type }));
    expect(error).toMatchObject({ code: "INPUT_INVALID", details: { parameter: "agent_type" } });
    if (type.includes("\0")) return;
    const words = ["deploy", "--task", taskId, `--type=${type}`, "--", "/bin/true"];
    const { code, stderr } = await world.corral(words);
    expect(code).toBe(2);
    expect(stderr).toMatch(/Next: /);
  });

  test("a folder that is missing, a file, relative, or odd", async () => {
    writeFileSync(join(world.home, "file"), "");
    const folders = [
      [join(world.home, "missing"), /does not exist/],
      [join(world.home, "file"), /not a folder/],
      [join(world.home, "file/below"), /not a folder/],
      ["relative/path", /not an absolute path/],
      [".", /not an absolute path/],
      ["~", /not an absolute path/],
      ["", /not an absolute path/],
      ["/tmp/\0x", /NUL/],
      [`/${"x".repeat(300)}`, /too long/],
    ] as const;
    for (const [folder, why] of folders) {
      const make = { description: "A task in an odd folder.", client_cwd: folder };
      const error = await faultOf(client, "create_real_task", make);
      expect(error.code, folder).toBe("CWD_UNUSABLE");
      expect(error.message, folder).toMatch(why);
      const input = deployInput({ cwd: folder });
      expect((await faultOf(client, "deploy_headless_agent", input)).code).toBe("CWD_UNUSABLE");
    }
  });

  test("values out of range, of a wrong type or of no known name", async () => {
    const task = { description: "A task with something wrong." };
    const report = {
      task_id: running.taskId,
      agent_id: running.id,
      status: "working",
      message: "",
    };
    const calls = [
      ["create_real_task", { ...task, priority: "P9" }, "priority"],
      ["create_real_task", { ...task, description: "short" }, "description"],
      ["create_real_task", { ...task, description: "x".repeat(501) }, "description"],
      ["create_real_task", { ...task, limits: { running: 0 } }, "limits.running"],
      ["create_real_task", { ...task, colour: "red" }, "colour"],
      ["update_agent_progress", { ...report, progress: -1 }, "progress"],
      ["update_agent_progress", { ...report, progress: 101 }, "progress"],
      ["update_agent_progress", { ...report, progress: 0.5 }, "progress"],
      ["update_agent_progress", { ...report, progress: "50" }, "progress"],
      ["update_agent_progress", { ...report, status: "done" }, "status"],
      ["deploy_headless_agent", deployInput({ prompt: "" }), "prompt"],
      ["deploy_headless_agent", deployInput({ prompt: " \n" }), "prompt"],
      ["deploy_headless_agent", deployInput({ prompt: "x".repeat(1_000_001) }), "prompt"],
      ["deploy_headless_agent", deployInput({ command: [] }), "command"],
      ["deploy_headless_agent", deployInput({ command: "/bin/true" }), "command"],
      [
        "deploy_headless_agent",
        deployInput({ limits: { wall_clock_s: 0 } }),
        "limits.wall_clock_s",
      ],
      ["deploy_headless_agent", deployInput({ isolation: "vm" }), "isolation"],
      ["kill_real_agent", { ...report, status: undefined, grace_s: -1 }, undefined],
    ] as const satisfies readonly (readonly [ToolName, object, string | undefined])[];
    for (const [tool, input, parameter] of calls) {
      const error = await faultOf(client, tool, input);
      expect(error.code).toBe("INPUT_INVALID");
      if (parameter !== undefined) expect(error.details["parameter"]).toBe(parameter);
    }
  });

  test("environment names and arguments that no program can have", async () => {
    for (const env of [
      { "A B": "x" },
      { "1A": "x" },
      { "": "x" },
      { "A=B": "x" },
      { UID: "0" },
      { A: "x\0y" },
    ]) {
      const error = await faultOf(client, "deploy_headless_agent", deployInput({ env }));
      expect(error.code, JSON.stringify(env)).toBe("INPUT_INVALID");
    }
    const error = await faultOf(
      client,
      "deploy_headless_agent",
      deployInput({ command: ["/bin/echo", "a\0b"] }),
    );
    expect(error.code).toBe("INPUT_INVALID");
  });

  test("a program that does not exist, or is none", async () => {
    writeFileSync(join(cwd, "data.txt"), "no program", { mode: 0o644 });
    before = await everything(world, cwd);
    for (const program of ["no-such-program-here", "/no/such/program", "./data.txt", cwd, "../x"]) {
      const error = await faultOf(
        client,
        "deploy_headless_agent",
        deployInput({ command: [program] }),
      );
      expect(error, program).toMatchObject({ code: "HARNESS_MISSING", retryable: false });
    }
  });

  test("claude when it is not installed: how to install it is said", async () => {
    const error = await faultOf(client, "deploy_headless_agent", {
      task_id: taskId,
      agent_type: "builder",
      prompt: "Build.",
      harness: "claude",
      env: { PATH: "/nowhere" },
    });
    expect(error.code).toBe("HARNESS_MISSING");
    expect(error.hint).toMatch(/npm (?:install|i) .*@anthropic-ai\/claude-code/);
  });

  test("another's token, no token, a wrong token", async () => {
    const endpoint = `${url}/api/health`;
    const ask = async (headers: Record<string, string>) => {
      const response = await fetch(endpoint, { headers });
      const { error } = (await response.json()) as { readonly error?: FaultWire };
      if (error !== undefined) expectSpeaks(error);
      return [response.status, error?.code];
    };
    expect(await ask({})).toEqual([401, "TOKEN_INVALID"]);
    expect(await ask({ authorization: "Bearer wrong" })).toEqual([401, "TOKEN_INVALID"]);
    expect(await ask({ authorization: "Basic eDp5" })).toEqual([401, "TOKEN_INVALID"]);
    expect(await ask({ authorization: `Bearer ${world.clientToken()}x` })).toEqual([
      401,
      "TOKEN_INVALID",
    ]);
    expect(await ask({ authorization: `Bearer ${running.token}` })).toEqual([403, "FORBIDDEN"]);
    expect(await ask({ authorization: `Bearer ${world.clientToken()}` })).toEqual([200, undefined]);
  });

  test.each([
    ["host", "example.org"],
    ["host", "example.org:1"],
    ["host", "127.0.0.1.example.org"],
    ["origin", "https://example.org"],
    ["origin", "null"],
    ["origin", "http://127.0.0.1.example.org"],
  ])("a request with the %s %s", async (header, value) => {
    for (const path of ["/api/health", "/mcp"]) {
      const { status, body } = await raw(path, { [header]: value });
      const { error } = JSON.parse(body) as { readonly error: FaultWire };
      expect([status, error.code]).toEqual([403, "ORIGIN_REFUSED"]);
      expectSpeaks(error);
    }
  });

  /** fetch does not let one choose a Host. */
  function raw(path: string, headers: Record<string, string>) {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    const token = { authorization: `Bearer ${world.clientToken()}` };
    const asked = request(new URL(path, url), { headers: { ...token, ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => (body += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on("error", reject).end();
    return promise;
  }
});
