/** What the files of control groups say of use and limits. Pure but for the reading that it is given. */
import type { GroupUse } from "../../supervision/meters.ts";

const NS_PER_MS = 1e6;
const US_PER_MS = 1e3;
/** From here on a v1 limit means none: the kernel writes a page-aligned greatest number. */
const V1_UNLIMITED = 2 ** 62;

/** @param read  Text of a file of the set's v2 group, or of its v1 groups; null when there is none. */
export function groupUse(read: (version: 1 | 2, file: string) => string | null): GroupUse {
  const number = (version: 1 | 2, file: string): number | null => numberIn(read(version, file));
  const v1Limit = number(1, "memory.limit_in_bytes");
  const memoryBytes = number(2, "memory.current") ?? number(1, "memory.usage_in_bytes");
  const memoryLimitBytes =
    number(2, "memory.max") ?? (v1Limit !== null && v1Limit < V1_UNLIMITED ? v1Limit : null);
  return {
    memoryBytes,
    memoryLimitBytes,
    // Dear to read: only where it decides something.
    memoryNeededBytes:
      memoryBytes === null || memoryLimitBytes === null
        ? null
        : Math.max(0, memoryBytes - idleFileBytes(read)),
    memoryKills:
      statIn(read(2, "memory.events"), "oom_kill") ??
      statIn(read(1, "memory.oom_control"), "oom_kill"),
    cpuMs: groupCpuMs(read),
    tasks: number(2, "pids.current") ?? number(1, "pids.current"),
    tasksLimit: number(2, "pids.max") ?? number(1, "pids.max"),
  };
}

/** Pages of files that nobody has used lately; 0 where nothing tells. */
function idleFileBytes(read: (version: 1 | 2, file: string) => string | null): number {
  return (
    statIn(read(2, "memory.stat"), "inactive_file") ??
    statIn(read(1, "memory.stat"), "total_inactive_file") ??
    0
  );
}

function statIn(text: string | null, name: string): number | null {
  const value = new RegExp(`^${name} (\\d+)$`, "m").exec(text ?? "")?.[1];
  return value === undefined ? null : Number(value);
}

/** Processor time of all that ever ran in the group; null where none counts it. Milliseconds. */
export function groupCpuMs(read: (version: 1 | 2, file: string) => string | null): number | null {
  const usage = /^usage_usec (\d+)$/m.exec(read(2, "cpu.stat") ?? "")?.[1];
  if (usage !== undefined) return divided(Number(usage), US_PER_MS);
  return divided(numberIn(read(1, "cpuacct.usage")), NS_PER_MS);
}

/** Null for "max" and for anything else that is no number. */
function numberIn(text: string | null): number | null {
  return text !== null && /^\d+\s*$/.test(text) ? Number(text) : null;
}

function divided(value: number | null, by: number): number | null {
  return value === null ? null : Math.round(value / by);
}
