/** What the machine has left: processors, memory, and the disk under a folder. */
import { statfsSync } from "node:fs";
import { availableParallelism, freemem, loadavg, totalmem } from "node:os";
import type { Machine } from "../../contract/api.ts";

/**
 * Looks once; takes well under a millisecond.
 * @param folder  On whose file system the disk is asked for. One that cannot be asked has 0 bytes.
 */
export function lookAtMachine(folder: string): Machine {
  const disk = diskOf(folder);
  return {
    cores: availableParallelism(),
    load: loadavg()[0] ?? 0,
    memory_bytes: totalmem(),
    memory_free_bytes: freemem(),
    disk_bytes: disk.total,
    disk_free_bytes: disk.free,
    daemon_bytes: process.memoryUsage.rss(),
  };
}

function diskOf(folder: string): { readonly total: number; readonly free: number } {
  try {
    const { bsize, blocks, bavail } = statfsSync(folder);
    return { total: bsize * blocks, free: bsize * bavail };
  } catch {
    return { total: 0, free: 0 };
  }
}
