/**
 * G2, G3, G5: the parts of Corral die by SIGKILL one after the other, in every order. Pairs are part of
 * `npm test` (test/fault/killed-in-order.test.ts).
 */
import { expect, test } from "vitest";
import { killInOrder, PARTS, permutations, startForOrders } from "../helpers/fault-orders.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { addRow } from "./closing-table.ts";
import { FORM } from "./counts.ts";

/** Bridge and client hold nothing of an agent: the short form leaves them to the pairs and to the storm. */
const STRUCK = FORM === "long" ? PARTS : PARTS.filter((part) => !/bridge|client/.test(part));

test("every order of dying", async () => {
  await using fault = await makeFaultWorld();
  let daemon = await startForOrders(fault);
  const orders = permutations(STRUCK);
  const wrong: string[] = [];
  for (const order of orders) {
    const after = await killInOrder(fault, daemon, order);
    daemon = after.daemon;
    wrong.push(...after.wrong.map((what) => `${order.join(", ")}: ${what}`));
  }
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  wrong.push(...fault.remains());
  addRow({
    place: 4,
    test: "SIGKILL of every part, in every order",
    count: `${orders.length} orders of ${STRUCK.length}`,
    left: `${wrong.length} left or wrong`,
    worst: "–",
    also: STRUCK.join(", "),
  });
  expect(wrong).toEqual([]);
});
