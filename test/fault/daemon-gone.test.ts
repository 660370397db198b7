/** on_daemon_gone, from the deploy to the next daemon's account, with real daemons killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { lastComplaints } from "../helpers/fault-rounds.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";
import { processOf } from "../helpers/os-look.ts";

const STOP = { stop_after_s: 2 } as const;

async function sigkill(daemon: FaultDaemon): Promise<void> {
  daemon.child.kill("SIGKILL");
  expect((await daemon.end).signal).toBe("SIGKILL");
}

async function down(fault: FaultWorld, daemon: FaultDaemon): Promise<void> {
  await fault.api("/api/leave", { mode: "end" });
  expect(await daemon.end).toEqual({ code: 0, signal: null });
  expect(fault.remains()).toEqual([]);
}

function directoryOf(agent: AgentView): string {
  return (agent as unknown as { readonly workspace: string }).workspace;
}

function pidOf(agent: AgentView): number {
  const text = readFileSync(join(directoryOf(agent), "started.json"), "utf8");
  return (JSON.parse(text) as { readonly pid: number }).pid;
}

async function viewOf(fault: FaultWorld, { agent_id }: AgentView): Promise<AgentView> {
  return fault.api<AgentView>(`/api/agents/${agent_id}`);
}

test("a killed daemon: who is to be stopped is, who is to be kept is not, and the next one knows", async () => {
  await using fault = await makeFaultWorld();
  const first = await fault.start();
  const argv = ["/bin/sh", "-c", "setsid sleep 300 & exec sleep 300"];
  const kept = await fault.deploy(argv);
  const stopped = await fault.deploy(argv, { on_daemon_gone: STOP });
  expect(await viewOf(fault, kept)).toMatchObject({ on_daemon_gone: "keep" });
  expect(await viewOf(fault, stopped)).toMatchObject({ on_daemon_gone: STOP });
  const spec = readFileSync(join(directoryOf(stopped), "spec.json"), "utf8");
  expect(JSON.parse(spec)).toMatchObject({ on_daemon_gone: STOP });
  await sigkill(first);
  await waitFor("its end", () => existsSync(join(directoryOf(stopped), "exit.json")) || undefined);
  await waitFor("its process", () => (processOf(pidOf(stopped)) === undefined ? true : undefined));
  expect(processOf(pidOf(kept))).toBeDefined();

  const second = await fault.start();
  await fault.quiet();
  expect(await viewOf(fault, stopped)).toMatchObject({
    status: "killed",
    signal: "SIGTERM",
    reason: expect.stringContaining("on_daemon_gone") as string,
    cleanup: { state: "clean" },
  });
  expect(await viewOf(fault, kept)).toMatchObject({ status: "running" });
  expect(await lastComplaints(fault)).toEqual([]);
  await down(fault, second);
});

test("detach and a new daemon in time keep the agent, and the setting is the default", async () => {
  await using fault = await makeFaultWorld();
  const env = { CORRAL_ON_DAEMON_GONE: "10" };
  const first = await fault.start(env);
  const agent = await fault.deploy(["/bin/sleep", "300"]);
  expect(await viewOf(fault, agent)).toMatchObject({ on_daemon_gone: { stop_after_s: 10 } });
  await fault.api("/api/leave", { mode: "detach" });
  expect(await first.end).toEqual({ code: 0, signal: null });
  const second = await fault.start(env);
  await sleep(12_000);
  expect(await viewOf(fault, agent)).toMatchObject({ status: "running" });
  expect(await lastComplaints(fault)).toEqual([]);
  await down(fault, second);
});

test("with the daemon killed, and then the runner, no second runner starts while the agent lives", async () => {
  await using fault = await makeFaultWorld();
  const first = await fault.start();
  // Its terminal hangs up when its runner, which leads the session, is killed.
  const agent = await fault.deploy(["/bin/sh", "-c", "trap '' HUP; exec sleep 300"]);
  const directory = directoryOf(agent);
  const secondRunner = async (): Promise<unknown> => {
    const argv = [RUNNER_SCRIPT, directory, agent.tmux_session ?? "none"];
    const [code] = (await once(spawn("/bin/sh", argv, { stdio: "ignore" }), "exit")) as [number];
    return code;
  };
  await sigkill(first);
  expect(await secondRunner()).toBe(75);
  const { pid } = JSON.parse(readFileSync(join(directory, "runner.json"), "utf8")) as {
    readonly pid: number;
  };
  process.kill(pid, "SIGKILL");
  await waitFor("the runner's end", () => (processOf(pid) === undefined ? true : undefined));
  expect(await secondRunner()).toBe(75);
  expect(processOf(pidOf(agent))).toBeDefined();
  const second = await fault.start();
  await fault.quiet();
  expect((await viewOf(fault, agent)).status).toBe("lost");
  expect(await lastComplaints(fault)).toEqual([]);
  await down(fault, second);
});
