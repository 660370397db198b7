import { expect, test } from "vitest";
import { limitWrites } from "../../../../src/adapters/containment/limit-files.ts";
import { limitWarnings, nicenessOf } from "../../../../src/adapters/containment/limits.ts";
import {
  sharedMemory,
  sharedProcesses,
} from "../../../../src/adapters/containment/shared-limits.ts";

const ALL = { processes: 64, memoryBytes: 1_000_000, cpuWeight: 50 };
const NOTHING_OWN = { nproc: null, openFiles: null, dataBytes: null, niceness: null };

test("cgroup v2 throttles memory before it kills, and swap is no way around", () => {
  expect(limitWrites(2, "memory", ALL)).toEqual([
    { file: "memory.high", value: 900_000 },
    { file: "memory.max", value: 1_000_000 },
    { file: "memory.swap.max", value: 0, isOptional: true },
  ]);
  expect(limitWrites(2, "cpu", ALL)).toEqual([{ file: "cpu.weight", value: 50 }]);
  expect(limitWrites(2, "pids", ALL)).toEqual([{ file: "pids.max", value: 64 }]);
});

test("cgroup v1 takes the limit before that of memory with swap, which must not be less", () => {
  expect(limitWrites(1, "memory", ALL).map(({ file }) => file)).toEqual([
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
  ]);
  expect(limitWrites(1, "cpu", ALL)).toEqual([{ file: "cpu.shares", value: 512 }]);
  expect(limitWrites(1, "cpu", { ...ALL, cpuWeight: 100 })).toEqual([
    { file: "cpu.shares", value: 1_024 },
  ]);
});

test("what is not asked for is not written", () => {
  for (const version of [1, 2] as const) {
    expect(limitWrites(version, "memory", { processes: 64 })).toEqual([]);
    expect(limitWrites(version, "cpu", { processes: 64 })).toEqual([]);
  }
});

test.for([
  { processes: 1_024, pidMax: 4_194_304, shared: 16_384 },
  { processes: 1_024, pidMax: 32_768, shared: 16_384 },
  { processes: 4_096, pidMax: 32_768, shared: 16_384 }, // half of what the machine has
  { processes: 20_000, pidMax: 32_768, shared: 20_000 }, // one agent may have what it may have
  { processes: 8, pidMax: 32_768, shared: 128 },
])("agents of $processes share $shared of $pidMax pids", ({ processes, pidMax, shared }) => {
  expect(sharedProcesses(processes, pidMax)).toBe(shared);
});

test("every limit that nobody enforces is told", () => {
  const limits = { ...ALL, openFiles: 99 };
  const own = ["pids", "memory", "cpu"] as const;
  const told = limitWarnings(limits, { own, together: ["pids", "memory"] }, NOTHING_OWN);
  expect(told).toHaveLength(5);
  expect(told.join(" ")).toMatch(
    /number of processes.*memory.*cpu weight.*open files.*together.*processes and memory/,
  );
  const none = { own: [], together: [] };
  expect(limitWarnings(limits, none, { ...NOTHING_OWN, openFiles: 99 })).toEqual([]);
  // What nobody asked for may be less without a word.
  expect(limitWarnings({ processes: 64, mostOpenFiles: 99 }, none, NOTHING_OWN)).toEqual([]);
});

test.for([
  [100, null],
  [10_000, null],
  [95, null],
  [80, 1],
  [50, 3],
  [10, 10],
  [1, 19],
] as const)("a cpu weight of %i is a niceness of %s", ([weight, niceness]) => {
  expect(nicenessOf(weight)).toBe(niceness);
});

test("all agents together leave a fifth of the memory", () => {
  expect(sharedMemory(1_000)).toBe(800);
});
