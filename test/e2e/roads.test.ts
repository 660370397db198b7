/**
 * The roads on which an agent ends by itself, over both hosts and both containments. Each ends the
 * same way: settled once with the truth, everything given back, and the system agrees.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../helpers/daemon-process.ts";
import { countByArgument } from "../helpers/os-look.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { expectGivenBack } from "./given-back.ts";
import {
  deploy,
  type Deployed,
  FIXTURES,
  FOREVER,
  MATRIX,
  newTask,
  outputOf,
  QUICK,
  shell,
  sleepTag,
  waitCleanOne,
} from "./support.ts";

describe.each(MATRIX)("$name", ({ env }) => {
  let world: World;
  let client: Client;
  beforeAll(async () => {
    world = await makeWorld();
    await world.daemon({ ...QUICK, ...env });
    client = await world.mcp();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** Deploys, waits for the end, and sees that everything was given back. */
  async function take(command: readonly string[], more = {}) {
    const agent = await deploy(world, client, command, more);
    const end = await waitCleanOne(world, agent.id);
    const receipt = await expectGivenBack(world, client, agent);
    return { agent, end, receipt };
  }

  test("it says something and exits 0", async () => {
    const { agent, end } = await take(shell("cat >/dev/null; echo hello; printf last"));
    expect(end).toMatchObject({ status: "completed", exit_code: 0, signal: null });
    expect(end).toMatchObject({ reported: null, host: env.CORRAL_HOST });
    expect(await outputOf(client, agent)).toBe("hello\nlast");
  });

  test("it exits 7: the reason has its stderr", async () => {
    const { agent, end } = await take(shell("echo half; echo 'no such table' >&2; exit 7"));
    expect(end).toMatchObject({ status: "failed", exit_code: 7, signal: null });
    expect(end.reason).toMatch(/exited with code 7.*no such table/);
    expect(await outputOf(client, agent)).toBe("half");
  });

  test("it crashes", async () => {
    const { agent, end } = await take(shell("ulimit -c 0; echo before; kill -SEGV $$"));
    expect(end).toMatchObject({ status: "failed", exit_code: null, signal: "SIGSEGV" });
    expect(end.reason).toContain("SIGSEGV");
    expect(await outputOf(client, agent)).toBe("before");
  });

  test("somebody kills it with SIGKILL", async () => {
    const agent = await deploy(world, client, shell(`echo ready; ${FOREVER}`));
    process.kill(agent.pid, "SIGKILL");
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "failed", exit_code: null, signal: "SIGKILL" });
    await expectGivenBack(world, client, agent);
  });

  test("it claims completion and leaves by itself", async () => {
    const { end } = await take([process.execPath, join(FIXTURES, "reporter.js"), "50"]);
    expect(end).toMatchObject({
      status: "completed",
      exit_code: 0,
      signal: null,
      reported: { status: "completed", progress: 100 },
      reason: "completed",
    });
  });

  test("it claims completion and stays: it is stopped, and completed all the same", async () => {
    const agent = await deploy(world, client, shell(`trap 'exit 3' INT; ${FOREVER}`));
    await claim(agent);
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "completed", exit_code: 3, signal: null });
    expect(end.reason).toMatch(/claimed completion/);
    await expectGivenBack(world, client, agent);
  });

  test("it claims completion and ignores what asks politely", async () => {
    const agent = await deploy(world, client, shell(`trap '' INT TERM; ${FOREVER}`));
    await claim(agent);
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "completed", exit_code: null, signal: "SIGKILL" });
    await expectGivenBack(world, client, agent);
  });

  async function claim({ id, taskId, token }: Deployed): Promise<void> {
    const self = await world.mcp({ token });
    const { validation } = await callTool(self, "update_agent_progress", {
      task_id: taskId,
      agent_id: id,
      status: "completed",
      message: "Read all files and verified that nothing needs a fix.",
      progress: 100,
    });
    expect(validation).toMatchObject({ accepted: true, mode: "warn" });
  }

  test("it exits 0 and leaves daemons behind: they are gone", async () => {
    const tag = sleepTag();
    const { end, receipt } = await take(["/bin/sh", join(FIXTURES, "leaver.sh"), tag]);
    expect(end).toMatchObject({ status: "completed", exit_code: 0, signal: null });
    expect(countByArgument(tag)).toBe(0);
    expect(receipt.survivors).toEqual([]);
  });

  test("its workspace is deleted under it", async () => {
    const { taskId, workspace } = await newTask(world, client);
    const agent = await deploy(
      world,
      client,
      shell("until [ -e go ]; do sleep 0.02; done; exit 4"),
      {
        taskId,
      },
    );
    rmSync(workspace, { recursive: true });
    process.kill(agent.pid, "SIGTERM");
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "failed", exit_code: null, signal: "SIGTERM" });
    await expectGivenBack(world, client, agent);
  });

  test("its folder is deleted under it", async () => {
    const agent = await deploy(world, client, shell(`trap 'exit 6' USR1; : >ready; ${FOREVER}`));
    await waitFor("its trap", () => existsSync(join(agent.cwd, "ready")) || undefined);
    rmSync(agent.cwd, { recursive: true });
    process.kill(agent.pid, "SIGUSR1");
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "failed", exit_code: 6, signal: null });
    await expectGivenBack(world, client, agent);
  });

  test("its own directory is deleted under it: it is lost, and gone", async () => {
    const tag = sleepTag();
    const agent = await deploy(world, client, shell(`setsid sleep ${tag} & ${FOREVER}`));
    await waitFor("its daemon", () => (countByArgument(tag) === 1 ? true : undefined));
    rmSync(agent.answer.workspace, { recursive: true });
    process.kill(agent.pid, "SIGKILL");
    const end = await waitCleanOne(world, agent.id);
    expect(end).toMatchObject({ status: "lost", exit_code: null });
    expect(countByArgument(tag)).toBe(0);
  });
});
