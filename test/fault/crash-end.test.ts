/**
 * G1, G2, G3, G5: the daemon dies by SIGKILL at every call that changes something while agents
 * end, are killed, swept, kept or shut down; the next daemon accounts for everything.
 */
import { expect, test } from "vitest";
import { recordScenario, strikeAll } from "../helpers/fault-rounds.ts";
import { SCENARIOS, strikesOf } from "../helpers/fault-scenarios.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";

const [normal, ...others] = SCENARIOS;
const covered = new Set<string>();

test("the calls of a deploy, which have their own test", async () => {
  await using fault = await makeFaultWorld();
  const passed = await recordScenario(fault, await fault.start(), normal!);
  expect(strikesOf(passed, covered).length).toBeGreaterThan(60);
});

test.for(others.map((scenario) => [scenario.name, scenario] as const))(
  "%s, struck at every call that changes something",
  { timeout: 600_000 },
  async ([, scenario]) => {
    await using fault = await makeFaultWorld();
    const { struck, missed, wrong } = await strikeAll(fault, scenario, covered);
    expect(wrong).toEqual([]);
    expect(missed).toEqual([]);
    expect(struck).toBeGreaterThan(0);
  },
);
