/** Choosing and ordering agents. Pure. */
import type { AgentView } from "../../../src/contract/agent.ts";
import { isLive } from "./state.ts";

export const SHOWN = ["all", "live", "attention", "ended"] as const;
export type Shown = (typeof SHOWN)[number];

/** True when somebody should look: stuck, blocked by its own word, or waiting for a person. */
export function needsAttention(agent: AgentView): boolean {
  return (
    agent.cleanup.state === "stuck" ||
    (isLive(agent) &&
      (agent.trouble !== null ||
        agent.reported?.status === "blocked" ||
        agent.activity === "waiting_permission"))
  );
}

/** Live ones first, then by time: the newest begun, then the newest ended. */
export function inOrder(agents: Iterable<AgentView>): readonly AgentView[] {
  return [...agents].toSorted(
    (a, b) =>
      Number(isLive(b)) - Number(isLive(a)) ||
      (b.ended_at ?? b.created_at).localeCompare(a.ended_at ?? a.created_at) ||
      a.agent_id.localeCompare(b.agent_id),
  );
}

export interface Wanted {
  readonly shown: Shown;
  /** Every word must be in the id, the type, the status, the activity, or the agent's last words. */
  readonly text: string;
}

export function chosen(
  agents: readonly AgentView[],
  { shown, text }: Wanted,
): readonly AgentView[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return agents.filter((agent) => {
    if (shown === "live" && !isLive(agent)) return false;
    if (shown === "ended" && isLive(agent)) return false;
    if (shown === "attention" && !needsAttention(agent)) return false;
    if (wanted.length === 0) return true;
    const { agent_id, agent_type, status, activity, task_id, reported } = agent;
    const all = [agent_id, agent_type, status, activity, task_id, reported?.message]
      .join(" ")
      .toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
}

export interface Branch {
  readonly agent: AgentView;
  /** 0 for the agents of the orchestrator. */
  readonly level: number;
}

/** The agents of a task as a tree, each before its children; orphans stand at the root. */
export function asTree(agents: readonly AgentView[]): readonly Branch[] {
  const known = new Set(agents.map(({ agent_id: id }) => id));
  const children = Map.groupBy(agents, ({ parent }) => (known.has(parent) ? parent : ""));
  const branches: Branch[] = [];
  const grow = (parent: string, level: number): void => {
    const born = children.get(parent) ?? [];
    for (const agent of born.toSorted((a, b) => a.created_at.localeCompare(b.created_at))) {
      branches.push({ agent, level });
      grow(agent.agent_id, level + 1);
    }
  };
  grow("", 0);
  return branches;
}

/** Counts by how agents are doing, for the figures at the top. */
export function tally(agents: Iterable<AgentView>) {
  const counts = { live: 0, waiting: 0, attention: 0, stuck: 0, held: 0, failed: 0, ended: 0 };
  for (const agent of agents) {
    if (isLive(agent)) counts.live += 1;
    else counts.ended += 1;
    if (agent.activity?.startsWith("waiting") === true) counts.waiting += 1;
    if (needsAttention(agent)) counts.attention += 1;
    if (agent.cleanup.state === "stuck") counts.stuck += 1;
    if (!isLive(agent) && agent.status !== "completed" && agent.status !== "killed")
      counts.failed += 1;
    counts.held += agent.cleanup.held;
  }
  return counts;
}
