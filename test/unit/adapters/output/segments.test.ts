import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  gapsOf,
  layoutOf,
  parsePunched,
  partsOf,
  segmentName,
  segmentNamed,
} from "../../../../src/adapters/output/segments.ts";

const STREAM = "stream.jsonl";

describe("names of segments", () => {
  test("say the range, and are read back", () => {
    const check = (from: number, length: number) => {
      const name = segmentName(STREAM, from, from + length);
      expect(segmentNamed(STREAM, name)).toEqual({ name, from, to: from + length });
    };
    fc.assert(fc.property(fc.nat(), fc.integer({ min: 1 }), check));
  });

  test.for([
    "stream.jsonl",
    "stream.jsonl.tmp",
    "stream.jsonl.0-0.zst",
    "stream.jsonl.9-5.zst",
    "stream.jsonl.00-5.zst",
    "stream.jsonl.0-5.zst.tmp",
    "stream.jsonl.0-99999999999999999.zst",
    "stderr.log.0-5.zst",
    "xstream.jsonl.0-5.zst",
  ])("%s is none", (name) => {
    expect(segmentNamed(STREAM, name)).toBeNull();
  });

  test("a record of the hole that is not whole is none", () => {
    expect(["12\n", "12", "", "x\n", "-1\n"].map(parsePunched)).toEqual([12, 0, 0, 0, 0]);
  });
});

describe("a layout", () => {
  const names = [segmentName(STREAM, 0, 10), segmentName(STREAM, 20, 30), "exit.json"];

  test("finds every offset in one place, and what is in none is lost", () => {
    const layout = layoutOf(STREAM, names, 35, 50);
    expect(layout).toMatchObject({ plainFrom: 35, size: 50 });
    const parts = partsOf(layout, 5, 45).map(({ in: where, from, to }) => [where, from, to]);
    expect(parts).toEqual([
      ["segment", 5, 10],
      ["gap", 10, 20],
      ["segment", 20, 30],
      ["gap", 30, 35],
      ["plain", 35, 45],
    ]);
    expect(gapsOf(layout, 12, 60).map(({ from, to }) => [from, to])).toEqual([
      [12, 20],
      [30, 35],
    ]);
  });

  test("takes a segment before the file, also when no hole is recorded yet", () => {
    const layout = layoutOf(STREAM, [segmentName(STREAM, 0, 10)], 0, 15);
    expect(partsOf(layout, 0, 15).map(({ in: where }) => where)).toEqual(["segment", "plain"]);
  });

  test("has the pieces of any range end to end, whatever segments there are", () => {
    const range = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 30 }));
    fc.assert(
      fc.property(
        fc.array(range, { maxLength: 6 }),
        fc.nat(90),
        range,
        (ranges, punchedTo, [from, length]) => {
          const made = ranges.map(([start, bytes]) => segmentName(STREAM, start, start + bytes));
          const layout = layoutOf(STREAM, made, punchedTo, 100);
          let at = from;
          for (const part of partsOf(layout, from, from + length)) {
            expect(part.from).toBe(at);
            expect(part.to).toBeGreaterThan(part.from);
            if (part.in === "plain") expect(part.from).toBeGreaterThanOrEqual(layout.plainFrom);
            at = part.to;
          }
          expect(at).toBe(from + length);
        },
      ),
      { numRuns: 500 },
    );
  });
});
