import { expect, test } from "vitest";
import {
  isDead,
  parseMark,
  parseNamespacePids,
  parseStat,
  parseUid,
  parseUptimeTicks,
} from "../../../src/adapters/proc/proc-text.ts";
import { isOfWorld } from "../../../src/kernel/watermark.ts";

/** A stat line of proc(5) with its 52 fields; only those that are read matter. */
function statLine(name: string, state: string, threads = 1): string {
  const head = `4242 (${name}) ${state} 17 4242 4200 34816 4242 4194304 1 2 3 4 5 6 7 8 20 0`;
  return `${head} ${threads} 0 987654 9 8 7 6 5 4 3 2 1 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n`;
}

test.for(["perl", "a b", ") R 1 (", "x)\n Z"])("reads a process that calls itself %j", (name) => {
  expect(parseStat(statLine(name, "S", 3))).toEqual({
    pid: 4242,
    name,
    state: "S",
    ppid: 17,
    sessionId: 4200,
    threads: 3,
    startTicks: 987_654,
  });
});

test.for(["", "4242", "4242 (perl) S", "(perl) S 1"])("takes %j for no stat line", (text) => {
  expect(parseStat(text)).toBe(null);
});

test.for([
  { state: "Z", threads: 1, dead: true },
  { state: "X", threads: 1, dead: true },
  { state: "Z", threads: 2, dead: false }, // its main thread ended, the others run
  { state: "T", threads: 1, dead: false },
  { state: "D", threads: 1, dead: false },
])("$state with $threads threads is dead: $dead", ({ state, threads, dead }) => {
  const stat = parseStat(statLine("perl", state, threads));
  expect(stat !== null && isDead(stat)).toBe(dead);
});

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units     
Max pending signals       96365                96365                signals   
Max msgqueue size         400014               790011               bytes     
Max nice priority         0                    0                    
`;

test("reads the watermark, and none where there is none", () => {
  expect(parseMark(LIMITS)).toEqual({ soft: 400_014, hard: 790_011, seal: null });
  expect(parseMark(LIMITS.replace("790011   ", "unlimited"))).toBe(null);
  expect(parseMark("")).toBe(null);
});

test.each([
  ["unlimited", null],
  ["1000", null],
  ["1099511627775", null],
  ["1099511627776", 1_099_511_627_776],
  ["281474976710655", 281_474_976_710_655],
  ["281474976710656", null],
])("a hard limit of %s locks is the seal %s", (hard, seal) => {
  const locks = `Max file locks            7                    ${hard.padEnd(20)} locks     \n`;
  expect(parseMark(locks + LIMITS)).toEqual({ soft: 400_014, hard: 790_011, seal });
});

test("a mark is one of that world's only with both of its numbers", () => {
  const mark = { soft: 1, hard: 790_000, seal: 2 ** 41 };
  const unsealed = { soft: 1, hard: 790_000 };
  expect(isOfWorld(mark, { hard: 790_000, seal: 2 ** 41 })).toBe(true);
  expect(isOfWorld(mark, { hard: 790_000, seal: 2 ** 41 + 1 })).toBe(false);
  expect(isOfWorld(mark, { hard: 790_000, seal: null })).toBe(false);
  expect(isOfWorld(mark, { hard: 790_001, seal: 2 ** 41 })).toBe(false);
  expect(isOfWorld(unsealed, { hard: 790_000, seal: null })).toBe(true);
  expect(isOfWorld(unsealed, { hard: 790_000, seal: 2 ** 41 })).toBe(false);
  expect(isOfWorld(null, { hard: 790_000, seal: null })).toBe(false);
});

test("reads the real uid and the uptime", () => {
  expect(parseUid("Name:\tUid: 7\nUid:\t65534\t0\t0\t0\n")).toBe(65_534);
  expect(parseUid("")).toBe(null);
  expect(parseUptimeTicks("2359.07 4600.00\n")).toBe(235_907);
  expect(parseUptimeTicks("soon")).toBe(null);
});

test("reads the pids of a process in each namespace, the reader's first", () => {
  expect(parseNamespacePids("Name:\tNSpid: 9\nNSpid:\t4711\t1\nNSpgid:\t4711\t1\n")).toEqual([
    4_711, 1,
  ]);
  expect(parseNamespacePids("NSpid:\t12\nThreads:\t1\n")).toEqual([12]);
  expect(parseNamespacePids("")).toEqual([]);
});
