/** The tools that answer questions over many agents and tasks. */
import type { AgentsAnswer, TasksAnswer } from "../contract/api.ts";
import type { CorralEvent } from "../contract/events.ts";
import {
  SEARCH_KINDS,
  type ListTasksInput,
  type SearchAnswer,
  type SearchInput,
  type TaskFindingsAnswer,
  type TaskFindingsInput,
  type WaitForAgentsAnswer,
  type WaitForAgentsInput,
} from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { isoTime, SECOND_MS } from "../kernel/units.ts";
import { excerptOf, parseSearch } from "../output/search-query.ts";
import type { AgentFilter, FindingFilter, TaskFilter } from "./history.ts";
import type { Setting } from "./setting.ts";
import type { Store } from "./store.ts";
import { agentViews, findingView, taskSummary } from "./views.ts";
import { enoughAre, isCleanOrStuck, waitUntil } from "./waiting.ts";

const EXCERPT_CHARS = 300;
const EVENTS_MOST = 100;

/** A page of tasks, newest first. @throws {Fault} INPUT_INVALID for a cursor that is none of ours. */
export function listTasks(
  store: Pick<Store, "tasksBy">,
  filter: Pick<ListTasksInput, "status" | "limit" | "cursor" | "client_cwd"> & {
    readonly prefix?: string;
  },
): TasksAnswer {
  const { status, limit, cursor, client_cwd: clientCwd, prefix } = filter;
  const asked: TaskFilter = {
    status,
    // One more than asked for tells whether there are more.
    limit: limit + 1,
    ...(clientCwd === undefined ? {} : { clientCwd }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(cursor === undefined ? {} : { after: placeOf(cursor) }),
  };
  const rows = store.tasksBy(asked);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1)?.task;
  const more = rows.length > limit && last !== undefined;
  return {
    tasks: shown.map(taskSummary),
    next_cursor: more ? `${last.createdAt}.${last.id}` : null,
  };
}

function placeOf(cursor: string): NonNullable<TaskFilter["after"]> {
  const [, createdAt, id] = /^(\d{1,15})\.(.+)$/.exec(cursor) ?? [];
  if (createdAt !== undefined && id !== undefined) return { createdAt: Number(createdAt), id };
  throw new Fault("INPUT_INVALID", '"cursor" is not one that list_tasks has answered.', {
    hint: "Leave cursor out to begin anew, or give back next_cursor unchanged.",
    details: { parameter: "cursor" },
  });
}

/** Agents, oldest first; the newest ones when there are more than the limit. */
export function listAgents(
  store: Pick<Store, "agentsBy" | "heldByOwner" | "resourcesOf">,
  filter: AgentFilter,
): AgentsAnswer {
  const { agents, leftOut } = store.agentsBy(filter);
  return { agents: agentViews(store, agents), left_out: leftOut };
}

/** A page of findings with the counts of all that the filters let through. */
export function taskFindings(store: Store, input: TaskFindingsInput): TaskFindingsAnswer {
  const { task_id, agent_id, finding_type, severity, since, limit, cursor = 0 } = input;
  const filter: FindingFilter = {
    taskId: task_id,
    ...(agent_id === undefined ? {} : { agentId: agent_id }),
    ...(finding_type === undefined ? {} : { findingType: finding_type }),
    ...(severity === undefined ? {} : { severity }),
    ...(since === undefined ? {} : { since: Date.parse(since) }),
  };
  const found = store.findingsBy(filter, cursor, limit + 1);
  const shown = found.slice(0, limit);
  const { total, bySeverity, byType } = store.findingCounts(filter);
  return {
    findings: shown.map(findingView),
    next_cursor: shown.at(-1)?.seq ?? cursor,
    more: found.length > limit,
    counts: { total, by_severity: { ...bySeverity }, by_type: { ...byType } },
  };
}

/** Full-text search; what was typed is never an error. */
export function searchHistory(store: Store, input: SearchInput): SearchAnswer {
  const terms = parseSearch(input.query);
  const { task_id, agent_id, since, cursor, limit } = input;
  const hits = store.search({
    terms,
    kinds: input.kinds ?? SEARCH_KINDS,
    limit: limit + 1,
    ...(task_id === undefined ? {} : { taskId: task_id }),
    ...(agent_id === undefined ? {} : { agentId: agent_id }),
    ...(since === undefined ? {} : { since: Date.parse(since) }),
    ...(cursor === undefined ? {} : { before: cursor }),
  });
  const shown = hits.slice(0, limit);
  return {
    hits: shown.map(({ kind, seq, taskId, agentId, at, what, text }) => ({
      kind,
      seq,
      task_id: taskId,
      agent_id: agentId,
      at: isoTime(at),
      what,
      excerpt: excerptOf(text, terms, EXCERPT_CHARS),
    })),
    next_cursor: hits.length > limit ? (shown.at(-1)?.id ?? null) : null,
  };
}

/**
 * Waits for ends or events of one task, whichever comes first.
 * @param ids  The agents that are waited for; all exist.
 */
export async function waitForAgents(
  setting: Setting,
  ids: readonly AgentId[],
  input: WaitForAgentsInput,
): Promise<WaitForAgentsAnswer> {
  const { store } = setting;
  const { task_id, until, events: kinds, timeout_s } = input;
  const afterSeq = input.after_seq ?? store.lastEventSeq();
  const isDone = (id: AgentId): boolean =>
    store.agent(id)?.endedAt !== null && isCleanOrStuck(setting, id);
  const needed = until === "all" ? ids.length : Math.min(ids.length, until === "any" ? 1 : until);
  const ended = enoughAre(ids, isDone, needed);
  const told = (event?: CorralEvent): boolean => {
    if (kinds === undefined) return false;
    if (event !== undefined) return event.task_id === task_id && kinds.includes(event.kind);
    return store.taskEvents(task_id, afterSeq, 1, kinds).length > 0;
  };
  const met = await waitUntil(
    setting,
    // Where nobody is waited for, only events (or the time) end it.
    (event) => (ids.length > 0 && ended(event)) || told(event),
    timeout_s * SECOND_MS,
  );
  const events = store.taskEvents(task_id, afterSeq, EVENTS_MOST);
  const agents = ids.map((id) => store.agent(id)).filter((agent) => agent !== null);
  return {
    agents: agentViews(store, agents),
    events: [...events],
    next_seq: events.at(-1)?.seq ?? afterSeq,
    timed_out: !met,
  };
}
