import { expect, test } from "vitest";
import { groupUse, sharedUse } from "../../../src/adapters/meters/group-use.ts";

const reading = (files: Readonly<Record<string, string>>) => (version: 1 | 2, file: string) =>
  files[`${version} ${file}`] ?? null;
const NOTHING = {
  memoryBytes: null,
  memoryLimitBytes: null,
  cpuMs: null,
  tasks: null,
  tasksLimit: null,
};

test("cgroup v2: numbers, and max is no limit", () => {
  const files = {
    "2 memory.current": "4096\n",
    "2 memory.max": "max\n",
    "2 cpu.stat": "usage_usec 12345678\nuser_usec 1\n",
    "2 pids.current": "7\n",
    "2 pids.max": "120\n",
  };
  expect(groupUse(reading(files))).toEqual({
    memoryBytes: 4_096,
    memoryLimitBytes: null,
    cpuMs: 12_346,
    tasks: 7,
    tasksLimit: 120,
  });
});

test("cgroup v1, also beside a v2 group without controllers; its greatest number is no limit", () => {
  const files = {
    "2 cpu.stat": "usage_usec 2000\n",
    "1 memory.usage_in_bytes": "8192\n",
    "1 memory.limit_in_bytes": "9223372036854771712\n",
    "1 pids.current": "3\n",
    "1 pids.max": "max\n",
  };
  expect(groupUse(reading(files))).toEqual({ ...NOTHING, memoryBytes: 8_192, cpuMs: 2, tasks: 3 });
});

test("without groups, or with ones that say nothing, nothing is known", () => {
  expect(groupUse(() => null)).toEqual(NOTHING);
  expect(groupUse(() => "")).toEqual(NOTHING);
});

test("what all use together is without the pages of files that the kernel would give back first", () => {
  const v2 = {
    "2 memory.current": "9000\n",
    "2 memory.max": "10000\n",
    "2 memory.stat": "anon 1\ninactive_file 4000\nactive_file 7\n",
    "1 pids.current": "3\n",
    "1 pids.max": "8\n",
  };
  const all = { memoryBytes: 5_000, memoryLimitBytes: 10_000, tasks: 3, tasksLimit: 8 };
  expect(sharedUse(reading(v2))).toEqual(all);
  const v1 = {
    "1 memory.usage_in_bytes": "9000\n",
    "1 memory.limit_in_bytes": "10000\n",
    "1 memory.stat": "inactive_file 1\ntotal_inactive_file 4000\n",
  };
  expect(sharedUse(reading(v1))).toEqual({ ...all, tasks: null, tasksLimit: null });
  expect(sharedUse(() => null)).toEqual({
    memoryBytes: null,
    memoryLimitBytes: null,
    tasks: null,
    tasksLimit: null,
  });
});
