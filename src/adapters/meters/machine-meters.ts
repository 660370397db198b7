/** Meters over /proc, control groups and the file system. */
import { readdirSync } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../kernel/fault.ts";
import type {
  DiskMeasure,
  GroupUse,
  Meters,
  ProcessUse,
  WorkDone,
} from "../../supervision/meters.ts";
import type { ProcessSet } from "../../supervision/ports.ts";
import { readGroupFile } from "../cgroup/cgroup-files.ts";
import { readText } from "../proc/proc-table.ts";
import { parseCpuTicks, parseResidentBytes, parseThreads } from "../proc/proc-text.ts";
import { inSlices } from "../proc/slices.ts";
import { groupCpuMs, groupUse } from "./group-use.ts";

/** USER_HZ is 100 on every Linux. Milliseconds. */
const TICK_MS = 10;
const BLOCK_BYTES = 512;
/** Entries that one measure of a folder looks at; a workspace may hold any number. */
const ENTRIES_MOST = 20_000;

export function machineMeters(): Meters {
  return {
    ofProcesses,
    workOf,
    cpuOf: (set) => groupCpuMs(readerOf(set)),
    ofGroups,
    diskOf,
  };
}

async function ofProcesses(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUse>> {
  const uses = new Map<number, ProcessUse>();
  await inSlices(pids, (pid) => {
    const status = readText(`/proc/${pid}/status`);
    const stat = status === null ? null : readText(`/proc/${pid}/stat`);
    if (status === null || stat === null) return;
    const ticks = parseCpuTicks(stat);
    uses.set(pid, {
      threads: parseThreads(status),
      fds: countFds(pid),
      memoryBytes: parseResidentBytes(status),
      cpuMs: ticks === null ? null : ticks * TICK_MS,
    });
  });
  return uses;
}

async function workOf(pids: readonly number[]): Promise<WorkDone> {
  let ticks = 0;
  let ioBytes = 0;
  await inSlices(pids, (pid) => {
    const stat = readText(`/proc/${pid}/stat`);
    ticks += (stat === null ? null : parseCpuTicks(stat)) ?? 0;
    ioBytes += ioOf(pid);
  });
  return { cpuMs: ticks * TICK_MS, ioBytes };
}

/** 0 for a process whose IO is not ours to read. */
function ioOf(pid: number): number {
  try {
    const text = readText(`/proc/${pid}/io`) ?? "";
    const counts = [...text.matchAll(/^[rw]char: (\d+)$/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  } catch {
    return 0;
  }
}

/** Null for a process whose files are not ours to list: another user's, or one that is not dumpable. */
function countFds(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return null;
  }
}

function ofGroups(set: ProcessSet): GroupUse {
  return groupUse(readerOf(set));
}

/** Files of a set's groups, whichever version has them. */
export function readerOf(set: ProcessSet) {
  return (version: 1 | 2, file: string): string | null => {
    for (const group of groupsWith(set, version, file)) {
      const text = group === null ? null : readGroupFile(join(group, file));
      if (text !== null) return text;
    }
    return null;
  };
}

/** A controller lives in one hierarchy alone: to try the others as well is an error each, of hundreds of agents, at every look. */
function groupsWith(
  { cgroup, memoryCgroup = null, pidsCgroup }: ProcessSet,
  version: 1 | 2,
  file: string,
): readonly (string | null)[] {
  const [controller] = file.split(".", 1);
  const own = controller === "memory" ? memoryCgroup : controller === "pids" ? pidsCgroup : null;
  if (own !== null) return version === 1 ? [own] : [];
  return version === 2 ? [cgroup] : [memoryCgroup, pidsCgroup];
}

async function diskOf(path: string): Promise<DiskMeasure> {
  let bytes = 0;
  let complete = true;
  const queue = [path];
  for (let entries = 0; queue.length > 0; entries += 1) {
    if (entries === ENTRIES_MOST) return { bytes, complete: false };
    const at = queue.pop() ?? "";
    try {
      const stats = await lstat(at);
      bytes += stats.blocks * BLOCK_BYTES;
      if (stats.isDirectory()) for (const name of await readdir(at)) queue.push(join(at, name));
    } catch (error) {
      // What is not there, or goes away meanwhile, takes no room.
      if (errnoOf(error) !== "ENOENT") complete = false;
    }
  }
  return { bytes, complete };
}
