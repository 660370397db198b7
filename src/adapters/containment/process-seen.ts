/** One process as it is now, and whether it can be a set's. */
import type { ProcessSeen, ProcessSet } from "../../supervision/ports.ts";
import { readLiveStat, readUid } from "../proc/proc-table.ts";

/**
 * Whether a process with a set's mark is the set's. Its uid must be ours, because anybody may
 * give himself any mark; only root's agents may have passed on to another uid.
 */
export function isOfSet(set: ProcessSet, process: ProcessSeen): boolean {
  return (process.uid === set.uid || set.uid === 0) && process.startTicks >= set.notBeforeTicks;
}

/** What the process itself shows now; null when it ended. */
export function seeProcess(pid: number): ProcessSeen | null {
  const stat = readLiveStat(pid);
  const uid = readUid(pid);
  if (stat === null || uid === null) return null;
  return { pid, startTicks: stat.startTicks, ppid: stat.ppid, uid, name: stat.name };
}
