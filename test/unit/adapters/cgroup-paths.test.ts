import { expect, test } from "vitest";
import {
  hidepidOf,
  ownCgroup2Directory,
  ownV1Directory,
} from "../../../src/adapters/cgroup/cgroup-paths.ts";

const HYBRID = `23 1 0:21 / /proc rw,relatime - proc proc rw,hidepid=invisible
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;
const UNIFIED = `35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
`;
const BIND = `35 24 0:30 /box /mnt/my\\040groups rw - cgroup2 cgroup2 rw
`;

test.for([
  { mounts: HYBRID, own: "8:pids:/\n0::/\n", at: "/sys/fs/cgroup/unified" },
  { mounts: UNIFIED, own: "0::/user.slice/a.service\n", at: "/sys/fs/cgroup/user.slice/a.service" },
  { mounts: BIND, own: "0::/box/inner\n", at: "/mnt/my groups/inner" },
  { mounts: BIND, own: "0::/elsewhere\n", at: null },
  { mounts: UNIFIED, own: "8:pids:/\n", at: null },
  { mounts: "", own: "0::/\n", at: null },
])("finds our own cgroup v2 group at $at", ({ mounts, own, at }) => {
  expect(ownCgroup2Directory(mounts, own)).toBe(at);
});

test.for([
  { own: "8:pids:/a\n", at: "/sys/fs/cgroup/pids/a" },
  { own: "8:cpu,pids:/b\n", at: "/sys/fs/cgroup/pids/b" },
  { own: "8:mypids:/c\n0::/\n", at: null },
])("finds our own v1 pids group at $at", ({ own, at }) => {
  expect(ownV1Directory(HYBRID, own, "pids")).toBe(at);
});

test("a v1 controller is found by its whole name, alone or mounted with another", () => {
  const mounts = `36 31 0:36 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
37 31 0:37 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
38 31 0:38 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
`;
  const own = "5:cpuset:/set\n4:cpu,cpuacct:/a\n3:freezer:/\n";
  expect(ownV1Directory(mounts, own, "cpu")).toBe("/sys/fs/cgroup/cpu,cpuacct/a");
  expect(ownV1Directory(mounts, own, "freezer")).toBe("/sys/fs/cgroup/freezer");
  expect(ownV1Directory(mounts, own, "memory")).toBe(null);
});

test("sees that /proc hides processes", () => {
  expect(hidepidOf(HYBRID)).toBe("invisible");
  expect(hidepidOf(HYBRID.replace("invisible", "0"))).toBe(null);
  expect(hidepidOf(UNIFIED)).toBe(null);
});
