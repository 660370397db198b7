/** G6: two worlds that drew the same number take nothing of each other, by the mark alone. */
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { SweepAnswer } from "../../src/contract/api.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { identityOf, markedBy } from "../helpers/fault-reckoning.ts";
import { killAll, makeStrays } from "../helpers/fault-scenarios.ts";
import { type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";

/** Control groups would keep the two apart by themselves. */
const MARK_ALONE = () => ({ CORRAL_CONTAINMENT: "watermark" });
const STRAY_SOFT = 700_000;

/** Gives a world, whose daemon has left, the hard number of another one. */
function giveMarkOf(other: FaultWorld, { world }: FaultWorld): void {
  const database = new DatabaseSync(world.paths.database, { timeout: 5_000 });
  const { mark } = identityOf(other.world);
  database.prepare("UPDATE world SET value = ? WHERE key = 'mark'").run(String(mark));
  database.close();
}

const pidsOf = ({ world }: FaultWorld) => markedBy(identityOf(world)).map(({ pid }) => pid);

async function sweep(fault: FaultWorld): Promise<SweepAnswer> {
  return await fault.api<SweepAnswer>("/api/sweep", { apply: true });
}

test(
  "two worlds with one number never touch each other, and find their own strays",
  { timeout: 120_000 },
  async () => {
    await using one = await makeFaultWorld(MARK_ALONE);
    await using other = await makeFaultWorld(MARK_ALONE);
    const daemon = await one.start();
    const first = await other.start();
    await other.api("/api/leave", { mode: "end" });
    await first.end;
    giveMarkOf(one, other);
    await other.start();
    const [ours, theirs] = [identityOf(one.world), identityOf(other.world)];
    expect(theirs.mark).toBe(ours.mark);
    expect(theirs.seal).not.toBe(ours.seal);

    // Both agents have the first slot, hence the same pair.
    await one.deploy(["/bin/sleep", "300"]);
    await other.deploy(["/bin/sleep", "300"]);
    const standing = pidsOf(other);
    expect(standing.length).toBeGreaterThanOrEqual(3); // agent, runner, tmux server
    expect((await sweep(one)).steps).toEqual([]);
    expect((await sweep(other)).steps).toEqual([]);

    await makeStrays(one);
    expect((await sweep(other)).steps).toEqual([]);
    expect(markedBy(ours).filter(({ soft }) => soft === STRAY_SOFT)).toHaveLength(1);
    const found = (await sweep(one)).steps.filter(({ kind }) => kind === "process");
    expect(found).toMatchObject([{ outcome: "released" }]);
    await waitFor("the stray's end", () =>
      markedBy(ours).every(({ soft }) => soft !== STRAY_SOFT) ? true : undefined,
    );

    await killAll(one, 0);
    await one.quiet();
    await one.deploy(["/bin/sleep", "300"]);
    await one.api("/api/leave", { mode: "end" });
    await daemon.end;
    expect(one.remains()).toEqual([]);
    expect(pidsOf(other)).toEqual(expect.arrayContaining(standing));
    expect(await other.agents()).toMatchObject([{ status: "running" }]);
    expect(other.complaints()).toEqual([]);
  },
);
