/** What is written into the group above the agents', with a folder in place of the group: no kernel here hands memory on in cgroup v2. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  isLimitedTogether,
  shareLimit,
} from "../../../../src/adapters/containment/shared-limits.ts";

const MIB = 1_048_576;
const TOGETHER = { processes: 99, memoryBytes: 100 * MIB, cpuWeight: 30 };
const USUAL = { processes: null, memoryBytes: null, cpuWeight: null };
const limits = { processes: 64, together: TOGETHER };

let group: string;
beforeEach(() => {
  group = mkdtempSync(join(tmpdir(), "group-"));
});
afterEach(() => rmSync(group, { recursive: true }));
const file = (name: string): string => readFileSync(join(group, name), "utf8");

test("memory is throttled before it is refused, also for all together", () => {
  expect(shareLimit(2, "memory", group, limits)).toBe(true);
  expect([file("memory.high"), file("memory.max"), file("memory.swap.max")]).toEqual([
    String(90 * MIB),
    String(100 * MIB),
    "0",
  ]);
});

test("each version has its own file for the cpu weight", () => {
  expect(shareLimit(2, "cpu", group, limits)).toBe(true);
  expect(shareLimit(1, "cpu", group, limits)).toBe(true);
  expect([file("cpu.weight"), file("cpu.shares")]).toEqual(["30", "307"]);
});

test("processes that were asked for may be lowered; the usual number is only ever raised", () => {
  shareLimit(2, "pids", group, { processes: 64, together: USUAL });
  const usual = Number(file("pids.max"));
  shareLimit(2, "pids", group, { processes: 8, together: USUAL });
  expect(Number(file("pids.max"))).toBe(usual);
  shareLimit(2, "pids", group, limits);
  expect(file("pids.max")).toBe("99");
});

test("what is in force already is not written again", () => {
  shareLimit(1, "memory", group, limits);
  const path = join(group, "memory.limit_in_bytes");
  // As the kernel tells it: whole pages, and a line.
  writeFileSync(path, `${100 * MIB - 4_096}\n`);
  const { mtimeNs } = statSync(path, { bigint: true });
  expect(shareLimit(1, "memory", group, limits)).toBe(true);
  expect(statSync(path, { bigint: true }).mtimeNs).toBe(mtimeNs);
});

test("a refusal is an answer", () => {
  chmodSync(group, 0o500);
  expect(shareLimit(2, "cpu", join(group, "gone"), limits)).toBe(false);
  expect(existsSync(join(group, "gone"))).toBe(false);
});

test("processes and memory are always limited together, the weight when it is asked for", () => {
  const asked = (together: typeof TOGETHER | typeof USUAL) =>
    (["pids", "memory", "cpu"] as const).map((one) => isLimitedTogether(one, together));
  expect(asked(USUAL)).toEqual([true, true, false]);
  expect(asked(TOGETHER)).toEqual([true, true, true]);
});
