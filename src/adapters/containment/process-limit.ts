/**
 * How many processes an agent may have, by the best means at hand. A fork bomb without a limit
 * outruns every way of finding its processes, so the limit is part of containment.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../kernel/fault.ts";
import { readGroupFile } from "../cgroup/cgroup-files.ts";
import { listPids, readLiveStat, readUid } from "../proc/proc-table.ts";

/** The ceiling counts everything of the user, so it leaves room for agents yet to come. */
const HEADROOM = 4;
const NPROC_LINE = /^Max processes\s+(\d+|unlimited)\s+(\d+|unlimited)/m;

/** Writes `pids.max` of a group (v1 and v2 name it alike). */
export function setPidsMax(group: string, maxProcesses: number): void {
  writeFileSync(join(group, "pids.max"), String(maxProcesses));
}

/**
 * Hands the pids controller on to the groups below a cgroup v2 group.
 * @returns false when it was not handed to us.
 */
export function delegatePids(root: string): boolean {
  const controllers = readGroupFile(join(root, "cgroup.controllers")) ?? "";
  if (!controllers.split(/\s+/).includes("pids")) return false;
  try {
    writeFileSync(join(root, "cgroup.subtree_control"), "+pids");
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/**
 * RLIMIT_NPROC that leaves an agent its processes. The kernel counts all of the user's
 * processes and threads against it and ignores it for root.
 *
 * @returns null for root, where it would do nothing.
 */
export function nprocCeiling(maxProcesses: number, uid: number): number | null {
  if (uid === 0) return null;
  const wanted = countTasks(uid) + maxProcesses * HEADROOM;
  const hard = NPROC_LINE.exec(readFileSync("/proc/self/limits", "latin1"))?.[2];
  const most = hard === undefined || hard === "unlimited" ? Infinity : Number(hard);
  return Math.min(wanted, most);
}

function countTasks(uid: number): number {
  return listPids()
    .filter((pid) => readUid(pid) === uid)
    .reduce((sum, pid) => sum + (readLiveStat(pid)?.threads ?? 0), 0);
}
