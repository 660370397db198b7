/**
 * What all agents of a world may use up together, on the group above theirs. The processes and the
 * memory always have such a limit where a group can be had; the cpu weight when it is asked for.
 */
import { totalmem } from "node:os";
import { join } from "node:path";
import type { SharedLimits } from "../../supervision/ports.ts";
import { readGroupFile } from "../cgroup/cgroup-files.ts";
import { readText } from "../proc/proc-table.ts";
import { type Controller, limitWrites, writeLimits } from "./limit-files.ts";

/** All agents together may have so many times the processes of one: many well-behaved, few bombs. */
const PROCESS_FACTOR = 16;
/** What is left is for the machine, the user and the daemon. */
const MEMORY_SHARE = 0.8;

/** Whether all together are to be limited in that. Pure. */
export function isLimitedTogether(controller: Controller, together: SharedLimits): boolean {
  return controller !== "cpu" || together.cpuWeight !== null;
}

/**
 * Limits the group above the agents', if it is not limited so yet.
 * @param root       That group; it exists.
 * @param processes  Those of the one agent that is started now.
 * @returns          false when the kernel refused.
 */
export function shareLimit(
  version: 1 | 2,
  controller: Controller,
  root: string,
  { processes, together }: { readonly processes: number; readonly together: SharedLimits },
): boolean {
  try {
    if (controller === "pids") limitProcesses(root, processes, together.processes);
    else writeWhatDiffers(version, controller, root, together);
    return true;
  } catch {
    return false; // EBUSY: more is in use already; it is told, and tried at the next deploy
  }
}

/** How many processes all agents together may have, if nobody says. Pure. */
export function sharedProcesses(processes: number, pidMax: number): number {
  return Math.max(processes, Math.min(processes * PROCESS_FACTOR, Math.floor(pidMax / 2)));
}

/** How much memory all agents together may have, if nobody says. Pure. @param machineBytes of machine or container. */
export function sharedMemory(machineBytes: number): number {
  return Math.floor(machineBytes * MEMORY_SHARE);
}

/** Without a word of the user's only ever raised: agents that run have counted on it. */
function limitProcesses(root: string, processes: number, asked: number | null): void {
  const now = (readGroupFile(join(root, "pids.max")) ?? "").trim();
  const pidMax = Number(readText("/proc/sys/kernel/pid_max") ?? "32768");
  const wanted = asked ?? sharedProcesses(processes, pidMax);
  if (now === String(wanted) || (asked === null && now !== "max" && Number(now) >= wanted)) return;
  // The root of a hierarchy has no such file: nothing is limited there, and nothing has to be.
  writeLimits(root, [{ file: "pids.max", value: wanted, isOptional: asked === null }]);
}

function writeWhatDiffers(
  version: 1 | 2,
  controller: Controller,
  root: string,
  { cpuWeight, memoryBytes }: SharedLimits,
): void {
  const wanted = limitWrites(version, controller, {
    processes: 0,
    memoryBytes: memoryBytes ?? sharedMemory(machineMemory()),
    ...(cpuWeight === null ? {} : { cpuWeight }),
  });
  const [first] = wanted;
  if (first === undefined) return;
  const now = Number(readGroupFile(join(root, first.file)) ?? "");
  // The kernel keeps memory in whole pages.
  const isSame =
    controller === "memory" ? Math.abs(now - first.value) < PAGE_BYTES : now === first.value;
  if (!isSame) writeLimits(root, wanted);
}

const PAGE_BYTES = 65_536;

function machineMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
