/**
 * Takes what an earlier daemon left running (its tmux server, its runners) into a group of ours.
 * A process may move itself only below a group that its user may write, counted from the group in
 * which both lie: an agent's shell is born where its tmux server sits, so if that cannot be moved
 * here, no agent of it could join a group of ours.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, messageOf } from "../../kernel/fault.ts";

/** What has been forked by one that was not moved yet is found by the next look. */
const LOOKS = 3;

/**
 * Moves processes into a group. Those that end meanwhile are no matter.
 * @param pidsNow  Whom to move; asked again, until nobody is left outside or it has been asked often.
 * @returns        null when all were moved, else the reason for people.
 */
export async function adoptInto(
  group: string,
  pidsNow: () => Promise<readonly number[]>,
): Promise<string | null> {
  for (let look = 0; look < LOOKS; look += 1) {
    for (const pid of await pidsNow()) {
      const refusal = move(pid, group);
      if (refusal !== null) return refusal;
    }
  }
  return null;
}

function move(pid: number, group: string): string | null {
  try {
    writeFileSync(join(group, "cgroup.procs"), String(pid));
    return null;
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return null;
    return `process ${pid} of an earlier daemon cannot be moved into ${group}: ${messageOf(error)}`;
  }
}
