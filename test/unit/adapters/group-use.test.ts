import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { groupUse } from "../../../src/adapters/meters/group-use.ts";
import { readerOf } from "../../../src/adapters/meters/machine-meters.ts";
import type { ProcessSet } from "../../../src/supervision/ports.ts";

const reading = (files: Readonly<Record<string, string>>) => (version: 1 | 2, file: string) =>
  files[`${version} ${file}`] ?? null;
const NOTHING = {
  memoryBytes: null,
  memoryLimitBytes: null,
  memoryNeededBytes: null,
  memoryKills: null,
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
    "2 memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n",
  };
  expect(groupUse(reading(files))).toEqual({
    memoryBytes: 4_096,
    memoryLimitBytes: null,
    memoryNeededBytes: null,
    memoryKills: 2,
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
    "1 memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
  };
  const seen = { memoryBytes: 8_192, memoryKills: 4, cpuMs: 2, tasks: 3 };
  expect(groupUse(reading(files))).toEqual({ ...NOTHING, ...seen });
});

test("without groups, or with ones that say nothing, nothing is known", () => {
  expect(groupUse(() => null)).toEqual(NOTHING);
  expect(groupUse(() => "")).toEqual(NOTHING);
});

test("at a limit memory counts without the pages of files that the kernel would give back first", () => {
  const v2 = {
    "2 memory.current": "9000\n",
    "2 memory.max": "10000\n",
    "2 memory.stat": "anon 1\ninactive_file 4000\nactive_file 7\n",
  };
  const all = {
    ...NOTHING,
    memoryBytes: 9_000,
    memoryLimitBytes: 10_000,
    memoryNeededBytes: 5_000,
  };
  expect(groupUse(reading(v2))).toEqual(all);
  const v1 = {
    "1 memory.usage_in_bytes": "9000\n",
    "1 memory.limit_in_bytes": "10000\n",
    "1 memory.stat": "inactive_file 1\ntotal_inactive_file 4000\n",
  };
  expect(groupUse(reading(v1))).toEqual(all);
  // It is not known what of it is idle: then all of it counts.
  expect(groupUse(reading({ ...v2, "2 memory.stat": "" }))).toEqual({
    ...all,
    memoryNeededBytes: 9_000,
  });
});

test("a controller is read where the set has its group, and nowhere else", () => {
  const root = mkdtempSync(join(tmpdir(), "corral-groups-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const group of ["v2", "memory", "pids"]) {
    mkdirSync(join(root, group));
    for (const file of ["memory.max", "pids.max", "cpu.stat", "cpuacct.usage"])
      writeFileSync(join(root, group, file), group);
  }
  const [cgroup, memoryCgroup, pidsCgroup] = [
    join(root, "v2"),
    join(root, "memory"),
    join(root, "pids"),
  ];
  const read = (
    groups: Partial<ProcessSet>,
    ...[version, file]: Parameters<ReturnType<typeof readerOf>>
  ) =>
    readerOf({ cgroup: null, memoryCgroup: null, pidsCgroup: null, ...groups } as ProcessSet)(
      version,
      file,
    );
  const hybrid = { cgroup, memoryCgroup, pidsCgroup };
  expect(read(hybrid, 1, "memory.max")).toBe("memory");
  expect(read(hybrid, 2, "memory.max")).toBeNull();
  expect(read(hybrid, 1, "pids.max")).toBe("pids");
  expect(read(hybrid, 2, "pids.max")).toBeNull();
  expect(read(hybrid, 2, "cpu.stat")).toBe("v2");
  expect(read({ cgroup, pidsCgroup }, 2, "memory.max")).toBe("v2");
  expect(read({ cgroup }, 2, "pids.max")).toBe("v2");
  expect(read({ pidsCgroup }, 1, "memory.max")).toBe("pids");
  expect(read({ memoryCgroup }, 1, "cpuacct.usage")).toBe("memory");
});
