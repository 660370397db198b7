/**
 * G1, G2: a port that fails (disk full, I/O error, no permission) at any call of a deploy and of
 * a release leaves nothing behind: the deploy says so, and what could not be undone is tried again.
 */
import { readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import type { Injection } from "../helpers/fault-points.ts";
import { lastComplaints } from "../helpers/fault-rounds.ts";
import { type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";
import { processes, processOf } from "../helpers/os-look.ts";

/** Calls of a deploy from its admission on; all of them are made once or more in each. */
const OF_A_DEPLOY = [
  // Admission is one transaction: it has happened, or it has not.
  ["launchScripts.write", "EIO"],
  ["files.prepare", "ENOSPC"],
  ["files.prepare", "EACCES"],
  ["files.link", "EACCES"],
  ["containment.make", "EIO"],
  ["host.start", "EIO"],
  ["files.hasStarted", "EIO"],
  ["store.confirmResource", "ENOSPC"],
  ["store.markRunning", "ENOSPC"],
] as const;

/** Calls of an end and a release. */
const OF_AN_END = [
  "files.readExit",
  "containment.isAlive",
  "store.settle",
  "containment.look",
  "store.beginRelease",
  "store.revokeToken",
  "containment.remove",
  "containment.endCompanions",
  "host.release",
  "files.remove",
  "files.sizeOf",
  "store.recordReleases",
] as const;

interface Refused {
  readonly code: string;
  readonly message: string;
}

async function refusalOf(deploying: Promise<unknown>): Promise<Refused | null> {
  try {
    await deploying;
    return null;
  } catch (error) {
    return (JSON.parse((error as Error).message) as { error: Refused }).error;
  }
}

/** Pid of the sleeper that works in the folder. */
function sleeperIn(folder: string): number | undefined {
  const found = processes().find(({ pid, name }) => name === "sleep" && folderOf(pid) === folder);
  return found?.pid;
}

function folderOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null; // it has ended
  }
}

async function ended(fault: FaultWorld): Promise<readonly AgentView[]> {
  return await waitFor(
    "all clean",
    async () => {
      const agents = await fault.agents();
      const isDone = ({ ended_at, cleanup }: AgentView) =>
        ended_at !== null && cleanup.state === "clean";
      return agents.every(isDone) ? agents : undefined;
    },
    20_000,
  );
}

test.for([
  ["tmux", "auto"],
  ["tmux", "watermark"],
  ["process", "auto"],
] as const)(
  "a deploy that fails at any call leaves nothing behind: host %s, containment %s",
  { timeout: 180_000 },
  async ([host, containment]) => {
    await using fault = await makeFaultWorld();
    const daemon = await fault.start({ CORRAL_HOST: host, CORRAL_CONTAINMENT: containment });
    for (const [point, errno] of OF_A_DEPLOY) {
      for (const when of ["before", "after"] as const) {
        const where = `${point} ${when} ${errno}`;
        await daemon.arm({ point, when, nth: 1, act: "throw", errno });
        const refused = await refusalOf(fault.deploy(["/bin/sleep", "300"]));
        expect((await daemon.told()).hits, where).toBe(1);
        await daemon.arm(null);
        expect(refused?.code, where).toMatch(
          errno === "ENOSPC" ? /^DISK_FULL$/ : /^(LAUNCH_FAILED|INTERNAL)$/,
        );
        const agents = await ended(fault);
        expect(agents.every(({ status }) => status === "failed")).toBe(true);
        expect(await lastComplaints(fault), where).toEqual([]);
      }
    }
    await fault.api("/api/leave", { mode: "end" });
    await daemon.end;
    expect(fault.remains()).toEqual([]);
  },
);

test(
  "an end and a release that fail at any call are tried again until all is given back",
  { timeout: 180_000 },
  async () => {
    await using fault = await makeFaultWorld();
    const daemon = await fault.start();
    for (const point of OF_AN_END) {
      for (const when of ["before", "after"] as const) {
        const where = `${point} ${when}`;
        const { agent_id, task_id } = await fault.deploy(["/bin/sleep", "300"]);
        const injection: Injection = { point, when, nth: 1, act: "throw", errno: "EIO" };
        await daemon.arm(injection);
        const reason = "A port fails now.";
        await fault.api("/api/tools/kill_real_agent", { task_id, agent_id, reason, grace_s: 0.05 });
        await ended(fault);
        expect((await daemon.told()).hits, where).toBe(1);
        await daemon.arm(null);
        expect((await fault.api<AgentView>(`/api/agents/${agent_id}`)).status).toBe("killed");
        expect(await lastComplaints(fault), where).toEqual([]);
      }
    }
    await fault.api("/api/leave", { mode: "end" });
    await daemon.end;
    expect(fault.remains()).toEqual([]);
  },
);

test("a stop that the store cannot write kills at once, says so, and is recorded later", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start();
  const { agent_id, task_id } = await fault.deploy(["/bin/sleep", "300"]);
  const pid = await waitFor("the agent's own process", () => sleeperIn(fault.project));
  const injection = { point: "store.recordStop", when: "before", nth: 1, act: "throw" } as const;
  await daemon.arm({ ...injection, errno: "EIO" });
  const reason = "It is not needed any more.";
  const killing = fault.api("/api/tools/kill_real_agent", { task_id, agent_id, reason });
  const refused = await refusalOf(killing);
  expect(refused?.code).toBe("STATE_UNUSABLE");
  expect(refused?.message).toMatch(/was killed and none of its processes is alive.*EIO/);
  expect(processOf(pid)).toBeUndefined();
  await daemon.arm(null);
  const agents = await ended(fault);
  expect(agents[0]).toMatchObject({ status: "killed", reason });
  expect(await lastComplaints(fault)).toEqual([]);
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  expect(fault.remains()).toEqual([]);
});

test("a release that keeps failing is stuck, says why, and is clean once it can be", async () => {
  await using fault = await makeFaultWorld();
  const daemon = await fault.start();
  await daemon.arm({ point: "files.remove", when: "before", nth: 1, act: "throw", times: 8 });
  const { agent_id } = await fault.deploy(["/bin/true"]);
  const stuck = await waitFor("stuck", async () => {
    const view = await fault.api<AgentView>(`/api/agents/${agent_id}`);
    return view.cleanup.state === "stuck" ? view : undefined;
  });
  expect(stuck.status).toBe("completed");
  const receipt = await fault.api<{ resources: { state: string; seen: string | null }[] }>(
    `/api/agents/${agent_id}/receipt`,
  );
  expect(receipt.resources.some(({ seen }) => seen?.includes("ENOSPC") === true)).toBe(true);
  await ended(fault);
  expect(await lastComplaints(fault)).toEqual([]);
  await fault.api("/api/leave", { mode: "end" });
  expect((await daemon.end).code).toBe(0);
  expect(fault.remains()).toEqual([]);
});
