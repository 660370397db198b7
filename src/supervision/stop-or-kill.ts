/** The stop of an agent, which must not fail because it cannot be written down. */
import { asFault, Fault, messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { SECOND_MS } from "../kernel/units.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { Setting } from "./setting.ts";
import { processSetOf } from "./sighting.ts";
import { newStop, type StopOrder } from "./stops.ts";

/** Time for killing and looking, on top of the graces of a stop. */
export const KILLING_MS = 5 * SECOND_MS;

/**
 * Begins a stop. A full or broken disk must not keep an agent alive that may be filling it: what
 * cannot be written down, with the ballast's room neither, is killed at once.
 *
 * @throws {Fault} DISK_FULL, STATE_UNUSABLE when it was killed and nothing was recorded yet.
 */
export async function stopOrKill(
  setting: Setting,
  loops: AgentLoops,
  agentId: AgentId,
  order: StopOrder,
): Promise<void> {
  const stop = newStop(order, setting.clock.now());
  try {
    loops.stop(agentId, order);
  } catch (error) {
    const fault = asFault(error);
    const set = processSetOf(setting.store.resourcesOf(agentId));
    const isFull = fault.code === "DISK_FULL";
    // Any other fault that has a name of its own is an answer, and no failure to write.
    if ((!isFull && fault.code !== "INTERNAL") || set === null) throw fault;
    loops.keepStop(agentId, stop); // before its end can be seen, and taken for one of its own
    const { members } = await setting.containment.kill(set, KILLING_MS);
    loops.poke(agentId);
    const left = members.length === 0 ? "none of its processes is alive" : "some survived";
    const why = isFull ? "the disk is too full" : `the store fails (${messageOf(error)})`;
    throw new Fault(
      isFull ? "DISK_FULL" : "STATE_UNUSABLE",
      `The agent was killed and ${left}; it could not be recorded: ${why}.`,
      {
        hint: `${isFull ? "Free some space" : "See to the disk of the state directory"}: its end is recorded and the rest released by itself then, or by "corral sweep --apply".`,
        details: { agent_id: agentId, survivors: members.length },
        cause: error,
      },
    );
  }
}
