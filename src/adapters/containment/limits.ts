/**
 * What a set may use up, by the best means at hand. A fork bomb without a limit outruns every
 * way of finding its processes, so the process limit is part of containment.
 *
 *   limit        cgroup v2                 cgroup v1                   without either
 *   -----------  ------------------------  --------------------------  ------------------------------
 *   processes    pids.max                  pids.max                    RLIMIT_NPROC: per user, not root
 *   memory       memory.high, memory.max   memory.limit_in_bytes       RLIMIT_DATA: each process
 *   cpu weight   cpu.weight                cpu.shares                  not at all
 *   open files   -                         -                           RLIMIT_NOFILE: each process
 *
 * All agents of a world together have a process limit on the group above theirs.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf } from "../../kernel/fault.ts";
import type { ProcessSet, SetLimits } from "../../supervision/ports.ts";
import { makeDirectory, readGroupFile } from "../cgroup/cgroup-files.ts";
import { readText } from "../proc/proc-table.ts";
import { nprocCeiling } from "./process-limit.ts";

export type Controller = "pids" | "memory" | "cpu";

const CONTROLLERS: readonly Controller[] = ["pids", "memory", "cpu"];

/** Limits that only the agent's own process can take on, by prlimit; null leaves what is inherited. */
export interface OwnLimits {
  readonly nproc: number | null;
  readonly openFiles: number | null;
  /** RLIMIT_DATA. Bytes. */
  readonly dataBytes: number | null;
}

interface Write {
  readonly file: string;
  readonly value: number;
  /** The kernel may be built or booted without that file. */
  readonly isOptional?: boolean;
}

/** All agents together may have so many times the processes of one: many well-behaved, few bombs. */
const SHARED_FACTOR = 16;
/** Throttled and reclaimed from here on, killed at the limit. */
const HIGH_SHARE = 0.9;
const SHARES_PER_WEIGHT = 1_024 / 100;
const OPEN_FILES_LINE = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m;

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

/** How many processes all agents together may have. Pure. */
export function sharedProcesses(processes: number, pidMax: number): number {
  return Math.max(processes, Math.min(processes * SHARED_FACTOR, Math.floor(pidMax / 2)));
}

/** Hands every controller of ours on to the groups below; what is not ours to hand on stays. */
export function handControllersOn(base: string): void {
  for (const controller of CONTROLLERS) delegate(base, controller);
}

/** Makes the groups that limits need and writes them. @returns controllers that no group enforces. */
export function limitGroups(set: ProcessSet, limits: SetLimits): readonly Controller[] {
  const v1 = { pids: set.pidsCgroup, memory: set.memoryCgroup, cpu: set.cpuCgroup };
  return CONTROLLERS.filter((controller) => {
    if (limitWrites(2, controller, limits).length === 0) return false;
    if (set.cgroup !== null && delegate(dirname(set.cgroup), controller)) {
      writeLimits(set.cgroup, limitWrites(2, controller, limits));
      if (controller === "pids") raiseShared(dirname(set.cgroup), limits.processes);
      return false;
    }
    const group = v1[controller] ?? null;
    if (group === null) return true;
    makeDirectory(dirname(group));
    makeDirectory(group);
    writeLimits(group, limitWrites(1, controller, limits));
    if (controller === "pids") raiseShared(dirname(group), limits.processes);
    return false;
  });
}

/** What is left for the agent's own process to take on. */
export function ownLimits(set: ProcessSet, limits: SetLimits, hasPrlimit: boolean): OwnLimits {
  if (!hasPrlimit) return { nproc: null, openFiles: null, dataBytes: null };
  const isGrouped = (controller: Controller, v1: string | null | undefined): boolean =>
    typeof v1 === "string" || (set.cgroup !== null && delegate(dirname(set.cgroup), controller));
  const { openFiles, memoryBytes } = limits;
  return {
    nproc: isGrouped("pids", set.pidsCgroup) ? null : nprocCeiling(limits.processes, set.uid),
    openFiles: openFiles === undefined ? null : Math.min(openFiles, hardOpenFiles()),
    dataBytes:
      memoryBytes === undefined || isGrouped("memory", set.memoryCgroup) ? null : memoryBytes,
  };
}

/** What people must know of limits that are not enforced as asked. */
export function limitWarnings(
  limits: SetLimits,
  missing: readonly Controller[],
  own: OwnLimits,
): readonly string[] {
  const warnings: string[] = [];
  if (missing.includes("pids")) warnings.push(processWarning(own.nproc));
  if (missing.includes("memory")) {
    warnings.push(
      own.dataBytes === null
        ? "The memory is not limited here: no memory control group is writable."
        : `The memory is limited for each process by itself only (RLIMIT_DATA ${own.dataBytes}): no memory control group is writable.`,
    );
  }
  if (missing.includes("cpu")) {
    warnings.push("The cpu weight is not in force: no cpu control group is writable.");
  }
  if (limits.openFiles !== undefined && own.openFiles !== limits.openFiles) {
    warnings.push(
      own.openFiles === null
        ? "The number of open files is not limited here: prlimit is missing."
        : `The number of open files is limited to ${own.openFiles}, the most that is allowed here.`,
    );
  }
  return warnings;
}

/**
 * Hands a controller on to the groups below a cgroup v2 group.
 * @returns false when it was not handed to us.
 */
function delegate(root: string, controller: Controller): boolean {
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

function writeLimits(group: string, writes: readonly Write[]): void {
  for (const { file, value, isOptional } of writes) {
    try {
      writeFileSync(join(group, file), String(value));
    } catch (error) {
      if (isOptional !== true) throw error;
    }
  }
}

/** Only ever raised: agents that run have counted on it. */
function raiseShared(root: string, processes: number): void {
  const shared = sharedProcesses(
    processes,
    Number(readText("/proc/sys/kernel/pid_max") ?? "32768"),
  );
  const now = (readGroupFile(join(root, "pids.max")) ?? "").trim();
  if (now !== "max" && Number(now) >= shared) return;
  writeLimits(root, [{ file: "pids.max", value: shared, isOptional: true }]);
}

function hardOpenFiles(): number {
  const hard = OPEN_FILES_LINE.exec(readFileSync("/proc/self/limits", "latin1"))?.[2];
  return hard === undefined || hard === "unlimited" ? Infinity : Number(hard);
}

function processWarning(nproc: number | null): string {
  return nproc === null
    ? "The number of processes is not limited here: no pids control group is writable and RLIMIT_NPROC does nothing for root."
    : `The number of processes is limited for the whole user only (RLIMIT_NPROC ${nproc}): no pids control group is writable.`;
}
