/**
 * G2, G3, G5: any two parts of Corral die by SIGKILL, in both orders. Whatever they are: the next daemon knows the
 * truth, a runner's death is `lost` and never a success, nothing is left. The leak suite goes through longer orders.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { killInOrder, orderedPairs, PARTS, startForOrders } from "../helpers/fault-orders.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";

let fault: FaultWorld;
let daemon: FaultDaemon;

beforeAll(async () => {
  fault = await makeFaultWorld();
  daemon = await startForOrders(fault);
});

afterAll(async () => {
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  const remains = fault.remains();
  await fault[Symbol.asyncDispose]();
  expect(remains).toEqual([]);
});

test.for(orderedPairs(PARTS))("%s, then %s", { timeout: 60_000 }, async (order) => {
  const after = await killInOrder(fault, daemon, order);
  daemon = after.daemon;
  expect(after.wrong).toEqual([]);
});
