/**
 * Alerts about processes that one witness of a set sees and another does not: somebody has left
 * a control group, or changed a mark. Told once for each process, however often it is looked at;
 * a daemon that was started since tells it once more.
 */
import type { AgentRecord } from "../agents/record.ts";
import type { AgentId } from "../kernel/ids.ts";
import type { ProcessSeen, ProcessSet, WorldProcess } from "./ports.ts";
import type { Setting } from "./setting.ts";
import { type Memory, processSetOf } from "./sighting.ts";

/** Adds an alert about those that were not told of before; changes the memory. */
export function tellMismatch(
  { store }: Setting,
  agent: Pick<AgentRecord, "id" | "taskId" | "endedAt">,
  memory: Memory,
  mismatch: readonly ProcessSeen[],
): void {
  const news = mismatch.filter((process) => !memory.told.has(nameOf(process)));
  if (news.length === 0) return;
  for (const process of news) memory.told.add(nameOf(process));
  store.addEvent({
    kind: "alert",
    taskId: agent.taskId,
    agentId: agent.id,
    facts: {
      alert: "witness_mismatch",
      processes: news.map(({ pid, name }) => ({ pid, name })),
      next_step:
        agent.endedAt === null
          ? `It still runs and is ended with its agent, by the other witness. To end it now: corral kill ${agent.id}`
          : "They are ended with the rest of the agent; look at what the agent ran.",
    },
  });
}

function nameOf({ pid, startTicks }: ProcessSeen): string {
  return `${pid}:${startTicks}`;
}

/** A live agent, as far as two witnesses are concerned. */
export interface Watched {
  readonly id: AgentId;
  readonly slot: number;
}

/**
 * Agents of whose processes the mark and the holding group tell different things. Pure, and cheap
 * for any number of agents; an instant between two steps of a launch looks the same, so a suspicion
 * is looked at again before anybody is told.
 */
export function suspectsOf(
  world: readonly WorldProcess[],
  agents: readonly Watched[],
): readonly AgentId[] {
  const bySlot = new Map(agents.map(({ id, slot }) => [slot, id]));
  const ids = new Set(agents.map(({ id }) => id));
  const suspects = world.flatMap(({ heldBy = null, slot }) => {
    const byMark = slot === null ? null : (bySlot.get(slot) ?? null);
    const byGroup = heldBy !== null && ids.has(heldBy) ? heldBy : null;
    return byMark === byGroup ? [] : [byMark, byGroup].filter((id) => id !== null);
  });
  return [...new Set(suspects)];
}

/**
 * Looks over all running agents once, for what only one witness sees, and has the suspects looked
 * at by their loops. Changes nothing itself.
 * @throws {Fault} PROBE_FAILED when the world could not be looked at.
 */
export async function watchWitnesses(
  { containment, store }: Setting,
  suspect: (agentId: AgentId) => void,
): Promise<void> {
  const sets = new Map(
    store.heldOf(["process_set"]).map((row) => [row.owner, processSetOf([row])]),
  );
  const agents = store
    .unfinishedAgents()
    .filter(({ id, status }) => status === "running" && hasTwoWitnesses(sets.get(id) ?? null));
  if (agents.length === 0) return;
  const known = agents.map(({ id }) => sets.get(id) ?? null).filter((set) => set !== null);
  for (const id of suspectsOf(await containment.lookEverywhere(known), agents)) suspect(id);
}

function hasTwoWitnesses(set: ProcessSet | null): boolean {
  return set !== null && set.mark !== null && (set.cgroup ?? set.freezer ?? null) !== null;
}
