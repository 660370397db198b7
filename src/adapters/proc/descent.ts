/** Who descends from whom, by one pass over all processes. */
import type { ProcessSeen } from "../../supervision/ports.ts";
import { listPids, readLiveStat, readText, readUid } from "./proc-table.ts";
import { parseNamespacePids, type StatFacts } from "./proc-text.ts";
import { inSlices } from "./slices.ts";

/**
 * The process and all that descend from it, whatever they did to leave it. That is complete only
 * for the init of a PID namespace, which is the parent of every orphan there.
 *
 * @returns an empty list when it is gone. @throws {Fault} PROBE_FAILED.
 */
export async function familyBelow(root: number): Promise<readonly ProcessSeen[]> {
  const stats = new Map<number, StatFacts>();
  await inSlices(listPids(), (pid) => {
    const stat = readLiveStat(pid);
    if (stat !== null) stats.set(pid, stat);
  });
  if (!stats.has(root)) return [];
  const byParent = Map.groupBy(stats.values(), ({ ppid }) => ppid);
  const family: ProcessSeen[] = [];
  for (const queue = [root]; queue.length > 0;) {
    const pid = queue.pop() ?? 0;
    const stat = stats.get(pid);
    const uid = readUid(pid);
    if (stat !== undefined && uid !== null) {
      family.push({ pid, startTicks: stat.startTicks, ppid: stat.ppid, uid, name: stat.name });
    }
    for (const child of byParent.get(pid) ?? []) queue.push(child.pid);
  }
  return family;
}

/** True for the init of a PID namespace one below ours. @throws {Fault} PROBE_FAILED. */
export function isNamespaceInit(pid: number): boolean {
  const text = readText(`/proc/${pid}/status`);
  const pids = text === null ? [] : parseNamespacePids(text);
  return pids.length === 2 && pids[1] === 1;
}
