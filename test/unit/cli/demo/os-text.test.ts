import { expect, test } from "vitest";
import {
  cgroupDirectories,
  cgroupMounts,
  hardLimit,
  isBelow,
  learnMark,
  MSGQUEUE_ROW,
  namesPath,
} from "../../../../src/surface/cli/demo/os-text.ts";

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max pending signals       63426                63426                signals
Max msgqueue size         780004               800123               bytes
Max nice priority         0                    0
Max cpu time              unlimited            unlimited            seconds
`;

test("reads the hard limit of a row, and nothing from a row that has none", () => {
  expect(hardLimit(LIMITS, MSGQUEUE_ROW)).toBe(800_123);
  expect(hardLimit(LIMITS, "Max cpu time")).toBeNull();
  expect(hardLimit("", MSGQUEUE_ROW)).toBeNull();
});

const MOUNTINFO = `24 30 0:22 / /proc rw,nosuid - proc proc rw
31 30 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
32 30 0:28 / /sys/fs/pids rw - cgroup cgroup rw,pids
33 30 0:29 /docker/abc /sys/fs/memory rw - cgroup cgroup rw,memory
34 30 0:30 / /sys/fs/cpu rw - cgroup cgroup rw,cpu,cpuacct`;

test("finds a process's directory in each mounted hierarchy, with those above it", () => {
  const mounts = cgroupMounts(MOUNTINFO);
  expect(mounts).toHaveLength(4);
  expect(cgroupDirectories("0::/user.slice/corral-1/a\n8:pids:/corral-1/a\n", mounts)).toEqual([
    "/sys/fs/cgroup/user.slice",
    "/sys/fs/cgroup/user.slice/corral-1",
    "/sys/fs/cgroup/user.slice/corral-1/a",
    "/sys/fs/pids/corral-1",
    "/sys/fs/pids/corral-1/a",
  ]);
});

test("takes a mount's own root off, and leaves what lies outside of it", () => {
  const mounts = cgroupMounts(MOUNTINFO);
  expect(cgroupDirectories("4:memory:/docker/abc/a", mounts)).toEqual(["/sys/fs/memory/a"]);
  expect(cgroupDirectories("0::/../other", mounts)).toEqual([]);
  expect(cgroupDirectories("9:name=systemd:/a\n0::/", mounts)).toEqual([]);
  expect(cgroupDirectories("2:cpuacct,cpu:/a", mounts)).toEqual(["/sys/fs/cpu/a"]);
});

test("a path is named by itself and by what lies below it, not by its neighbours", () => {
  expect(namesPath("node /tmp/demo-a/x.ts", "/tmp/demo-a")).toBe(true);
  expect(namesPath("A=1\0TMPDIR=/tmp/demo-a\0", "/tmp/demo-a")).toBe(true);
  expect(namesPath("/tmp/demo-ab /tmp/demo-a", "/tmp/demo-a")).toBe(true);
  expect(namesPath("/tmp/demo-ab", "/tmp/demo-a")).toBe(false);
  expect(namesPath("", "/tmp/demo-a")).toBe(false);
});

test("a process is below the root by its words, its environment or its folder", () => {
  const none = { pid: 7, cmdline: "sh", environ: "", cwd: "/", mark: null };
  expect(isBelow("/tmp/r", none)).toBe(false);
  expect(isBelow("/tmp/r", { ...none, cmdline: "sh\0/tmp/r/x" })).toBe(true);
  expect(isBelow("/tmp/r", { ...none, environ: "A=/tmp/r\0" })).toBe(true);
  expect(isBelow("/tmp/r", { ...none, cwd: "/tmp/r" })).toBe(true);
});

test("the mark is what most of ours bear and we do not", () => {
  const marks = [819_200, 790_001, 790_001, null, 780_000].map((mark) => ({ mark }));
  expect(learnMark(marks, 819_200)).toBe(790_001);
  expect(learnMark([{ mark: 819_200 }, { mark: null }], 819_200)).toBeNull();
});
