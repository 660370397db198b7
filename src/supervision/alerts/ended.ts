/**
 * Who has just ended: an agent that Corral stopped by itself is told for a while, and the task of any agent that ended is looked at
 * a little longer, because a limit may have been reached by that very end.
 *
 * Kept in memory, by the daemon's own clock: an end that only the next daemon gets to know is news then, however old it is. A daemon
 * that died in between is made up for from the store.
 */
import type { AgentRecord, StopCause } from "../../agents/record.ts";
import { TROUBLE_KINDS } from "../../contract/agent.ts";
import type { AgentId, TaskId } from "../../kernel/ids.ts";
import { type EpochMs, MINUTE_MS } from "../../kernel/units.ts";
import type { Setting } from "../setting.ts";
import type { Condition } from "./judge.ts";
import type { StoredAlert } from "./ports.ts";
import { stoppedCondition } from "./rules.ts";

/** Causes of a stop that nobody has asked for. */
const OWN_STOPS: readonly StopCause[] = ["limit", "budget", "timeout", "idle", ...TROUBLE_KINDS];
/** So long it is told, and of so many at a time: of the latest. */
const STAYS_MS = 30 * MINUTE_MS;
const TOLD_MOST = 100;
/** Several looks. */
const LOOKED_AT_MS = 2 * MINUTE_MS;

export interface Ended {
  /** Makes up for what this daemon has not seen. @param standing  What its predecessor has raised. */
  begin(standing: readonly StoredAlert[]): void;
  /** An agent has ended, and the store has it. */
  settled(agentId: AgentId): void;
  /** Agents that were stopped, while that is told. */
  conditions(): readonly Condition[];
  /** Tasks of agents that have ended lately. */
  tasks(): readonly TaskId[];
}

export function endedLately({ clock, store }: Pick<Setting, "clock" | "store">): Ended {
  const stopped = new Map<AgentId, { readonly why: string; readonly at: EpochMs }>();
  const tasks = new Map<TaskId, EpochMs>();

  const noteStop = (id: AgentId, why: string, at: EpochMs): void => {
    stopped.set(id, { why, at });
    const [oldest] = stopped.keys();
    if (stopped.size > TOLD_MOST && oldest !== undefined) stopped.delete(oldest);
  };

  return {
    begin(standing) {
      const now = clock.now();
      for (const { id, why } of store.stoppedSince(now - STAYS_MS, OWN_STOPS, TOLD_MOST)) {
        noteStop(id, why, now);
      }
      for (const { raisedAt, rule, subject } of standing) {
        const known = rule === "agent_stopped" ? store.agent(subject.id) : null;
        if (known !== null) noteStop(subject.id, whyOf(known), raisedAt);
      }
      for (const id of store.tasksOfEnded(now - LOOKED_AT_MS)) tasks.set(id, now);
    },
    settled(agentId) {
      const agent = store.agent(agentId);
      if (agent === null) return;
      const now = clock.now();
      tasks.set(agent.taskId, now);
      if (isOwnStop(agent)) noteStop(agentId, whyOf(agent), now);
    },
    conditions() {
      const now = clock.now();
      for (const [id, { at }] of stopped) if (now - at >= STAYS_MS) stopped.delete(id);
      return [...stopped].map(([id, { why }]) => stoppedCondition(id, why));
    },
    tasks() {
      const now = clock.now();
      for (const [id, at] of tasks) if (now - at >= LOOKED_AT_MS) tasks.delete(id);
      return [...tasks.keys()];
    },
  };
}

function isOwnStop({ status, stop }: AgentRecord): boolean {
  return status === "timed_out" || (stop !== null && OWN_STOPS.includes(stop.cause));
}

function whyOf({ reason, stop }: AgentRecord): string {
  return (stop?.reason ?? reason ?? "").split("\n", 1)[0] ?? "";
}
