/**
 * G1, G2, G6: a system call of the daemon fails (no room, no handle, no right, a broken disk, no process) while it
 * deploys and while it kills: a look that failed never counts as "gone", who asked hears why, the daemon lives on and
 * all is given back. Here a sample of the calls, always the same; the leak suite goes through all of them.
 */
import { describe, expect, test } from "vitest";
import { failAtCalls, FAILING } from "../helpers/fault-calls.ts";
import { scenarioNamed } from "../helpers/fault-scenarios.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { canTrace } from "../helpers/tracer.ts";

/** Of each kind of call the first, the last and every that-many-th. */
const EVERY = 700;
/** Opening fails in one way here, in three in the leak suite. */
const FATES = FAILING.filter(([kind, fate]) => kind !== "openat" || fate === "EMFILE");

describe.skipIf(!canTrace())("a system call of the daemon fails", () => {
  test.for(["deploy and a normal exit", "kill"])("%s", { timeout: 600_000 }, async (name) => {
    await using fault = await makeFaultWorld();
    const { struck, missed, wrong } = await failAtCalls(fault, scenarioNamed(name), FATES, EVERY);
    expect(wrong).toEqual([]);
    expect(struck).toBeGreaterThan(missed);
  });
});
