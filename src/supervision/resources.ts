/** The MCP resources: what a client may read by uri. */
import type { ResourceAnswer } from "../contract/api.ts";
import { shown } from "../agents/find.ts";
import { Fault } from "../kernel/fault.ts";
import type { TaskId } from "../kernel/ids.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { Store } from "./store.ts";
import { listTasks } from "./history-tools.ts";
import { findingView, progressView, taskStatusView } from "./views.ts";

const TIMELINE_MOST = 10_000;
/** A list that is longer is paged with the tool list_tasks. */
const TASKS_MOST = 500;
const TASK_URI = /^task:\/\/([^/]+)\/(status|progress-timeline)$/;

/**
 * Reads `tasks://list`, `task://{id}/status` or `task://{id}/progress-timeline`.
 * @throws {Fault} TASK_NOT_FOUND; ROUTE_UNKNOWN for any other uri.
 */
export function readResource(
  store: Store,
  uri: string,
  taskOf: (id: TaskId) => TaskRecord,
): ResourceAnswer {
  if (uri === "tasks://list") {
    return jsonResource(uri, listTasks(store, { status: "all", limit: TASKS_MOST }));
  }
  const [, id, what] = TASK_URI.exec(uri) ?? [];
  if (id === undefined) {
    throw new Fault("ROUTE_UNKNOWN", `No resource has the uri "${shown(uri)}".`, {
      hint: "Read tasks://list, task://{id}/status or task://{id}/progress-timeline.",
    });
  }
  const task = taskOf(id);
  if (what === "status") return jsonResource(uri, taskStatusView(store, task));
  return jsonResource(uri, timelineOf(store, task));
}

/** Progress and findings of a task, merged by time. */
function timelineOf(store: Store, task: TaskRecord): object {
  const progress = store
    .progress(task.id, TIMELINE_MOST)
    .map((record) => ({ kind: "progress", at: record.at, entry: progressView(record) }));
  const findings = store
    .findings(task.id, TIMELINE_MOST)
    .map((record) => ({ kind: "finding", at: record.at, entry: findingView(record) }));
  const entries = [...progress, ...findings]
    .toSorted((a, b) => a.at - b.at)
    .map(({ kind, entry }) => Object.assign({ kind }, entry));
  return { task_id: task.id, entries };
}

function jsonResource(uri: string, value: unknown): ResourceAnswer {
  return { uri, mime_type: "application/json", text: JSON.stringify(value, null, 2) };
}
