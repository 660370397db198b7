/** The kernel's files for limits of a control group: what is written into which. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../kernel/fault.ts";
import type { SetLimits } from "../../supervision/ports.ts";
import { readGroupFile } from "../cgroup/cgroup-files.ts";

export type Controller = "pids" | "memory" | "cpu";

export const CONTROLLERS: readonly Controller[] = ["pids", "memory", "cpu"];

export interface Write {
  readonly file: string;
  readonly value: number;
  /** The kernel may be built or booted without that file. */
  readonly isOptional?: boolean;
}

/** Throttled and reclaimed from here on, killed at the limit. */
const HIGH_SHARE = 0.9;
const SHARES_PER_WEIGHT = 1_024 / 100;

/** What to write for a limit. Pure. @returns an empty list for a limit that is not set. */
export function limitWrites(
  version: 1 | 2,
  controller: Controller,
  { processes, memoryBytes, cpuWeight }: SetLimits,
): readonly Write[] {
  if (controller === "pids") return [{ file: "pids.max", value: processes }];
  if (controller === "cpu") {
    if (cpuWeight === undefined) return [];
    return version === 2
      ? [{ file: "cpu.weight", value: cpuWeight }]
      : [{ file: "cpu.shares", value: Math.max(2, Math.round(cpuWeight * SHARES_PER_WEIGHT)) }];
  }
  if (memoryBytes === undefined) return [];
  return version === 2
    ? [
        { file: "memory.high", value: Math.floor(memoryBytes * HIGH_SHARE) },
        { file: "memory.max", value: memoryBytes },
        // Swap would be a way around the limit.
        { file: "memory.swap.max", value: 0, isOptional: true },
      ]
    : [
        { file: "memory.limit_in_bytes", value: memoryBytes },
        { file: "memory.memsw.limit_in_bytes", value: memoryBytes, isOptional: true },
      ];
}

/** Tries a v1 limit on a throw-away group. Throws what the kernel says. */
export function probeLimitFile(group: string, controller: Controller): void {
  const generous = { processes: 16, memoryBytes: 2 ** 30, cpuWeight: 100 };
  writeLimits(group, limitWrites(1, controller, generous));
}

/** Hands every controller of ours on to the groups below; what is not ours to hand on stays. */
export function handControllersOn(base: string): void {
  for (const controller of CONTROLLERS) delegate(base, controller);
}

/**
 * Hands a controller on to the groups below a cgroup v2 group.
 * @returns false when it was not handed to us.
 */
export function delegate(root: string, controller: Controller): boolean {
  const offered = readGroupFile(join(root, "cgroup.controllers")) ?? "";
  if (!offered.trim().split(/\s+/).includes(controller)) return false;
  try {
    writeFileSync(join(root, "cgroup.subtree_control"), `+${controller}`);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** Writes limits into a group. Throws what the kernel says, but for those that may be missing. */
export function writeLimits(group: string, writes: readonly Write[]): void {
  for (const { file, value, isOptional } of writes) {
    try {
      writeFileSync(join(group, file), String(value));
    } catch (error) {
      if (isOptional !== true) throw error;
    }
  }
}
