/** The processes of one agent, looked at when they are asked for. */
import { agentNotFound } from "../../agents/find.ts";
import type { ProcessesAnswer } from "../../contract/sampling.ts";
import type { AgentId } from "../../kernel/ids.ts";
import { isoTime } from "../../kernel/units.ts";
import { isHeld } from "../../ledger/resource.ts";
import type { Setting } from "../setting.ts";
import { processSetOf } from "../sighting.ts";
import type { ProcessFacts } from "./ports.ts";
import { type Earlier, nameOfProcess, processTree } from "./process-tree.ts";
import { membersAmong } from "./sampler.ts";

/** Agents whose last answer is remembered, for rates. */
const REMEMBERED_MOST = 32;

export interface ProcessLists {
  /** Looks now. @throws {Fault} AGENT_NOT_FOUND, PROBE_FAILED. */
  of(agentId: AgentId): Promise<ProcessesAnswer>;
}

export function processLists(setting: Setting): ProcessLists {
  const { clock } = setting;
  const earlier = new Map<AgentId, Earlier>();
  return {
    async of(agentId) {
      const facts = await factsOf(setting, agentId);
      const at = clock.now();
      const { leftOut, processes } = processTree(facts, earlier.get(agentId) ?? new Map(), at);
      earlier.delete(agentId);
      earlier.set(agentId, timesOf(facts, at));
      for (const id of [...earlier.keys()].slice(0, -REMEMBERED_MOST)) earlier.delete(id);
      return { agent_id: agentId, at: isoTime(at), processes: [...processes], left_out: leftOut };
    },
  };
}

async function factsOf(
  { containment, sampleMeters, store }: Setting,
  agentId: AgentId,
): Promise<readonly ProcessFacts[]> {
  const agent = store.agent(agentId);
  if (agent === null) throw agentNotFound(agentId);
  const rows = store.resourcesOf(agentId).filter(isHeld);
  const set = processSetOf(rows);
  if (set === null || set.bootId !== containment.bootId) return [];
  const isListed = (set.cgroup ?? set.freezer ?? null) !== null;
  const world = isListed ? [] : await containment.lookEverywhere();
  const pids = isListed ? null : membersAmong(world, agent).map(({ pid }) => pid);
  return sampleMeters.processes({ agentId, set, pids });
}

function timesOf(facts: readonly ProcessFacts[], at: number): Earlier {
  return new Map(
    facts.flatMap((one) =>
      one.cpuMs === null ? [] : [[nameOfProcess(one), { at, cpuMs: one.cpuMs }]],
    ),
  );
}
