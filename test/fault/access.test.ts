/** Whoever was connected to a daemon that is killed goes on with the next one: agents, and clients. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { HealthAnswer } from "../../src/contract/api.ts";
import { errnoOf } from "../../src/kernel/fault.ts";
import { deploy, FOREVER, newTask, QUICK, shell } from "../e2e/support.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";

async function healthOf(world: World): Promise<HealthAnswer> {
  return HealthAnswer.parse((await world.api("/api/health")).body);
}

/** A process that is seen dead may have threads that still hold its socket for a moment. */
async function isRefused(path: string): Promise<true | undefined> {
  const { promise, resolve } = Promise.withResolvers<true | undefined>();
  const socket = connect(path, () => resolve(undefined));
  socket.on("error", (error) => resolve(errnoOf(error) === "ECONNREFUSED" ? true : undefined));
  return promise.finally(() => socket.destroy());
}

test.for(["2025", "2026"] as const)(
  "an agent's client of %s that saw its connection break reports again, with the same token",
  async (era) => {
    await using world = await makeWorld();
    const first = await world.daemon(QUICK);
    const agent = await deploy(world, await world.mcp(), shell(FOREVER));
    const client = await world.mcp({ token: agent.token, era });
    const report = async (message: string) =>
      callTool(client, "update_agent_progress", {
        task_id: agent.taskId,
        agent_id: agent.id,
        status: "working",
        message,
      });
    await report("Before.");
    expect((await first.stop("SIGKILL")).signal).toBe("SIGKILL");
    await expect(report("Nobody hears this.")).rejects.toThrow();
    const second = await world.daemon(QUICK);
    expect(second.health.url).toBe(first.health.url);
    expect((await report("Behind.")).own_update.message).toBe("Behind.");
    const { progress } = await callTool(await world.mcp(), "get_real_task_status", {
      task_id: agent.taskId,
    });
    expect(progress.map(({ message }) => message)).toEqual(["Before.", "Behind."]);
  },
);

test.for(["2025", "2026"] as const)(
  "a client of %s sees no error when its daemon was killed: its bridge starts the next one",
  async (era) => {
    await using world = await makeWorld();
    const first = await world.daemon(QUICK);
    const client = await world.mcp({ transport: "stdio", era });
    const { taskId } = await newTask(world, client);
    expect((await first.stop("SIGKILL")).signal).toBe("SIGKILL");
    const status = await callTool(client, "get_real_task_status", { task_id: taskId });
    expect(status.task.task_id).toBe(taskId);
    const second = await healthOf(world);
    expect(second.pid).not.toBe(first.pid);
    process.kill(second.pid, "SIGKILL");
    await waitFor("its socket's end", () => isRefused(world.paths.socket));
    // What was never sent may be sent to the next one, whatever it is.
    const { taskId: another } = await newTask(world, client);
    expect(another).not.toBe(taskId);
    expect((await healthOf(world)).pid).not.toBe(second.pid);
  },
);

test("several calls of one client after the death of its daemon start one daemon", async () => {
  await using world = await makeWorld();
  const first = await world.daemon(QUICK);
  const client = await world.mcp({ transport: "stdio" });
  const { taskId } = await newTask(world, client);
  await first.stop("SIGKILL");
  const answers = await Promise.all(
    Array.from({ length: 5 }, async () =>
      callTool(client, "get_real_task_status", { task_id: taskId }),
    ),
  );
  expect(answers.map(({ task }) => task.task_id)).toEqual(Array(5).fill(taskId));
  expect((await healthOf(world)).epoch).toBe(first.health.epoch + 1);
});

test("a wait that the death of the daemon cut short goes on with the next daemon", async () => {
  await using world = await makeWorld();
  const first = await world.daemon(QUICK);
  const client = await world.mcp({ transport: "stdio" });
  const agent = await deploy(world, client, shell("until [ -e go ]; do sleep 0.02; done; exit 6"));
  const waiting = callTool(client, "wait_for_agents", {
    task_id: agent.taskId,
    agent_ids: [agent.id],
    timeout_s: 40,
  });
  await sleep(1_000); // it has been sent by now, or the bridge is slower than the daemon's death
  await first.stop("SIGKILL");
  await waitFor("the next daemon", () => healthOf(world).catch(() => undefined));
  await world.corral(["kill", agent.id, "--grace", "0"]);
  const answer = await waiting;
  expect(answer.agents).toMatchObject([{ agent_id: agent.id, status: "killed" }]);
});
