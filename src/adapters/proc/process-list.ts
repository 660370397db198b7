/** Every process of the machine with its command line, and what more is wanted of a few. */
import { readlinkSync } from "node:fs";
import type { ListedProcess, ProcessDetails } from "../../supervision/orphans.ts";
import { listPids, readArgv, readLiveStat, readMark, readText, ticksNow } from "./proc-table.ts";
import { parseResidentBytes, parseUid } from "./proc-text.ts";
import { inSlices } from "./slices.ts";
import { WORLD_HARD } from "../../kernel/watermark.ts";

/** USER_HZ is 100 on every Linux. Milliseconds. */
const TICK_MS = 10;

/** All live processes. @throws {Fault} PROBE_FAILED when /proc cannot be read. */
export async function listProcesses(): Promise<readonly ListedProcess[]> {
  const bootedAt = Date.now() - ticksNow() * TICK_MS;
  const found: ListedProcess[] = [];
  await inSlices(listPids(), (pid) => {
    const stat = readLiveStat(pid);
    if (stat === null) return;
    const { ppid, sessionId, name, startTicks } = stat;
    const startedAt = Math.round(bootedAt + startTicks * TICK_MS);
    found.push({
      pid,
      ppid,
      sessionId,
      name,
      argv: readable(() => readArgv(pid)) ?? [],
      startedAt,
    });
  });
  return found;
}

/** Details of one process; null when it has ended. What is refused (another user's) is null in it. */
export function processDetails(pid: number): ProcessDetails | null {
  const status = readable(() => readText(`/proc/${pid}/status`));
  if (status === null) return null;
  const mark = readable(() => readMark(pid));
  return {
    uid: parseUid(status),
    memoryBytes: parseResidentBytes(status),
    cwd: readable(() => readlinkSync(`/proc/${pid}/cwd`)),
    groups: readable(() => readText(`/proc/${pid}/cgroup`)),
    isOurs: mark !== null && mark.hard >= WORLD_HARD.min && mark.hard <= WORLD_HARD.max,
  };
}

/** For lists that people read: what may not be read of one process is left out, the rest is told. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
