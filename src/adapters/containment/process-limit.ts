/** The ceiling of processes per user, for where no control group can set one per agent. */
import { readFileSync } from "node:fs";
import { listPids, readLiveStat, readUid } from "../proc/proc-table.ts";

/** The ceiling counts everything of the user, so it leaves room for agents yet to come. */
const HEADROOM = 4;
const NPROC_LINE = /^Max processes\s+(\d+|unlimited)\s+(\d+|unlimited)/m;

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
