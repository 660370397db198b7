import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GIB, KIB, MIB, TIB } from "../../../src/kernel/units.ts";
import {
  ballastBytes,
  DISK_LEVELS,
  type DiskLevel,
  FLOOR_PATTERN,
  floorBytes,
  floorInodes,
  type Floors,
  hasRoomFor,
  levelOf,
  missingTo,
  parseFloor,
  type Space,
} from "../../../src/output/disk-floors.ts";

const FLOORS: Floors = {
  warn: parseFloor("20%"),
  refuse: parseFloor("15%"),
  relieve: parseFloor("12%"),
  stop: parseFloor("10%"),
};
const space = (freeBytes: number, more: Partial<Space> = {}): Space => ({
  totalBytes: 1_000,
  freeBytes,
  totalInodes: 0,
  freeInodes: 0,
  ...more,
});

describe("how a floor is written", () => {
  test.for([
    ["15%", { percent: 15, bytes: null }],
    ["0.5%", { percent: 0.5, bytes: null }],
    ["5GiB", { percent: null, bytes: 5 * GIB }],
    ["12KiB", { percent: null, bytes: 12 * KIB }],
    ["15%,300MiB", { percent: 15, bytes: 300 * MIB }],
    ["15%,1TiB", { percent: 15, bytes: TIB }],
    ["0", { percent: null, bytes: null }],
    ["0%", { percent: null, bytes: null }],
  ] as const)("%s", ([text, floor]) => {
    expect(text).toMatch(FLOOR_PATTERN);
    expect(parseFloor(text)).toEqual(floor);
  });

  test.for(["", "15", "100%", "15 %", "5GB", "5GiB,15%", "15%,", "-1%", "1e3%", "1.5GiB"])(
    "not %o",
    (text) => expect(text).not.toMatch(FLOOR_PATTERN),
  );
});

describe("a floor", () => {
  test("is the smaller of share and size, whatever the size of the disk", () => {
    const floor = parseFloor("15%,5GiB");
    expect(floorBytes(floor, 10 * TIB)).toBe(5 * GIB);
    expect(floorBytes(floor, 10 * GIB)).toBe(1.5 * GIB);
    expect(floorBytes(parseFloor("15%"), 1_000)).toBe(150);
    expect(floorBytes(parseFloor("5GiB"), 1_000)).toBe(5 * GIB);
    expect(floorBytes(parseFloor("0"), 1_000)).toBe(0);
  });

  test("of inodes is its share, and never more than a thousand for each per cent", () => {
    expect(floorInodes(parseFloor("10%,5GiB"), 1_000)).toBe(100);
    expect(floorInodes(parseFloor("10%"), 100_000_000)).toBe(10_000);
    expect(floorInodes(parseFloor("5GiB"), 1_000)).toBe(0);
    expect(floorInodes(parseFloor("10%"), 0)).toBe(0);
  });
});

describe("the level", () => {
  test.for([
    [200, "fine"],
    [199, "warn"],
    [150, "warn"],
    [149, "refuse"],
    [119, "relieve"],
    [99, "stop"],
    [0, "stop"],
  ] as const)("with %i of 1000 free is %s", ([free, level]) => {
    expect(levelOf(space(free), FLOORS, "fine")).toBe(level);
  });

  test("is left when a tenth more than its floor is free, not before", () => {
    expect(levelOf(space(109), FLOORS, "stop")).toBe("stop");
    expect(levelOf(space(110), FLOORS, "stop")).toBe("relieve");
    expect(levelOf(space(164), FLOORS, "refuse")).toBe("refuse");
    expect(levelOf(space(165), FLOORS, "refuse")).toBe("warn");
    expect(levelOf(space(219), FLOORS, "warn")).toBe("warn");
    expect(levelOf(space(220), FLOORS, "warn")).toBe("fine");
    expect(missingTo(150, 149)).toBe(150);
    expect(missingTo(150, 151)).toBe(165);
  });

  test("is that of the inodes when they are shorter", () => {
    const few = { totalInodes: 1_000, freeInodes: 99 };
    expect(levelOf(space(900, few), FLOORS, "fine")).toBe("stop");
    expect(levelOf(space(900, { totalInodes: 0, freeInodes: 0 }), FLOORS, "fine")).toBe("fine");
  });

  test("does not depend on the order of the floors: each one that is broken counts", () => {
    const odd = { ...FLOORS, stop: parseFloor("30%") };
    expect(levelOf(space(299), odd, "fine")).toBe("stop");
  });

  const anySpace = fc.record({
    totalBytes: fc.constant(1_000),
    freeBytes: fc.nat(1_000),
    totalInodes: fc.constantFrom(0, 500),
    freeInodes: fc.nat(500),
  });
  const anyLevel = fc.constantFrom(...DISK_LEVELS);

  test("never gets better with less room, nor worse with more", () => {
    fc.assert(
      fc.property(anySpace, fc.nat(1_000), anyLevel, (one, freeBytes, previous) => {
        const rank = (level: DiskLevel): number => DISK_LEVELS.indexOf(level);
        const other = { ...one, freeBytes };
        const [less, more] = one.freeBytes <= freeBytes ? [one, other] : [other, one];
        expect(rank(levelOf(less, FLOORS, previous))).toBeGreaterThanOrEqual(
          rank(levelOf(more, FLOORS, previous)),
        );
      }),
    );
  });

  test("stands still when nothing changes", () => {
    fc.assert(
      fc.property(anySpace, anyLevel, (seen, previous) => {
        const level = levelOf(seen, FLOORS, previous);
        expect(levelOf(seen, FLOORS, level)).toBe(level);
      }),
    );
  });
});

describe("the ballast", () => {
  test("is what was configured, and a sixteenth of a small disk", () => {
    expect(ballastBytes(32 * MIB, 100 * GIB)).toBe(32 * MIB);
    expect(ballastBytes(32 * MIB, 16 * MIB)).toBe(MIB);
    expect(ballastBytes(0, 16 * MIB)).toBe(0);
  });

  test("is filled only where agents are admitted with it", () => {
    expect(hasRoomFor(100, space(265), FLOORS)).toBe(true);
    expect(hasRoomFor(100, space(264), FLOORS)).toBe(false);
  });
});
