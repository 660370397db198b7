import { expect, test } from "vitest";
import { alertsOf } from "../../../src/supervision/report-alerts.ts";
import { sumOf, useOf } from "../../../src/supervision/use.ts";
import { row } from "../ledger/memory-ledger.ts";

const process = { threads: 2, fds: 5, memoryBytes: 1_000, cpuMs: 30 };
const groups = {
  memoryBytes: 1_500,
  memoryLimitBytes: null,
  memoryKills: null,
  memoryNeededBytes: null,
  cpuMs: 90,
  tasks: 4,
  tasksLimit: 120,
};

test("a group counts better than its processes, and each source is told", () => {
  expect(useOf([process, process], groups)).toEqual({
    processes: 2,
    threads: 4,
    fds: 10,
    memory_bytes: 1_500,
    memory_source: "cgroup",
    cpu_ms: 90,
    cpu_source: "cgroup",
  });
  expect(useOf([process, process], null)).toMatchObject({
    memory_bytes: 2_000,
    memory_source: "resident",
    cpu_ms: 60,
    cpu_source: "processes",
  });
});

test("a sum with a part missing is not known", () => {
  const use = useOf([process, { ...process, fds: null, memoryBytes: null }], null);
  expect(use).toMatchObject({ processes: 2, fds: null, memory_bytes: null, memory_source: "none" });
});

test("nothing runs: nothing is used, and nobody had to be asked", () => {
  expect(sumOf([])).toMatchObject({ processes: 0, memory_bytes: 0, fds: 0, cpu_ms: 0 });
});

test("a sum is only as good as the worst of its sources", () => {
  const sum = sumOf([useOf([process], groups), useOf([process], null)]);
  expect(sum).toMatchObject({
    processes: 2,
    memory_bytes: 2_500,
    memory_source: "resident",
    cpu_source: "processes",
  });
});

const GIB = 2 ** 30;
const DISK = {
  path: "/state",
  level: "fine",
  free_bytes: 5 * GIB,
  total_bytes: 100 * GIB,
  free_inodes: 0,
  total_inodes: 0,
  floors: { warn: 0, refuse: 0, relieve: 0, stop: 0 },
} as const;
const FINE = { rows: [], limits: [], fileSystems: [DISK] };

test("alerts: what is near its limit, what is stuck, and a disk that fills", () => {
  const limit = { name: "memory", used: 95, limit: 100, unit: "bytes", by: "control group" };
  expect(alertsOf(FINE)).toEqual([]);
  expect(alertsOf({ ...FINE, limits: [{ ...limit, used: 89 }], fileSystems: [] })).toEqual([]);
  expect(alertsOf({ ...FINE, limits: [limit] })[0]).toContain("memory is at 95 of 100 bytes");
  const stuck = row(1, "temp_dir", { attempts: 2, error: "EBUSY" });
  expect(alertsOf({ ...FINE, rows: [stuck] })[0]).toMatch(/^1 held .*EBUSY.*corral sweep --apply/);
  const low = { ...DISK, level: "refuse" } as const;
  expect(alertsOf({ ...FINE, fileSystems: [low] })[0]).toMatch(
    /^Only 5.0 GiB of 100.0 GiB .* \/state\. No agent is admitted/,
  );
});
