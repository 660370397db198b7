import * as fc from "fast-check";
import { expect, test } from "vitest";
import { excessOf } from "../../../src/supervision/retention.ts";

const sumsOf = (byTask: Readonly<Record<string, number>>) => ({
  total: Object.values(byTask).reduce((sum, bytes) => sum + bytes, 0),
  byTask: new Map(Object.entries(byTask)),
});

test("nothing has to go while all fits, or while there is no bound", () => {
  expect(excessOf(sumsOf({ a: 5, b: 5 }), { total: 10, perTask: 5 })).toEqual([]);
  expect(excessOf(sumsOf({ a: 5_000 }), { total: 0, perTask: 0 })).toEqual([]);
});

test("what a task has too much goes first, and counts for all", () => {
  const excess = excessOf(sumsOf({ a: 9, b: 4 }), { total: 8, perTask: 5 });
  expect(excess).toMatchObject([
    { taskId: "a", bytes: 4 },
    { taskId: null, bytes: 1 },
  ]);
  expect(excess[0]?.why).toContain("retention_task_bytes");
  expect(excess[1]?.why).toContain("retention_bytes");
});

test("when all of it has gone, everything fits", () => {
  const tasks = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.nat(100));
  fc.assert(
    fc.property(tasks, fc.integer({ min: 1, max: 150 }), fc.nat(60), (byTask, total, perTask) => {
      const sums = sumsOf(byTask);
      const excess = excessOf(sums, { total, perTask });
      const gone = excess.reduce((sum, { bytes }) => sum + bytes, 0);
      expect(sums.total - gone).toBeLessThanOrEqual(total);
      for (const { taskId, bytes } of excess) {
        expect(bytes).toBeGreaterThan(0);
        if (taskId !== null) expect((byTask[taskId] ?? 0) - bytes).toBe(perTask);
      }
    }),
  );
});
