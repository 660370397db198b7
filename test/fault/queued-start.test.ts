/**
 * G1, G5: the daemon dies by SIGKILL, or a port of its fails, at every call that it makes to start an agent
 * that waited for its quota. Whatever happens the agent runs once or not at all, and nothing is left.
 */
import { expect, test } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import {
  giveQuota,
  QUEUED_START,
  queueOne,
  queueWorld,
  ranIn,
  setAheadAndLook,
  useUpQuota,
  waitEnded,
} from "../helpers/fault-queue.ts";
import { alive, lastComplaints, strikeAll } from "../helpers/fault-rounds.ts";
import type { FaultDaemon, FaultWorld } from "../helpers/fault-world.ts";

const HOUR = 3_600_000;

async function leave(fault: FaultWorld, daemon: FaultDaemon): Promise<void> {
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  expect(fault.remains()).toEqual([]);
}

test("the start of a queued deploy, struck at every call", { timeout: 300_000 }, async () => {
  await using fault = await queueWorld();
  const { struck, missed, wrong } = await strikeAll(fault, QUEUED_START, new Set());
  expect(wrong).toEqual([]);
  expect(missed).toEqual([]);
  expect(struck).toBeGreaterThan(12);
  const ran = ranIn(fault);
  expect(ran).toEqual([...new Set(ran)]);
});

/** Whether it waits on when that call fails, after it has done its work, or is given back. */
const FAILS = [
  ["store.task", "EIO", "waits"],
  ["store.startQueued", "ENOSPC", "waits"],
  ["launchScripts.write", "EIO", "failed"],
  ["files.prepare", "ENOSPC", "failed"],
  ["files.link", "EIO", "failed"],
  ["containment.make", "EIO", "failed"],
  ["host.start", "EIO", "failed"],
  ["store.confirmResource", "ENOSPC", "failed"],
  ["store.markRunning", "EIO", "failed"],
] as const;

test(
  "a port that fails in the start of a queued deploy: it waits on, or is given back and says why",
  { timeout: 180_000 },
  async () => {
    await using fault = await queueWorld();
    const daemon = await fault.start();
    for (const [point, errno, outcome] of FAILS) {
      const where = `${point} ${errno}`;
      await useUpQuota(fault);
      const { agent_id: id } = await queueOne(fault);
      await daemon.arm({ point, when: "after", nth: 1, act: "throw", errno });
      await giveQuota(fault);
      await waitFor("the fault", async () => ((await daemon.told()).hits > 0 ? true : undefined));
      await daemon.arm(null);
      // What waits on is looked at again by itself; that need not be waited for here.
      await giveQuota(fault);
      const { reason, status } = await waitEnded(fault, id);
      expect(status, where).toBe(outcome === "waits" ? "completed" : "failed");
      if (outcome === "failed") expect(reason, where).toMatch(/^Its deploy failed: ./);
      expect(ranIn(fault).filter((one) => one === id).length, where).toBeLessThanOrEqual(1);
      expect(await lastComplaints(fault), where).toEqual([]);
    }
    await leave(fault, daemon);
  },
);

const statusesOf = async (fault: FaultWorld): Promise<readonly string[]> =>
  (await fault.agents()).map(({ status }: AgentView) => status);

test(
  "what waits too long is ended with that reason, and one daemon's queue is the next one's",
  { timeout: 60_000 },
  async () => {
    await using fault = await queueWorld();
    const first = await fault.start({ CORRAL_QUOTA_WAIT_MS: String(3 * HOUR) });
    await useUpQuota(fault);
    const { agent_id: id } = await queueOne(fault);
    first.child.kill("SIGKILL");
    await first.end;

    const daemon = await fault.start();
    expect(await statusesOf(fault)).toEqual(["failed", "queued"]);
    await setAheadAndLook(fault, daemon, 3 * HOUR + 1);
    const { reason, started_at, status } = await waitEnded(fault, id);
    expect({ reason, started_at, status }).toEqual({
      reason: "The quota of its account did not come back in 3 h 0 min.",
      started_at: null,
      status: "failed",
    });
    expect(ranIn(fault)).toEqual([]);
    expect(await lastComplaints(fault)).toEqual([]);
    await leave(fault, daemon);
  },
);

test(
  "a daemon that dies while the first of a queue tries leaves the others waiting, and they come",
  { timeout: 60_000 },
  async () => {
    await using fault = await queueWorld();
    const first = await fault.start();
    await useUpQuota(fault);
    const queued = [await queueOne(fault), await queueOne(fault)];
    await first.arm({ point: "store.keepCircuit", when: "after", nth: 1, act: "kill" });
    await setAheadAndLook(fault, first, 2 * HOUR);
    expect((await first.end).signal).toBe("SIGKILL");

    const second = await fault.start();
    // It died within the transaction: neither has begun.
    expect(await statusesOf(fault)).toEqual(["failed", "queued", "queued"]);
    await second.arm({ point: "files.prepare", when: "before", nth: 1, act: "kill" });
    await setAheadAndLook(fault, second, 2 * HOUR);
    expect((await second.end).signal).toBe("SIGKILL");

    const third = await fault.start();
    await setAheadAndLook(fault, third, 2 * HOUR + 60_000);
    const [tried, other] = await Promise.all(
      queued.map(({ agent_id }) => waitEnded(fault, agent_id)),
    );
    expect(tried).toMatchObject({ status: "failed" });
    expect(other).toMatchObject({ status: "completed" });
    // By a clock so far ahead its result is old, so it may be ended before it writes itself down.
    expect([[], [other!.agent_id]]).toContainEqual(ranIn(fault));
    expect(await lastComplaints(fault)).toEqual([]);
    await leave(fault, third);
  },
);

test("down ends a queue: each is killed, says so, and held nothing", async () => {
  await using fault = await queueWorld();
  const daemon = await fault.start();
  await useUpQuota(fault);
  await queueOne(fault);
  await queueOne(fault);
  const answer = await fault.api<{ agents_ended: number }>("/api/leave", { mode: "end" });
  expect(answer).toMatchObject({ agents_ended: 2, agents_kept: 0 });
  await daemon.end;
  expect(fault.remains()).toEqual([]);
  const next = await alive(fault, daemon);
  await giveQuota(fault);
  expect(await statusesOf(fault)).toEqual(["failed", "killed", "killed"]);
  expect(ranIn(fault)).toEqual([]);
  await leave(fault, next);
});
