/** What callers may do though it looks odd; and that an agent acts only as itself. */
import { chmodSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { AgentsAnswer } from "../../src/contract/api.ts";
import type { ToolName } from "../../src/contract/tools.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { sessionsOf, everything } from "./given-back.ts";
import {
  deploy,
  type Deployed,
  faultOf,
  newTask,
  outputOf,
  QUICK,
  read,
  shell,
  sleepTag,
  waitClean,
  waitCleanOne,
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

describe("an agent acts only as itself", () => {
  test("not as another, not upon its parent, its task or other tasks", async () => {
    const parent = await deploy(world, client, QUIET, { taskId });
    const asParent = await world.mcp({ token: parent.token });
    const child = await callTool(asParent, "spawn_child_agent", {
      task_id: taskId,
      parent_agent_id: parent.id,
      child_agent_type: "child",
      child_prompt: "Be a child.",
      command: shell(`printf %s "$CORRAL_TOKEN" >child-token; exec sleep ${QUIET[1]}`),
    });
    const token = await waitFor(
      "the child's token",
      () => read(join(cwd, "child-token")) || undefined,
    );
    const asChild = await world.mcp({ token });
    const report = { status: "working", message: "It was not me." };
    const spawn = { child_agent_type: "x", child_prompt: "x", command: ["/bin/true"] };
    const before = await everything(world, cwd);
    const calls = [
      ["update_agent_progress", { task_id: taskId, agent_id: parent.id, ...report }],
      ["update_agent_progress", { task_id: running.taskId, agent_id: running.id, ...report }],
      [
        "report_agent_finding",
        { task_id: taskId, agent_id: parent.id, finding_type: "x", severity: "low", message: "x" },
      ],
      ["kill_real_agent", { task_id: taskId, agent_id: parent.id }],
      ["kill_real_agent", { task_id: taskId, agent_id: child.agent_id }],
      ["kill_real_agent", { task_id: running.taskId, agent_id: running.id }],
      ["get_agent_output", { task_id: taskId, agent_id: parent.id }],
      ["get_real_task_status", { task_id: running.taskId }],
      ["spawn_child_agent", { task_id: taskId, parent_agent_id: parent.id, ...spawn }],
      ["create_real_task", { description: "An agent's own task." }],
      [
        "deploy_headless_agent",
        { task_id: taskId, agent_type: "x", prompt: "x", command: ["/bin/true"] },
      ],
    ] as const satisfies readonly (readonly [ToolName, object])[];
    for (const [tool, input] of calls) {
      expect((await faultOf(asChild, tool, input)).code, tool).toBe("FORBIDDEN");
    }
    expect(await everything(world, cwd)).toEqual(before);

    const grandchild = await callTool(asChild, "spawn_child_agent", {
      task_id: taskId,
      parent_agent_id: child.agent_id,
      child_agent_type: "grandchild",
      child_prompt: "Be a child of a child.",
      command: QUIET,
    });
    expect(grandchild).toMatchObject({ parent: child.agent_id, depth: 3 });
    const below = { task_id: taskId, agent_id: grandchild.agent_id };
    await callTool(asParent, "get_agent_output", below);
    expect(await callTool(asParent, "kill_real_agent", { ...below, grace_s: 0 })).toMatchObject({
      status: "killed",
      receipt: { cleanup: { state: "clean" } },
    });

    const own = { task_id: taskId, agent_id: child.agent_id, ...report };
    expect(await callTool(asChild, "update_agent_progress", own)).toMatchObject({
      own_update: { agent_id: child.agent_id },
    });
    const killed = { task_id: taskId, agent_id: child.agent_id, grace_s: 0 };
    expect(await callTool(asParent, "kill_real_agent", killed)).toMatchObject({ status: "killed" });
    await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: parent.id, grace_s: 0 });
  });
});

describe("odd, and right", () => {
  test.each([
    ["node.js", /^agent_node_js-\d{6}-[0-9a-f]{6}$/],
    ["my_type-2", /^agent_my_type-2-\d{6}-[0-9a-f]{6}$/],
    ["a".repeat(64), /^agent_a{64}-/],
  ])("the agent type %s has a session of a safe name", async (type, session) => {
    const agent = await deploy(world, client, QUIET, { type, taskId });
    expect(agent.answer.tmux_session).toMatch(session);
    expect(sessionsOf(world)).toContain(agent.answer.tmux_session);
    await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: agent.id, grace_s: 0 });
    expect(sessionsOf(world)).not.toContain(agent.answer.tmux_session);
  });

  test("a symbolic link to a folder elsewhere is followed once, and the real folder is told", async () => {
    const real = join(world.folder, "elsewhere");
    mkdirSync(real);
    symlinkSync(real, join(world.home, "link"));
    const made = await newTask(world, client, { client_cwd: join(world.home, "link") });
    expect(made.workspace.startsWith(`${realpathSync(real)}/.agent-workspace/TASK-`)).toBe(true);
    const status = await callTool(client, "get_real_task_status", { task_id: made.taskId });
    expect(status.task.client_cwd).toBe(realpathSync(real));
    const agent = await deploy(world, client, shell("pwd -P; echo $PWD"), { taskId: made.taskId });
    await waitCleanOne(world, agent.id);
    expect(await outputOf(client, agent)).toBe(`${realpathSync(real)}\n${realpathSync(real)}`);
  });

  test("a prompt of a million characters arrives whole", async () => {
    const prompt = `${"ä😀 'x'\\\n".repeat(110_000)}end`.slice(-1_000_000);
    const agent = await deploy(world, client, shell("cat >prompt-seen"), { taskId, prompt });
    await waitCleanOne(world, agent.id);
    expect(read(join(cwd, "prompt-seen"))?.includes(prompt.trim())).toBe(true);
  });

  test("arguments and environment arrive exactly", async () => {
    const argv = [
      "",
      " ",
      "a b",
      "'",
      '"',
      "$(id)",
      "`id`",
      "\\",
      "\n",
      "*",
      "-n",
      "--",
      "ü😀",
      "a\tb",
      "%s",
      "!",
    ];
    const env = {
      QUOTES: `'"\`$(id)\\`,
      LINES: "a\nexport EVIL=1\n\nb\n",
      EMPTY: "",
      unicode_9: "ü😀",
      SPACES: "  x  ",
    };
    const program =
      "process.stdout.write(JSON.stringify({argv:process.argv.slice(1),env:process.env}))";
    const agent = await deploy(world, client, [process.execPath, "-e", program, "--", ...argv], {
      taskId,
      env,
    });
    const end = await waitCleanOne(world, agent.id);
    expect(end.status).toBe("completed");
    const seen = JSON.parse(await outputOf(client, agent)) as {
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    };
    expect(seen.argv).toEqual(argv);
    expect(seen.env).toMatchObject(env);
    expect(seen.env).not.toHaveProperty("EVIL");
    expect(seen.env).not.toHaveProperty("CORRAL_TEST_ROOT");
  });

  test("a client that goes away in the middle of its deploy: it is finished and accounted for", async () => {
    const hasLeft = join(world.folder, "has-left");
    const { taskId: own } = await newTask(world, client);
    const controller = new AbortController();
    const body = JSON.stringify({
      task_id: own,
      agent_type: "worker",
      prompt: "Go on.",
      command: shell(`echo started >'${hasLeft}'; exit 5`),
    });
    const asked = fetch(`${url}/api/tools/deploy_headless_agent`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${world.clientToken()}`,
        "content-type": "application/json",
      },
      body,
      signal: controller.signal,
    }).catch(() => undefined);
    const agents = async (): Promise<readonly AgentView[]> =>
      AgentsAnswer.parse((await world.api(`/api/agents?task_id=${own}&all=1`)).body).agents;
    await waitFor("the deploy to begin", async () =>
      (await agents()).length > 0 ? true : undefined,
    );
    controller.abort();
    await asked;
    const [agent] = await agents();
    const [end] = await waitClean(world, [agent!.agent_id]);
    expect(end).toMatchObject({ status: "failed", exit_code: 5, cleanup: { state: "clean" } });
    expect(read(hasLeft)).toBe("started\n");
  });

  test("a folder without any right is root's all the same", async () => {
    const folder = join(world.folder, "closed");
    mkdirSync(folder, { mode: 0o000 });
    const isRoot = process.getuid?.() === 0;
    const input = { description: "A task in a closed folder.", client_cwd: folder };
    if (isRoot) expect((await callTool(client, "create_real_task", input)).status).toBe("open");
    else expect((await faultOf(client, "create_real_task", input)).code).toBe("CWD_UNUSABLE");
    chmodSync(folder, 0o700);
  });
});
