import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SERIES } from "../../../../src/contract/sampling.ts";
import {
  decodedPoints,
  encodedPoint,
  type Point,
} from "../../../../src/supervision/sampling/points.ts";

function encoded(points: readonly Point[]): Uint8Array {
  const bytes: number[] = [];
  let before: Point | null = null;
  for (const point of points) {
    bytes.push(...encodedPoint(point, before));
    before = point;
  }
  return Uint8Array.from(bytes);
}

const quiet = (step: number): Point => ({ step, values: SERIES.map(() => 7) });
const value = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 2 ** 50 }),
);
const history = fc
  .array(
    fc.tuple(
      fc.integer({ min: 1, max: 100_000 }),
      fc.array(value, { minLength: SERIES.length, maxLength: SERIES.length }),
    ),
    { maxLength: 20 },
  )
  .map((rows) => {
    let step = 180_000_000;
    return rows.map(([gap, values]): Point => ({ step: (step += gap), values }));
  });

describe("points as bytes", () => {
  test("come back as they were, whatever they are", () => {
    fc.assert(
      fc.property(history, (points) => {
        expect(decodedPoints(encoded(points))).toEqual(points);
      }),
    );
  });

  test("take three bytes or less when nothing has changed", () => {
    const one = encoded([quiet(1)]).length;
    expect(encoded([quiet(1), quiet(2), quiet(3)]).length - one).toBeLessThanOrEqual(2 * 3);
  });

  test("that are cut off anywhere give those before the cut, and never a wrong one", () => {
    fc.assert(
      fc.property(history, fc.nat(), (points, cut) => {
        const bytes = encoded(points);
        const whole = decodedPoints(bytes.subarray(0, cut % (bytes.length + 1)));
        expect(points.slice(0, whole.length)).toEqual(whole);
      }),
    );
  });

  test("of a later version, with a series that is not known here, end there", () => {
    const strange = Uint8Array.from([...encoded([quiet(1)]), 1, 128, 128, 4, 2]);
    expect(decodedPoints(strange)).toEqual([quiet(1)]);
  });

  test("hold no value beyond what a number counts exactly", () => {
    const values = SERIES.map(() => Number.MAX_VALUE);
    const [point] = decodedPoints(encoded([{ step: 1, values }]));
    expect(point?.values[0]).toBe(2 ** 50);
    const strange = SERIES.map(() => Number.NaN);
    expect(decodedPoints(encoded([{ step: 1, values: strange }]))[0]?.values[0]).toBeNull();
  });
});
