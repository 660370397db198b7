/**
 * G2: a hydra of 14 processes and two fork chains, deployed as an agent through the real daemon
 * and killed with no grace, on every rung of containment; and beside it the tree under the
 * usual ways of ending one, in the same run.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addRow } from "./closing-table.ts";
import { COUNTS } from "./counts.ts";
import { type Crowd, makeCrowd } from "./crowd.ts";
import { grown, headsOf, reaped, untilGone } from "./heads.ts";
import { AGENTS, makePlace, type Place } from "./place.ts";
import { endTagged, RIVALS, startTree } from "./rivals.ts";
import { RUNGS } from "./rungs.ts";
import { timesOf } from "./timing.ts";

/** The figure is promised for a machine with that many. */
const MACHINE_PROCESSES = 500;
/** Of the hydra itself, and with at least one link of its fork chains in sight. */
const [STILL_HEADS, HEADS] = [14, 15];
const GONE_MS = 10_000;
/** What a rival gets, after its last signal, before its survivors are counted. */
const RIVAL_REST_MS = 300;

let crowd: Crowd;
beforeAll(async () => {
  crowd = await makeCrowd(MACHINE_PROCESSES);
});
afterAll(async () => {
  const gone = crowd.gone();
  await crowd[Symbol.asyncDispose]();
  expect(gone, "bystanders that ended").toBe(0);
});

function newTag(): string {
  return `hydra-${randomBytes(6).toString("hex")}`;
}

interface Fall {
  readonly containment: string;
  readonly ms: number;
  readonly heads: number;
  readonly survivors: number;
}

async function killOne(place: Place, taskId: string): Promise<Fall> {
  await reaped();
  const tag = newTag();
  const hydra = ["/usr/bin/perl", join(AGENTS, "hydra.pl"), tag, "hop"];
  const agent = await place.deploy(hydra, taskId);
  await grown(tag, HEADS);
  const heads = headsOf(tag).length;
  const killing = place.end(agent);
  const { left: survivors, ms } = await untilGone(tag, GONE_MS);
  await killing;
  return { containment: agent.containment, ms, heads, survivors };
}

describe.skipIf(RUNGS.length === 0)("a hydra deployed as an agent and killed", () => {
  test.for(RUNGS)("$level as $as", async (rung) => {
    await using place = await makePlace(rung);
    const daemon = await place.start();
    const taskId = await place.task();
    const falls: Fall[] = [];
    for (let nth = 0; nth < COUNTS.hydras; nth += 1) falls.push(await killOne(place, taskId));
    const left = await place.down(daemon);
    const survivors = falls.reduce((sum, fall) => sum + fall.survivors, 0);
    const most = Math.max(...falls.map(({ heads }) => heads));
    addRow({
      place: 1,
      test: `hydra + fork chains, ${rung.level}, ${rung.as}`,
      count: `${falls.length} ×`,
      left: `${survivors} survivors`,
      worst: timesOf(falls.map(({ ms }) => ms)),
      also: `${HEADS} to ${most} processes; ${crowd.machineProcesses} more on the machine`,
    });
    expect(new Set(falls.map(({ containment }) => containment))).toEqual(new Set([rung.level]));
    expect(survivors).toBe(0);
    expect(left).toEqual([]);
  });
});

describe("the same tree, ended in the usual ways", () => {
  test.for(RIVALS)("$name", async ({ name, end }) => {
    const survivors: number[] = [];
    const times: number[] = [];
    for (let nth = 0; nth < COUNTS.rivals; nth += 1) {
      const tag = newTag();
      await using tree = await startTree(join(AGENTS, "hydra.pl"), tag);
      try {
        await grown(tag, STILL_HEADS);
        const from = performance.now();
        await end(tree);
        times.push(performance.now() - from);
        await new Promise((resolve) => setTimeout(resolve, RIVAL_REST_MS));
        survivors.push(headsOf(tag).length);
      } finally {
        await endTagged(tag);
      }
    }
    addRow({
      place: 2,
      test: `beside it: ${name}`,
      count: `${survivors.length} ×`,
      left: `${Math.min(...survivors)} to ${Math.max(...survivors)} survivors each`,
      worst: timesOf(times),
      also: "of the 14 processes without chains, no Corral; the time is the method's own",
    });
    // A tree that the usual ways could end would prove nothing about the rows above.
    expect(Math.min(...survivors)).toBeGreaterThan(0);
  });
});
