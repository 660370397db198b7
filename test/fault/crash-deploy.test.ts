/**
 * G1, G3, G5: the daemon dies by SIGKILL before and after every kind of call that it makes to
 * its ports while it deploys an agent and sees it end; the next daemon accounts for everything.
 */
import { expect, test } from "vitest";
import { strikeAll } from "../helpers/fault-rounds.ts";
import { SCENARIOS } from "../helpers/fault-scenarios.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";

const [normal] = SCENARIOS;

test("deploy and a normal exit, struck at every call", { timeout: 600_000 }, async () => {
  await using fault = await makeFaultWorld();
  const { struck, missed, wrong } = await strikeAll(fault, normal!, new Set());
  expect(wrong).toEqual([]);
  expect(missed).toEqual([]);
  expect(struck).toBeGreaterThan(60);
});
