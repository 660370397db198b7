/**
 * G1, G3, G5: the daemon dies by SIGKILL *inside* what it does: between two system calls of the making of
 * files, of a commit, of a start in tmux, of a removal. The next daemon accounts for everything. Here a
 * sample of the calls, always the same; the leak suite goes through all of them.
 */
import { describe, expect, test } from "vitest";
import { dieAtCalls } from "../helpers/fault-calls.ts";
import { scenarioNamed } from "../helpers/fault-scenarios.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { canTrace } from "../helpers/tracer.ts";

/** Of each kind of call the first, the last and every that-many-th. */
const EVERY = 60;

describe.skipIf(!canTrace())("the daemon, struck between two system calls", () => {
  test.for(["deploy and a normal exit", "kill", "down"])(
    "%s",
    { timeout: 600_000 },
    async (name) => {
      await using fault = await makeFaultWorld();
      const { struck, missed, wrong } = await dieAtCalls(fault, scenarioNamed(name), EVERY);
      expect(wrong).toEqual([]);
      expect(struck).toBeGreaterThan(missed);
    },
  );
});
