/**
 * What a set may use up, by the best means at hand. A fork bomb without a limit outruns every
 * way of finding its processes, so the process limit is part of containment.
 *
 *   limit        cgroup v2                 cgroup v1                   without either
 *   -----------  ------------------------  --------------------------  ------------------------------
 *   processes    pids.max                  pids.max                    RLIMIT_NPROC: per user, not root
 *   memory       memory.high, memory.max   memory.limit_in_bytes       RLIMIT_DATA: each process
 *   cpu weight   cpu.weight                cpu.shares                  niceness: only less, its session
 *   open files   -                         -                           RLIMIT_NOFILE: each process
 *
 * All agents of a world together have limits on the group above theirs (shared-limits.ts).
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ProcessSet, SetLimits } from "../../supervision/ports.ts";
import { makeDirectory } from "../cgroup/cgroup-files.ts";
import { type Controller, CONTROLLERS, delegate, limitWrites, writeLimits } from "./limit-files.ts";
import { nprocCeiling } from "./process-limit.ts";
import { isLimitedTogether, shareLimit } from "./shared-limits.ts";

/** Limits that only the agent's own process can take on, by prlimit; null leaves what is inherited. */
export interface OwnLimits {
  readonly nproc: number | null;
  readonly openFiles: number | null;
  /** RLIMIT_DATA. Bytes. */
  readonly dataBytes: number | null;
  /** 1 to 19, in place of a cpu weight that no group enforces. */
  readonly niceness: number | null;
}

/** One step of niceness gives so much less of a processor; see sched(7). */
const NICE_STEP = 1.25;
const NICE_MOST = 19;
const OPEN_FILES_LINE = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m;

/** The niceness that comes nearest to a weight. Pure. @returns null for what only root may have. */
export function nicenessOf(cpuWeight: number): number | null {
  const steps = Math.round(Math.log(100 / cpuWeight) / Math.log(NICE_STEP));
  return steps < 1 ? null : Math.min(steps, NICE_MOST);
}

/** What no group enforces: for the agent itself, and for all agents together. */
export interface Unenforced {
  readonly own: readonly Controller[];
  readonly together: readonly Controller[];
}

/** Makes the groups that limits need and writes them. */
export function limitGroups(set: ProcessSet, limits: SetLimits): Unenforced {
  const own: Controller[] = [];
  const together: Controller[] = [];
  const { processes, together: shared } = limits;
  for (const controller of CONTROLLERS) {
    const isOwn = limitWrites(2, controller, limits).length > 0;
    const isShared = shared !== undefined && isLimitedTogether(controller, shared);
    if (!isOwn && !isShared) continue;
    const found = groupFor(set, controller);
    if (found === null) {
      if (isOwn) own.push(controller);
      if (isShared) together.push(controller);
      continue;
    }
    const { version, group } = found;
    if (version === 1) {
      makeDirectory(dirname(group));
      makeDirectory(group);
    }
    writeLimits(group, limitWrites(version, controller, limits));
    if (!isShared) continue;
    const isIn = shareLimit(version, controller, dirname(group), { processes, together: shared });
    if (!isIn) together.push(controller);
  }
  return { own, together };
}

function groupFor(
  { cgroup, cpuCgroup, memoryCgroup, pidsCgroup }: ProcessSet,
  controller: Controller,
): { readonly version: 1 | 2; readonly group: string } | null {
  if (cgroup !== null && delegate(dirname(cgroup), controller)) {
    return { version: 2, group: cgroup };
  }
  const group = { pids: pidsCgroup, memory: memoryCgroup, cpu: cpuCgroup }[controller] ?? null;
  return group === null ? null : { version: 1, group };
}

/** What is left for the agent's own process to take on. */
export function ownLimits(set: ProcessSet, limits: SetLimits, hasPrlimit: boolean): OwnLimits {
  const { cpuWeight, memoryBytes } = limits;
  const isGrouped = (controller: Controller): boolean => groupFor(set, controller) !== null;
  const niceness = cpuWeight === undefined || isGrouped("cpu") ? null : nicenessOf(cpuWeight);
  if (!hasPrlimit) return { nproc: null, openFiles: null, dataBytes: null, niceness };
  const openFiles = limits.openFiles ?? limits.mostOpenFiles;
  return {
    nproc: isGrouped("pids") ? null : nprocCeiling(limits.processes, set.uid),
    openFiles: openFiles === undefined ? null : Math.min(openFiles, hardOpenFiles()),
    dataBytes: memoryBytes === undefined || isGrouped("memory") ? null : memoryBytes,
    niceness,
  };
}

/** What people must know of limits that are not enforced as asked. */
export function limitWarnings(
  limits: SetLimits,
  missing: Unenforced,
  own: OwnLimits,
): readonly string[] {
  const warnings: string[] = [];
  if (missing.own.includes("pids")) warnings.push(processWarning(own.nproc));
  if (missing.own.includes("memory")) {
    warnings.push(
      own.dataBytes === null
        ? "The memory is not limited here: no memory control group is writable."
        : `The memory is limited for each process by itself only (RLIMIT_DATA ${own.dataBytes}): no memory control group is writable.`,
    );
  }
  if (missing.own.includes("cpu")) {
    warnings.push(
      own.niceness === null
        ? "The cpu weight is not in force: no cpu control group is writable."
        : `The cpu weight is a niceness of ${own.niceness} only, which a session of its own can leave: no cpu control group is writable.`,
    );
  }
  if (limits.openFiles !== undefined && own.openFiles !== limits.openFiles) {
    warnings.push(
      own.openFiles === null
        ? "The number of open files is not limited here: prlimit is missing."
        : `The number of open files is limited to ${own.openFiles}, the most that is allowed here.`,
    );
  }
  if (missing.together.length > 0) {
    const what = missing.together.map((controller) => CONTROLLER_WORDS[controller]).join(" and ");
    warnings.push(
      `All agents together are not limited here in ${what}: no control group for that is writable.`,
    );
  }
  return warnings;
}

const CONTROLLER_WORDS: Readonly<Record<Controller, string>> = {
  pids: "processes",
  memory: "memory",
  cpu: "cpu weight",
};

function hardOpenFiles(): number {
  const hard = OPEN_FILES_LINE.exec(readFileSync("/proc/self/limits", "latin1"))?.[2];
  return hard === undefined || hard === "unlimited" ? Infinity : Number(hard);
}

function processWarning(nproc: number | null): string {
  return nproc === null
    ? "The number of processes is not limited here: no pids control group is writable and RLIMIT_NPROC does nothing for root."
    : `The number of processes is limited for the whole user only (RLIMIT_NPROC ${nproc}): no pids control group is writable.`;
}
