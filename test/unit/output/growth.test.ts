import fc from "fast-check";
import { expect, test } from "vitest";
import { growthOf, type Look, withLook } from "../../../src/output/growth.ts";

const looks = (...pairs: readonly (readonly [number, number])[]): readonly Look[] =>
  pairs.map(([at, bytes]) => ({ at, bytes }));

test.for([
  ["nothing was looked at", looks(), 0],
  ["one look", looks([0, 100]), 0],
  ["two looks", looks([0, 100], [2_000, 1_100]), 500],
  ["it shrank", looks([0, 100], [2_000, 0]), 0],
  ["the clock went back", looks([2_000, 0], [0, 100]), 0],
  ["the clock stood", looks([0, 0], [0, 100]), 0],
] as const)("%s", ([, seen, bytesPerSecond]) => {
  expect(growthOf(seen)).toBe(bytesPerSecond);
});

test("who wrote much an hour ago is no writer now", () => {
  const early = withLook(looks([0, 0], [1_000, 1_000_000]), { at: 3_600_000, bytes: 1_000_000 });
  expect(growthOf(early)).toBe(0);
});

test("however often it is looked at, few looks are kept, and the last one is there", () => {
  const anyLooks = fc.array(fc.record({ at: fc.nat(100_000), bytes: fc.nat() }), { minLength: 1 });
  fc.assert(
    fc.property(anyLooks, (all) => {
      const kept = all.reduce<readonly Look[]>(withLook, []);
      expect(kept.length).toBeLessThanOrEqual(12);
      expect(kept.at(-1)).toEqual(all.at(-1));
      expect(growthOf(kept)).toBeGreaterThanOrEqual(0);
    }),
  );
});
