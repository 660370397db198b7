/** Who may call what. An agent acts only as itself, and upon what it made itself. */
import type { ToolInput, ToolName } from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import type { Caller } from "./operations.ts";

type AgentCaller = Extract<Caller, { readonly kind: "agent" }>;

/** The parent of an agent, `"orchestrator"`, or null for an unknown id. */
export type ParentOf = (agentId: AgentId) => string | null;

/**
 * Lets a call pass or refuses it.
 *
 * @param parentOf  For walking up from an agent to its ancestors.
 * @throws {Fault}  FORBIDDEN, saying what this caller may do instead.
 */
export function authorize<N extends ToolName>(
  name: N,
  input: ToolInput<N>,
  caller: Caller,
  parentOf: ParentOf,
): void {
  if (caller.kind === "client") return;
  const reason = refusal(name, input, caller, parentOf);
  if (reason === null) return;
  throw new Fault("FORBIDDEN", reason, {
    hint: `Act as yourself: task_id "${caller.taskId}", agent_id "${caller.agentId}".`,
    details: { tool: name, caller: caller.agentId },
  });
}

function refusal(
  name: ToolName,
  input: object,
  caller: AgentCaller,
  parentOf: ParentOf,
): string | null {
  if (isForClients(name)) return `An agent may not call ${name}: only the orchestrator may.`;
  if (name === "get_resource_report") {
    return refusesReport(input as ToolInput<typeof name>, caller, parentOf);
  }
  const { task_id, agent_id, parent_agent_id } = input as Readonly<Record<string, string>>;
  if (task_id !== caller.taskId) return "An agent may only use its own task.";
  switch (name) {
    case "get_real_task_status":
    case "get_task_findings":
    case "search_history":
      return null;
    case "wait_for_agents": {
      const { agent_ids = [] } = input as { readonly agent_ids?: readonly AgentId[] };
      return agent_ids.every((id) => descends(id, caller, parentOf))
        ? null
        : "An agent may only wait for its descendants.";
    }
    case "update_agent_progress":
    case "report_agent_finding":
      return agent_id === caller.agentId ? null : "An agent may only report as itself.";
    case "spawn_child_agent":
      return parent_agent_id === caller.agentId
        ? null
        : "An agent may only spawn children of itself.";
    case "get_agent_output":
      return agent_id === caller.agentId || descends(agent_id, caller, parentOf)
        ? null
        : "An agent may only read itself and its descendants.";
    case "send_agent_message":
    case "get_agent_messages":
      if (agent_id === "orchestrator")
        return "An agent may not write to the orchestrator: it reads what you report with update_agent_progress.";
      return mayWrite(name, agent_id, caller, parentOf)
        ? null
        : "An agent may only write to its descendants and its parent, and see its own messages and theirs.";
    case "resume_agent":
      return descends(agent_id, caller, parentOf)
        ? null
        : "An agent may only resume its descendants.";
    case "kill_real_agent":
      return descends(agent_id, caller, parentOf)
        ? null
        : "An agent may only stop its descendants.";
  }
}

/** Its parent is told what it sent there and no more; see {@link isAbove}. */
function mayWrite(
  name: "send_agent_message" | "get_agent_messages",
  agentId: string | undefined,
  caller: AgentCaller,
  parentOf: ParentOf,
): boolean {
  if (agentId === undefined) return false;
  if (agentId === caller.agentId) return name === "get_agent_messages";
  return descends(agentId, caller, parentOf) || isAbove(agentId, caller, parentOf);
}

/** True when an agent is the parent of the one that asks. The orchestrator is none: it reads reports. */
export function isAbove(agentId: AgentId, caller: AgentCaller, parentOf: ParentOf): boolean {
  return agentId !== "orchestrator" && parentOf(caller.agentId) === agentId;
}

function refusesReport(
  { scope, id }: ToolInput<"get_resource_report">,
  caller: AgentCaller,
  parentOf: ParentOf,
): string | null {
  const isAllowed =
    (scope === "task" && id === caller.taskId) ||
    (scope === "agent" && (id === caller.agentId || descends(id, caller, parentOf)));
  return isAllowed ? null : "An agent may only see its own task, itself and its descendants.";
}

const FOR_CLIENTS = [
  "create_real_task",
  "deploy_headless_agent",
  "sweep_resources",
  "list_tasks",
  "close_task",
] as const satisfies readonly ToolName[];

function isForClients(name: ToolName): name is (typeof FOR_CLIENTS)[number] {
  return (FOR_CLIENTS as readonly ToolName[]).includes(name);
}

/** The agents that descend from one, among those given. */
export function descendantsAmong(
  agentIds: readonly AgentId[],
  caller: AgentCaller,
  parentOf: ParentOf,
): readonly AgentId[] {
  return agentIds.filter((id) => descends(id, caller, parentOf));
}

function descends(agentId: string | undefined, caller: AgentCaller, parentOf: ParentOf): boolean {
  let parent = agentId === undefined ? null : parentOf(agentId);
  while (parent !== null) {
    if (parent === caller.agentId) return true;
    parent = parentOf(parent);
  }
  return false;
}
