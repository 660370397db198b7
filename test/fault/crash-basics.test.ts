/** G3, G5, G7: whatever of Corral is killed, the agents go on, and how they ended is known. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { lastComplaints } from "../helpers/fault-rounds.ts";
import { identityOf, markedBy, sessionsOf } from "../helpers/fault-reckoning.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";
import { processOf } from "../helpers/os-look.ts";

const INFRASTRUCTURE_SOFT = 400_001;

async function sigkill(daemon: FaultDaemon): Promise<void> {
  daemon.child.kill("SIGKILL");
  expect((await daemon.end).signal).toBe("SIGKILL");
}

function recordOf({ workspace }: { workspace: string }, name: string): { pid: number } {
  return JSON.parse(readFileSync(join(workspace, name), "utf8")) as { pid: number };
}

async function viewOf(fault: FaultWorld, id: string): Promise<AgentView> {
  return await fault.api<AgentView>(`/api/agents/${id}`);
}

async function down(fault: FaultWorld, daemon: FaultDaemon): Promise<void> {
  await fault.api("/api/leave", { mode: "end" });
  expect(await daemon.end).toEqual({ code: 0, signal: null });
  expect(fault.remains()).toEqual([]);
}

test("agents outlive a killed daemon, are adopted, and can be stopped", async () => {
  await using fault = await makeFaultWorld();
  const first = await fault.start();
  const agents = [
    await fault.deploy(["/bin/sleep", "300"]),
    await fault.deploy(["/bin/sleep", "301"]),
  ];
  await sigkill(first);
  const second = await fault.start();
  expect((await fault.quiet()).map(({ status }) => status)).toEqual(["running", "running"]);
  expect(await lastComplaints(fault)).toEqual([]);
  const [one] = agents;
  const answer = await fault.api<{ status: string }>("/api/tools/kill_real_agent", {
    task_id: one!.task_id,
    agent_id: one!.agent_id,
    reason: "It was adopted.",
  });
  expect(answer.status).toBe("killed");
  expect(await lastComplaints(fault)).toEqual([]);
  await down(fault, second);
});

test.for([
  ["a code", "sleep 0.7; exit 23", { exit_code: 23, signal: null, status: "failed" }],
  ["a signal", "sleep 0.7; kill -9 $$", { exit_code: null, signal: "SIGKILL", status: "failed" }],
  ["success", "sleep 0.7", { exit_code: 0, signal: null, status: "completed" }],
] as const)("an agent that ends with %s while no daemon lives", async ([, script, expected]) => {
  await using fault = await makeFaultWorld();
  const first = await fault.start();
  const agent = await fault.deploy(["/bin/sh", "-c", script]);
  await sigkill(first);
  const exit = join((agent as unknown as { workspace: string }).workspace, "exit.json");
  await waitFor("the exit record", () => existsSync(exit) || undefined);
  const second = await fault.start();
  await fault.quiet();
  expect(await viewOf(fault, agent.agent_id)).toMatchObject(expected);
  expect(await lastComplaints(fault)).toEqual([]);
  await down(fault, second);
});

test("a killed runner: its agent is lost and ended, and so is its wall clock", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start();
  const agent = await fault.deploy(["/bin/sleep", "300"]);
  const directory = agent as unknown as { workspace: string };
  const { pid: runner } = recordOf(directory, "runner.json");
  const { pid: own } = recordOf(directory, "started.json");
  process.kill(runner, "SIGKILL");
  await waitFor("lost", async () =>
    (await viewOf(fault, agent.agent_id)).status === "lost" ? true : undefined,
  );
  await fault.quiet();
  expect(processOf(own)).toBeUndefined();
  expect(await lastComplaints(fault)).toEqual([]);
  const infrastructure = markedBy(identityOf(fault.world)).filter(
    ({ soft }) => soft === INFRASTRUCTURE_SOFT,
  );
  // The server and the daemon's own connection to it; no runner, no wall clock.
  expect(
    infrastructure.map(({ name }) => name).filter((name) => !name.startsWith("tmux:")),
  ).toEqual([]);
  await down(fault, daemon);
});

test("runner and daemon killed together: the next daemon ends what they leave", async () => {
  await using fault = await makeFaultWorld();
  const first = await fault.start();
  const agent = await fault.deploy(["/bin/sleep", "300"]);
  await sigkill(first);
  process.kill(recordOf(agent as unknown as { workspace: string }, "runner.json").pid, "SIGKILL");
  const second = await fault.start();
  await fault.quiet();
  expect((await viewOf(fault, agent.agent_id)).status).toBe("lost");
  expect(await lastComplaints(fault)).toEqual([]);
  await down(fault, second);
});

test("a killed tmux server: agents go on, their ends are true, later agents get a new one", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start();
  const before = await fault.deploy(["/bin/sh", "-c", "sleep 1; exit 31"]);
  const server = markedBy(identityOf(fault.world)).find(({ name }) => name === "tmux: server");
  process.kill(server!.pid, "SIGKILL");
  await waitFor("the server's end", () => (processOf(server!.pid) ? undefined : true));
  const { pid } = recordOf(before as unknown as { workspace: string }, "started.json");
  expect(processOf(pid)).toBeDefined();
  const after = await fault.deploy(["/bin/sleep", "300"]);
  expect(sessionsOf(fault.world)).toEqual([after.tmux_session]);
  await fault.api("/api/wait", { agent_ids: [before.agent_id], timeout_s: 20 });
  expect(await viewOf(fault, before.agent_id)).toMatchObject({ exit_code: 31, status: "failed" });
  expect(await lastComplaints(fault)).toEqual([]);
  await down(fault, daemon);
});

test("a second daemon on one state directory leaves with STATE_LOCKED and changes nothing", async () => {
  await using fault = await makeFaultWorld();
  const first = await fault.start();
  const before = fault.snapshot();
  const { code, stderr } = await fault.world.corral(["daemon"]);
  expect(code).toBe(4);
  expect(stderr).toContain("STATE_LOCKED");
  expect(fault.snapshot()).toEqual(before);
  expect((await fault.api<{ pid: number }>("/api/health")).pid).toBe(first.pid);
  await down(fault, first);
});

test("a database of a newer version is refused and left as it is", async () => {
  await using fault = await makeFaultWorld();
  const first = await fault.start();
  await down(fault, first);
  const { database: path } = fault.world.paths;
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 999; PRAGMA journal_mode = DELETE");
  database.close();
  const copy = `${path}.before`;
  copyFileSync(path, copy);
  const { code, stderr } = await fault.world.corral(["daemon"]);
  expect(code).toBe(6);
  expect(stderr).toContain("STATE_NEWER");
  expect(readFileSync(path).equals(readFileSync(copy))).toBe(true);
  const again = new DatabaseSync(path);
  again.exec("PRAGMA user_version = 1");
  again.close();
});

test("a lock file that something has overwritten keeps nobody out", async () => {
  await using fault = await makeFaultWorld();
  const first = await fault.start();
  await sigkill(first);
  const whole = readFileSync(fault.world.paths.lock);
  writeFileSync(fault.world.paths.lock, whole.subarray(0, Math.floor(whole.length / 2)));
  const second = await fault.start();
  await sleep(1);
  await down(fault, second);
});
