/**
 * Ways in which programs of this kind end or destroy what is not theirs, or say what is not so. Each test is named
 * after its class; docs/reliability.md lists them all, with the tests that lie elsewhere.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { errnoOf } from "../../src/kernel/fault.ts";
import { endChild, waitFor } from "../helpers/daemon-process.ts";
import { countByArgument, processes, processOf } from "../helpers/os-look.ts";
import { callTool, makeWorld, type RunningDaemon, type World } from "../helpers/world.ts";
import { expectGivenBack } from "./given-back.ts";
import {
  deploy,
  type Deployed,
  FOREVER,
  newTask,
  QUICK,
  shell,
  sleepTag,
  waitCleanOne,
} from "./support.ts";

const FREEZER = "/sys/fs/cgroup/freezer";

let world: World;
let daemon: RunningDaemon;
let client: Client;

beforeEach(async () => {
  world = await makeWorld();
  daemon = await world.daemon(QUICK);
  client = await world.mcp();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

async function restart(): Promise<void> {
  await daemon.stop("SIGKILL");
  daemon = await world.daemon(QUICK);
  client = await world.mcp();
}

async function kill({ id, taskId }: Deployed, grace_s = 0) {
  return await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: id, grace_s });
}

async function viewOf(id: string): Promise<AgentView> {
  return (await world.api(`/api/agents/${id}`)).body as AgentView;
}

/** A process that has nothing to do with Corral; ended by the test alone. */
function bystander(tag: string, cwd = "/"): ChildProcess {
  return spawn("sleep", [tag], { cwd, detached: true, stdio: "ignore" });
}

async function expectAlive(one: ChildProcess): Promise<void> {
  expect([one.exitCode, one.signalCode]).toEqual([null, null]);
  await endChild(one, 1_000, "SIGKILL");
}

test.runIf(process.getuid?.() === 0 && existsSync(join(FREEZER, "cgroup.procs")))(
  "stopped is not said before it is seen: a survivor is named, and its end believed only then",
  async () => {
    // What is frozen takes no KILL until it is thawed: the one survivor that a test can make.
    const tag = sleepTag();
    const frozen = join(FREEZER, `corral-survivor-${tag}`);
    mkdirSync(frozen);
    try {
      const agent = await deploy(world, client, shell(`sleep ${tag} & ${FOREVER}`));
      const survivor = await waitFor("its child", () =>
        processes().find(({ argv }) => argv.at(-1) === tag && argv.length === 2),
      );
      writeFileSync(join(frozen, "cgroup.procs"), String(survivor.pid));
      writeFileSync(join(frozen, "freezer.state"), "FROZEN");
      const { receipt } = await kill(agent);
      expect(receipt).toMatchObject({ cleanup: { state: "stuck" } });
      expect(receipt.survivors).toEqual([{ pid: survivor.pid, name: "sleep" }]);
      expect((await viewOf(agent.id)).cleanup.state).toBe("stuck");
      expect(processOf(survivor.pid)).toBeDefined();
      writeFileSync(join(frozen, "freezer.state"), "THAWED");
      await waitFor(
        "clean",
        async () => (await viewOf(agent.id)).cleanup.state === "clean" || undefined,
      );
      expect(countByArgument(tag)).toBe(0);
      await expectGivenBack(world, client, agent);
    } finally {
      writeFileSync(join(frozen, "freezer.state"), "THAWED");
      await waitFor("an empty group", () => removed(frozen));
    }
  },
);

function removed(group: string): true | undefined {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EBUSY") return undefined;
    throw error;
  }
}

test("one bad record does not keep the others from being loaded", async () => {
  const [bad, good] = [
    await deploy(world, client, shell(FOREVER)),
    await deploy(world, client, shell(FOREVER)),
  ];
  for (const name of ["runner.json", "started.json", "spec.json", "exit.json"]) {
    writeFileSync(join(bad.answer.workspace, name), '{"pid": "none", ');
  }
  await restart();
  await waitFor(
    "the good one",
    async () => (await viewOf(good.id)).status === "running" || undefined,
  );
  expect(await kill(good)).toMatchObject({ status: "killed" });
  expect(await kill(bad)).toMatchObject({ receipt: { cleanup: { state: "clean" } } });
  for (const one of [bad, good]) await expectGivenBack(world, client, one);
});

test("a record that names somebody else's process has nobody struck", async () => {
  const tag = sleepTag();
  const agent = await deploy(world, client, shell(FOREVER));
  const other = bystander(tag, agent.answer.workspace);
  const pid = other.pid ?? 0;
  const forged = JSON.stringify({ pid, start_ticks: processOf(pid)?.startTicks });
  for (const name of ["runner.json", "started.json"]) {
    writeFileSync(join(agent.answer.workspace, name), `${forged}\n`);
  }
  await restart();
  await kill(agent);
  await waitCleanOne(world, agent.id);
  expect((await world.corral(["sweep", "--apply"])).code).toBe(0);
  await expectAlive(other);
});

test("a start that failed can be killed, and a kill may come while it is being started", async () => {
  const { taskId, cwd } = await newTask(world, client);
  const failed = await client.callTool({
    name: "deploy_headless_agent",
    arguments: {
      task_id: taskId,
      agent_type: "worker",
      prompt: "Run.",
      command: ["/bin/true"],
      cwd: join(cwd, "none"),
    },
  });
  expect(failed.isError).toBe(true);
  const starting = deploy(world, client, shell(FOREVER), { taskId });
  const id = await waitFor("an agent that starts", async () => {
    const { agents } = (await world.api("/api/agents?all=1")).body as { agents: AgentView[] };
    return agents.find(({ ended_at }) => ended_at === null)?.agent_id;
  });
  const killed = await callTool(client, "kill_real_agent", {
    task_id: taskId,
    agent_id: id,
    grace_s: 0,
  });
  expect(["killed", "failed"]).toContain(killed.status);
  await starting.catch(() => undefined); // it was killed before it was known to run
  const again = await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: id });
  expect(again).toMatchObject({ status: killed.status, receipt: { cleanup: { state: "clean" } } });
});

test("a daemon that is too busy to answer is not replaced by a second one", async () => {
  const agent = await deploy(world, client, shell(FOREVER));
  process.kill(daemon.pid, "SIGSTOP");
  const second = world.corral(["daemon"]);
  expect(await second).toMatchObject({ code: 4 });
  process.kill(daemon.pid, "SIGCONT");
  expect((await world.api("/api/health")).body).toMatchObject({ pid: daemon.pid });
  expect(await kill(agent)).toMatchObject({ status: "killed" });
});

test("tmux sessions of the user with the same and with similar names are not ours", async () => {
  const agent = await deploy(world, client, shell(FOREVER));
  const session = agent.answer.tmux_session ?? "";
  const env = { ...world.env, TMUX_TMPDIR: world.home };
  const tmux = (...words: readonly string[]) => spawnSync("tmux", words, { env, encoding: "utf8" });
  const names = [session, `${session}-mine`, session.slice(0, -2)].toSorted();
  for (const name of names) tmux("new-session", "-d", "-s", name, "sleep", "300");
  try {
    await kill(agent);
    await restart();
    expect((await world.corral(["sweep", "--apply"])).code).toBe(0);
    expect((await world.corral(["down"])).code).toBe(0);
    const listed = tmux("list-sessions", "-F", "#{session_name}").stdout;
    expect(listed.split("\n").filter(Boolean).toSorted()).toEqual(names);
  } finally {
    tmux("kill-server");
  }
});

test("work that is not committed or not pushed stays as it is, whatever ends", async () => {
  const repository = world.repo({ "kept.txt": "kept\n" });
  const git = (...words: readonly string[]) =>
    execFileSync("git", words, { cwd: repository, env: world.env, encoding: "utf8" });
  const work =
    "echo changed >kept.txt; echo new >new.txt; git -c user.name=a -c user.email=a@b commit -qm unpushed --allow-empty; echo more >>new.txt; echo done >../done";
  const agent = await deploy(world, client, shell(`${work}; ${FOREVER}`), { cwd: repository });
  await waitFor("its work", () => existsSync(join(world.folder, "done")) || undefined);
  const [status, log] = [git("status", "--porcelain"), git("log", "--format=%H %s")];
  expect(status).toContain("new.txt");
  await kill(agent);
  await restart();
  expect((await world.corral(["sweep", "--apply"])).code).toBe(0);
  expect((await world.corral(["down"])).code).toBe(0);
  expect([git("status", "--porcelain"), git("log", "--format=%H %s")]).toEqual([status, log]);
  expect(readFileSync(join(repository, "new.txt"), "utf8")).toBe("new\nmore\n");
});
