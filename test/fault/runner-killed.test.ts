/**
 * G2, G3, G5: a runner dies by SIGKILL between two of its system calls, from its first to its last: before and after
 * it has written that it runs, while it starts the agent, around the exit record and its rename, while it
 * clears what the agent left. Here a sample of the calls, always the same; the leak suite goes through all of them.
 */
import { describe, expect, test } from "vitest";
import { killRunners } from "../helpers/fault-runner.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { canTrace } from "../helpers/tracer.ts";

/** Of each kind of call the first, the last and every that-many-th. */
const EVERY = 25;

/** Of its calls with an input only the first and the last of each kind: the rest is as without. */
const EVERY_FED = 1_000;

describe.skipIf(!canTrace())("the runner, struck between two system calls", () => {
  test("from its first to its last", { timeout: 600_000 }, async () => {
    await using fault = await makeFaultWorld();
    const { struck, missed, wrong } = await killRunners(fault, EVERY);
    expect(wrong).toEqual([]);
    expect(struck).toBeGreaterThan(missed);
  });

  test("while its agent has an input", { timeout: 600_000 }, async () => {
    await using fault = await makeFaultWorld();
    const { struck, missed, wrong } = await killRunners(fault, EVERY_FED, false, "fed");
    expect(wrong).toEqual([]);
    expect(struck).toBeGreaterThan(missed);
  });
});
