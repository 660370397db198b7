/** Naming what is not there, without echoing a caller's text at full length or with control characters. */
import type { AgentRecord } from "./record.ts";
import { Fault } from "../kernel/fault.ts";

const SHOWN_CHARS = 80;

/** A caller's id, short and printable. */
export function shown(id: string): string {
  // oxlint-disable-next-line no-control-regex -- finding them is the point
  const printable = id.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "�");
  return printable.length > SHOWN_CHARS ? `${printable.slice(0, SHOWN_CHARS)}…` : printable;
}

export function taskNotFound(id: string): Fault {
  return new Fault("TASK_NOT_FOUND", `No task is named "${shown(id)}".`, {
    hint: "Call create_real_task, or read tasks://list and use one of its ids.",
    details: { task_id: shown(id) },
  });
}

export function agentNotFound(id: string): Fault {
  return new Fault("AGENT_NOT_FOUND", `No agent is named "${shown(id)}".`, {
    hint: "Call get_real_task_status and use one of the agent_ids it returns.",
    details: { agent_id: shown(id) },
  });
}

/** A child is refused to a parent that is no more. */
export function parentEnded(parent: Pick<AgentRecord, "id" | "status">): Fault {
  return new Fault("AGENT_ENDED", `The parent "${parent.id}" has ended: ${parent.status}.`, {
    hint: 'Deploy with deploy_headless_agent and parent "orchestrator" instead.',
    details: { agent_id: parent.id, status: parent.status },
  });
}
