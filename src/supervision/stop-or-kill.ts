/** The stop of an agent that must not fail for want of room to write it down. */
import { asFault, Fault } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { SECOND_MS } from "../kernel/units.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { StopOrder } from "./agent-pass.ts";
import type { Setting } from "./setting.ts";
import { processSetOf } from "./sighting.ts";

/** Time for killing and looking, on top of the graces of a stop. */
export const KILLING_MS = 5 * SECOND_MS;

/**
 * Begins a stop. A full disk must not keep an agent alive that may be filling it: what cannot be
 * written down, with the ballast's room neither, is killed at once.
 *
 * @throws {Fault} DISK_FULL when it was killed and nothing was recorded.
 */
export async function stopOrKill(
  setting: Setting,
  loops: AgentLoops,
  agentId: AgentId,
  order: StopOrder,
): Promise<void> {
  try {
    loops.stop(agentId, order);
  } catch (error) {
    const fault = asFault(error);
    const set = processSetOf(setting.store.resourcesOf(agentId));
    if (fault.code !== "DISK_FULL" || set === null) throw fault;
    const { members } = await setting.containment.kill(set, KILLING_MS);
    const left = members.length === 0 ? "none of its processes is alive" : "some survived";
    throw new Fault(
      "DISK_FULL",
      `The agent was killed and ${left}; the disk is too full to record it.`,
      {
        hint: 'Free some space: its end is recorded and the rest released by itself then, or by "corral sweep --apply".',
        details: { agent_id: agentId, survivors: members.length },
        cause: error,
      },
    );
  }
}
