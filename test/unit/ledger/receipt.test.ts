import fc from "fast-check";
import { expect, test } from "vitest";
import { Receipt } from "../../../src/contract/agent.ts";
import { LedgerRow } from "../../../src/contract/api.ts";
import { cleanupOf, ledgerRow, receiptOf } from "../../../src/ledger/receipt.ts";
import type { ResourceState } from "../../../src/ledger/resource.ts";
import { row } from "./memory-ledger.ts";

const states: readonly ResourceState[] = ["intended", "held", "releasing", "released", "retained"];

test.for([
  ["nothing was ever held", [], false, { state: "none", held: 0, stuck: 0 }],
  [
    "it lives and holds on purpose",
    [row(1, "token")],
    false,
    { state: "pending", held: 1, stuck: 0 },
  ],
  ["it ended", [row(1, "token")], true, { state: "releasing", held: 1, stuck: 0 }],
  [
    "a release failed",
    [row(1, "token", { attempts: 2 }), row(2, "bell")],
    true,
    { state: "stuck", held: 2, stuck: 1 },
  ],
  [
    "all is released or kept on purpose",
    [row(1, "token", { state: "released", attempts: 3 }), row(2, "bell", { state: "retained" })],
    true,
    { state: "clean", held: 0, stuck: 0 },
  ],
] as const)("%s", ([, rows, ended, expected]) => {
  expect(cleanupOf(rows, ended)).toEqual(expected);
});

test("clean is said only when no row is held, stuck only when a try has failed", () => {
  const anyRow = fc.record({ state: fc.constantFrom(...states), attempts: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(anyRow), fc.boolean(), (rows, ended) => {
      const { held, state, stuck } = cleanupOf(rows, ended);
      const left = rows.filter((one) => one.state !== "released" && one.state !== "retained");
      expect(held).toBe(left.length);
      expect(stuck).toBe(left.filter(({ attempts }) => attempts > 0).length);
      expect(state === "clean" || state === "none").toBe(held === 0);
      expect(state === "stuck").toBe(stuck > 0);
    }),
  );
});

test("a receipt is what the contract says, names survivors, and prefers the error to what was seen", () => {
  const rows = [
    row(1, "process_set", { state: "releasing", attempts: 1, seen: "old", error: "1 still alive" }),
    row(2, "token", { state: "released", seen: "absent", changedAt: 1_000 }),
  ];
  const receipt = receiptOf("a1", rows, true, [{ pid: 7, name: "hydra" }]);
  expect(Receipt.parse(receipt)).toEqual(receipt);
  expect(receipt.survivors).toEqual([{ pid: 7, name: "hydra" }]);
  expect(receipt.resources.map(({ seen, at }) => [seen, at])).toEqual([
    ["1 still alive", null],
    ["absent", "1970-01-01T00:00:01.000Z"],
  ]);
});

test("a ledger row is what the contract says, and shows no identity", () => {
  const shown = ledgerRow(row(1, "process_set", { identity: { secret: "cookie" } }));
  expect(LedgerRow.parse(shown)).toEqual(shown);
  expect(JSON.stringify(shown)).not.toContain("cookie");
});
