/** Seeing a daemon's process gone after it was asked to leave. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../../kernel/fault.ts";
import { SECOND_MS } from "../../kernel/units.ts";

const DEADLINE_MS = 10 * SECOND_MS;
const POLL_MS = 20;

/**
 * Waits until that process is gone; a zombie is gone.
 *
 * @param pid         The daemon's own word from its health answer, taken while it ran.
 * @param deadlineMs  How long to look. Milliseconds.
 * @returns           false when it is still there after the deadline. Signals nothing.
 */
export async function daemonGone(pid: number, deadlineMs = DEADLINE_MS): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  while (isAlive(pid)) {
    if (performance.now() >= deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // EPERM: somebody else's process has the number now, or it is not ours to ask; it exists.
    return errnoOf(thrown) !== "ESRCH";
  }
  return !isZombie(pid);
}

/** In a container without an init, a daemon that ended stays a zombie of process 1 for ever. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}
