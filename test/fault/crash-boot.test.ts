/**
 * G3, G5: the daemon dies by SIGKILL at every kind of call of its own start, with one agent that
 * lives and one that ended while no daemon was there; the next daemon accounts for both.
 */
import { expect, test } from "vitest";
import { lastComplaints, reckon } from "../helpers/fault-rounds.ts";
import { isChange } from "../helpers/fault-scenarios.ts";
import { type FaultDaemon, makeFaultWorld } from "../helpers/fault-world.ts";

const BOOT = {
  name: "boot",
  keeps: true,
  run: async (): Promise<void> => undefined,
} as const;

async function sigkill(daemon: FaultDaemon): Promise<void> {
  daemon.child.kill("SIGKILL");
  await daemon.end;
}

test("a start, struck at every call", { timeout: 600_000 }, async () => {
  await using fault = await makeFaultWorld();
  const wrong: string[] = [];
  const missed: string[] = [];
  const known = new Set<string>();
  let daemon = await fault.start();
  const leaveAgents = async (): Promise<void> => {
    await fault.deploy(["/bin/sleep", "300"]);
    await fault.deploy(["/bin/sh", "-c", "sleep 0.3; exit 9"]);
    await sigkill(daemon);
  };
  await leaveAgents();
  daemon = await fault.start();
  const { passed } = await daemon.told();
  // Its first event says that it has started: what comes after is the life of the two agents.
  const started = passed.findIndex(({ point }) => point === "store.addEvent");
  const points = new Set(passed.slice(0, started + 1).map(({ point }) => point));
  expect(await lastComplaints(fault, known)).toEqual([]);
  for (const point of points) {
    for (const when of ["before", "after"] as const) {
      await leaveAgents();
      const doomed = fault.startDoomed({ point, when, nth: 1, act: "kill" });
      const late = setTimeout(() => doomed.child.kill("SIGQUIT"), 4_000);
      const isStruck = (await doomed.end).signal === "SIGKILL";
      clearTimeout(late);
      // A look that this start did not take is no loss.
      if (!isStruck && isChange(point)) missed.push(`${point} ${when}`);
      daemon = await fault.start();
      wrong.push(...(await reckon(fault, BOOT, known)).map((what) => `${point} ${when}: ${what}`));
    }
  }
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  wrong.push(...fault.remains());
  expect(wrong).toEqual([]);
  expect(missed).toEqual([]);
  expect(points.size).toBeGreaterThan(8);
});
