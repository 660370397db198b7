/** What other tools left running: looks at the whole machine, needs no state directory, touches nothing. */
import { lstatSync } from "node:fs";
import { listByPs, PS_BEST_EFFORT } from "../adapters/containment/ps-list.ts";
import { listProcesses, processDetails } from "../adapters/proc/process-list.ts";
import type { OrphansAnswer } from "../contract/orphans.ts";
import { orphansOf, wantedDetails } from "../supervision/orphans.ts";

/** Agent CLIs and MCP servers whose parent is gone. @throws {Fault} PROBE_FAILED. */
export async function orphans(): Promise<OrphansAnswer> {
  if (process.platform === "darwin") {
    const { processes, details } = await listByPs();
    return orphansOf(processes, details, Date.now(), PS_BEST_EFFORT, isFolderGone);
  }
  const all = await listProcesses();
  const details = wantedDetails(all).flatMap((pid) => {
    const one = processDetails(pid);
    return one === null ? [] : [[pid, one] as const];
  });
  return orphansOf(all, new Map(details), Date.now(), null, isFolderGone);
}

/** What cannot be looked at is not gone. */
function isFolderGone(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}
