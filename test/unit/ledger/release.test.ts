import fc from "fast-check";
import { expect, test } from "vitest";
import type { Undo, Undos } from "../../../src/ledger/ports.ts";
import { releaseAll, releaseOne } from "../../../src/ledger/release.ts";
import { isHeld, RESOURCE_KINDS, type ResourceKind } from "../../../src/ledger/resource.ts";
import { memoryLedger, row } from "./memory-ledger.ts";

const every = (undo: Undo): Undos =>
  Object.fromEntries(RESOURCE_KINDS.map((kind) => [kind, undo])) as Record<ResourceKind, Undo>;

const held = () => RESOURCE_KINDS.map((kind, index) => row(index + 1, kind));
const worldOf = (rows: ReturnType<typeof held>) => new Set(rows.map(({ locator }) => locator));

/** An undo whose nth call (from 0) fails once, as a busy disk or a failed probe would. */
function failingAt(nth: number, world: Set<string>): Undo {
  let calls = 0;
  return async ({ kind, locator }) => {
    if (calls++ === nth) throw new Error(`injected at ${kind}`);
    world.delete(locator);
    return { gone: true, seen: "absent" };
  };
}

test("releases newest first, one after the other, and keeps what was seen", async () => {
  const order: number[] = [];
  let running = 0;
  const ledger = memoryLedger(held());
  const { released, stuck } = await releaseAll(
    "a1",
    ledger,
    every(async ({ id }) => {
      expect((running += 1)).toBe(1);
      order.push(id);
      await Promise.resolve();
      running -= 1;
      return { gone: true, seen: `saw ${id}` };
    }),
  );
  expect(order).toEqual(
    held()
      .map(({ id }) => id)
      .toReversed(),
  );
  expect({ released: released.length, stuck }).toEqual({ released: held().length, stuck: [] });
  expect(ledger.resourcesOf("a1").map(({ seen }) => seen)).toEqual(
    order.map((_, i) => `saw ${i + 1}`),
  );
});

test.for(RESOURCE_KINDS.map((_, nth) => nth))(
  "a failure at step %i leaves nothing behind after the next pass",
  async (nth) => {
    const ledger = memoryLedger(held());
    const world = worldOf(held());

    const first = await releaseAll("a1", ledger, every(failingAt(nth, world)));
    expect(first.stuck).toHaveLength(1);
    expect(ledger.heldResources().map(({ id }) => id)).toEqual([first.stuck[0]!.resource.id]);
    expect(ledger.heldResources()[0]).toMatchObject({
      attempts: 1,
      error: first.stuck[0]!.error,
    });
    expect(world.size).toBe(1);

    const second = await releaseAll("a1", ledger, every(failingAt(-1, world)));
    expect(second.stuck).toEqual([]);
    expect([...world]).toEqual([]);
    expect(ledger.heldResources()).toEqual([]);
  },
);

test("no row is crossed out before its thing is gone, whatever fails, and any pass may come twice", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("gone", "fails", "kept"), { minLength: 1, maxLength: 60 }),
      async (fates) => {
        const ledger = memoryLedger(held());
        const world = worldOf(held());
        let call = 0;
        const undo: Undo = async ({ locator }) => {
          const fate = fates[call++ % fates.length];
          if (fate === "fails") throw new Error("injected");
          if (fate === "kept") return { gone: false, seen: "kept", retainUntil: 99 };
          world.delete(locator);
          return { gone: true, seen: "absent" };
        };
        for (let pass = 0; pass < 3; pass += 1) {
          await releaseAll("a1", ledger, every(undo));
          for (const { locator, state } of ledger.resourcesOf("a1")) {
            expect(world.has(locator)).toBe(state !== "released");
          }
        }
      },
    ),
  );
});

test("the row says that it is being released before the undo begins", async () => {
  const resource = row(7, "token");
  const ledger = memoryLedger([resource]);
  await releaseOne(
    resource,
    ledger,
    every(async () => {
      expect(ledger.resourcesOf("a1")[0]?.state).toBe("releasing");
      return { gone: true, seen: "absent" };
    }),
  );
  expect(ledger.resourcesOf("a1")[0]?.state).toBe("released");
});

test("rows that are released or retained are not undone again", async () => {
  const rows = [
    row(1, "token", { state: "released" }),
    row(2, "stream_log", { state: "retained" }),
  ];
  const ledger = memoryLedger(rows);
  const never = every(async () => {
    throw new Error("undone again");
  });
  expect(await releaseAll("a1", ledger, never)).toEqual({ released: [], stuck: [] });
  expect(rows.some(isHeld)).toBe(false);
});
