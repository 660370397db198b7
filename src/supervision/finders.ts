/** Finding what a caller has named, and who goes on as whom. */
import { agentNotFound, taskNotFound } from "../agents/find.ts";
import type { AgentRecord } from "../agents/record.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { Store } from "./store.ts";

export interface Finders {
  /** @throws {Fault} TASK_NOT_FOUND. */
  taskOf(id: TaskId): TaskRecord;
  /** @param taskId  The task that it must be of. @throws {Fault} AGENT_NOT_FOUND, also for one of another task. */
  agentOf(id: AgentId, taskId?: TaskId): AgentRecord;
  /** An agent, or whoever goes on with its conversation by now. */
  heirOf(id: AgentId): AgentId;
  /** Its parent, or whoever goes on with the parent's conversation: that one has the children. Null for an agent of the orchestrator's. */
  parentOf(id: AgentId): AgentId | null;
}

export function findersIn(store: Pick<Store, "agent" | "task">): Finders {
  const heirOf = (id: AgentId): AgentId => {
    const next = store.agent(id)?.resumedAs ?? null;
    return next === null ? id : heirOf(next);
  };
  return {
    taskOf(id) {
      const task = store.task(id);
      if (task === null) throw taskNotFound(id);
      return task;
    },
    agentOf(id, taskId) {
      const agent = store.agent(id);
      if (agent !== null && (taskId === undefined || agent.taskId === taskId)) return agent;
      throw agentNotFound(id);
    },
    heirOf,
    parentOf(id) {
      const parent = store.agent(id)?.parent ?? null;
      return parent === null ? null : heirOf(parent);
    },
  };
}
