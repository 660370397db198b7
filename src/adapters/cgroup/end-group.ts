/**
 * Ends all in a control group at one blow, by what the group's own files offer.
 *
 *   cgroup2   cgroup.kill: the kernel kills all, newcomers included
 *   freezer   freeze (nobody can fork, exit or hand on a pid), KILL each, thaw
 *
 * Neither spares anybody, so a group in which one of the spared sits is left alone: there every
 * process has to be looked at by itself.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../../kernel/fault.ts";
import {
  isFrozen,
  isPopulated,
  killGroup,
  kindOfGroup,
  readMembers,
  setFrozen,
} from "./cgroup-files.ts";

/** How long a group may take to freeze, and then to empty, before it is looked at anyway. Milliseconds. */
const PATIENCE_MS = 100;
const POLL_MS = 1;

/**
 * Strikes once and waits a moment until the group is empty; whether it is, the next look tells.
 * A group that is gone, empty, or of neither kind is left as it is.
 *
 * @throws {Fault} PROBE_FAILED when the group can be neither read nor written.
 */
export async function endGroup(group: string, spared: ReadonlySet<number>): Promise<void> {
  const kind = kindOfGroup(group);
  if (kind === "other" || isEmptyGroup(group)) return;
  if (readMembers(group).some((pid) => spared.has(pid))) return;
  if (kind === "cgroup2") killGroup(group);
  else await freezeAndKill(group);
  // Looking through all processes while these still end would only have to be repeated.
  await within(PATIENCE_MS, () => isEmptyGroup(group));
}

function isEmptyGroup(group: string): boolean {
  const populated = isPopulated(group); // v2 only, and cheaper than a list
  return populated === null ? readMembers(group).length === 0 : !populated;
}

/** A group that does not freeze in time (a member deep in the kernel) is thawed: the fixpoint ends it. */
async function freezeAndKill(group: string): Promise<void> {
  try {
    setFrozen(group, true);
    if (!(await within(PATIENCE_MS, () => isFrozen(group)))) return;
    for (const pid of readMembers(group)) send(pid);
  } finally {
    setFrozen(group, false);
  }
}

/** A frozen process keeps its pid, so nobody else can be struck; it takes the signal when it thaws. */
function send(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // Killed by somebody else while it froze, or of a uid that is not ours to signal.
    if (errnoOf(error) !== "ESRCH" && errnoOf(error) !== "EPERM") throw error;
  }
}

async function within(ms: number, holds: () => boolean): Promise<boolean> {
  const until = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > until) return false;
    await sleep(POLL_MS);
  }
  return true;
}
