/** The MCP resources: what can be read, and which of them an event changes. */
import type { Resource, ResourceTemplateType } from "@modelcontextprotocol/server";
import type { CorralEvent } from "../../contract/events.ts";

export const TASKS_URI = "tasks://list";
const MIME = "application/json";

export const RESOURCE_LIST: readonly Resource[] = [
  {
    uri: TASKS_URI,
    name: "tasks",
    title: "All tasks",
    description: "Every task with the number of its agents, and how many of them live.",
    mimeType: MIME,
  },
];

export const RESOURCE_TEMPLATES: readonly ResourceTemplateType[] = [
  {
    uriTemplate: "task://{id}/status",
    name: "task-status",
    title: "A task's status",
    description: "The same facts as get_real_task_status.",
    mimeType: MIME,
  },
  {
    uriTemplate: "task://{id}/progress-timeline",
    name: "task-progress-timeline",
    title: "A task's progress, oldest first",
    description: "Every report and finding of the task's agents in order.",
    mimeType: MIME,
  },
];

/** The uris whose text an event changed; empty for events that no resource shows. */
export function changedBy(event: CorralEvent): readonly string[] {
  if (event.task_id === null) return [];
  const status = `task://${event.task_id}/status`;
  if (event.kind === "agent.progress" || event.kind === "agent.finding") {
    return [status, `task://${event.task_id}/progress-timeline`];
  }
  return [TASKS_URI, status];
}
