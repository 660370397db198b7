/** Records as answers show them. */
import type { AgentRecord } from "../agents/record.ts";
import {
  type AgentBudget,
  type AgentView,
  type FindingView,
  type Cleanup,
  type ProgressView,
  type Receipt,
  type TaskBudget,
  type TaskSummary,
  TERMINAL_STATUSES,
} from "../contract/agent.ts";
import type { TaskStatusAnswer } from "../contract/tools.ts";
import { isoTime } from "../kernel/units.ts";
import { cleanupOf, receiptOf } from "../ledger/receipt.ts";
import { spentOf, type TaskSpent } from "../tasks/budget.ts";
import { budgetOf, type TaskRecord } from "../tasks/task.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { HeldCount, TaskRow } from "./history.ts";
import type { FindingRecord, ProgressRecord, Store } from "./store.ts";

const LATEST_PROGRESS = 10;
const LATEST_FINDINGS = 5;
/** Enough for every task within the usual limits. */
export const AGENTS_LISTED = 200;
/** Up to here each agent's rows are looked at, which is exact about one that never had any. */
const FEW_AGENTS = 8;

/** Nothing is forgotten before it is clean. */
const FORGOTTEN: Cleanup = { state: "clean", held: 0, stuck: 0 };

/** An agent as every surface shows it. */
export function agentView(store: Pick<Store, "resourcesOf">, agent: AgentRecord): AgentView {
  if (agent.forgottenAt !== null) return viewOf(agent, FORGOTTEN);
  return viewOf(agent, cleanupOf(store.resourcesOf(agent.id), agent.endedAt !== null));
}

/** Many agents: what they hold is counted once for all. */
export function agentViews(
  store: Pick<Store, "heldByOwner" | "resourcesOf">,
  agents: readonly AgentRecord[],
): AgentView[] {
  if (agents.length <= FEW_AGENTS) return agents.map((agent) => agentView(store, agent));
  const held = store.heldByOwner();
  return agents.map((agent) => viewOf(agent, cleanupBy(held.get(agent.id), agent)));
}

/** As {@link cleanupOf} says it, from counts alone. */
function cleanupBy(count: HeldCount | undefined, { endedAt }: AgentRecord): Cleanup {
  const { held, stuck } = count ?? { held: 0, stuck: 0 };
  if (held === 0) return { state: endedAt === null ? "none" : "clean", held, stuck };
  if (endedAt === null) return { state: "pending", held, stuck };
  return { state: stuck > 0 ? "stuck" : "releasing", held, stuck };
}

function viewOf(agent: AgentRecord, cleanup: Cleanup): AgentView {
  const { reported } = agent;
  return {
    agent_id: agent.id,
    task_id: agent.taskId,
    agent_type: agent.type,
    harness: agent.harness,
    parent: agent.parent,
    depth: agent.depth,
    resumed_from: agent.resumedFrom,
    resumed_as: agent.resumedAs,
    status: agent.status,
    reported: reported === null ? null : { ...reported, at: isoTime(reported.at) },
    activity: agent.activity,
    trouble: troubleView(agent.trouble),
    exit_code: agent.exitCode,
    signal: agent.signal,
    reason: agent.reason,
    created_at: isoTime(agent.createdAt),
    started_at: timeOrNull(agent.startedAt),
    ended_at: timeOrNull(agent.endedAt),
    cleanup,
    containment: agent.containment,
    host: agent.host,
    tmux_session: agent.host === "tmux" && agent.status !== "queued" ? agent.session : null,
    on_daemon_gone: agent.onDaemonGone,
    usage: agent.usage,
    budget: agentBudget(agent),
    output_bytes: agent.outputBytes,
    disk_bytes: agent.diskBytes,
    forgotten_at: timeOrNull(agent.forgottenAt),
  };
}

function agentBudget({ costLimit, tokenLimit, usage }: AgentRecord): AgentBudget {
  const { costUsd, tokens } = spentOf(usage);
  return {
    tokens: { used: tokens, limit: tokenLimit },
    cost_usd: { used: costUsd, limit: costLimit },
  };
}

function taskBudget({ limits }: TaskRecord, spent: TaskSpent): TaskBudget {
  const { costUsd, tokens } = budgetOf(limits);
  return {
    tokens: { used: spent.tokens, limit: tokens },
    cost_usd: { used: spent.costUsd, limit: costUsd, untold: spent.untold },
  };
}

function troubleView(trouble: AgentRecord["trouble"]): AgentView["trouble"] {
  if (trouble === null) return null;
  const { attempts, kind, message, since, until } = trouble;
  return { kind, message, since: isoTime(since), until: timeOrNull(until), attempts };
}

function timeOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}

export function progressView({
  seq,
  agentId,
  status,
  message,
  progress,
  at,
}: ProgressRecord): ProgressView {
  return { seq, agent_id: agentId, status, message, progress, at: isoTime(at) };
}

export function findingView(record: FindingRecord): FindingView {
  const { seq, agentId, findingType, severity, message, details, at } = record;
  const data = details === null ? null : { ...details };
  return {
    seq,
    agent_id: agentId,
    finding_type: findingType,
    severity,
    message,
    data,
    at: isoTime(at),
  };
}

/** The receipt of an agent, with the survivors of the last look. */
export function receiptView(store: Store, loops: AgentLoops, agent: AgentRecord): Receipt {
  if (agent.forgottenAt !== null) {
    return {
      owner: agent.id,
      cleanup: FORGOTTEN,
      resources: [],
      survivors: [],
      usage: agent.usage,
    };
  }
  const survivors = loops.survivors(agent.id).map(({ pid, name }) => ({ pid, name }));
  return receiptOf(
    agent.id,
    store.resourcesOf(agent.id),
    agent.endedAt !== null,
    survivors,
    agent.usage,
  );
}

/** A task where it is one line among others. */
export function taskSummary({ task, agents, agentsLive, diskBytes, spent }: TaskRow): TaskSummary {
  return {
    task_id: task.id,
    description: task.description,
    status: task.status,
    priority: task.priority,
    workspace: task.workspace,
    client_cwd: task.clientCwd,
    created_at: isoTime(task.createdAt),
    closed_at: timeOrNull(task.closedAt),
    agents,
    agents_live: agentsLive,
    disk_bytes: diskBytes,
    budget: taskBudget(task, spent),
  };
}

/**
 * Everything that get_real_task_status answers.
 * @param maxAgents  Most agents to list; the counts are of all.
 */
export function taskStatusView(
  store: Store,
  task: TaskRecord,
  maxAgents = AGENTS_LISTED,
): TaskStatusAnswer {
  const { agents, leftOut } = store.agentsBy({ taskId: task.id, all: true, limit: maxAgents });
  const { byStatus, depth, forgotten } = store.taskCounts(task.id);
  const total = sumOf(Object.values(byStatus));
  const failed = sumOf(FAILED.map((status) => byStatus[status] ?? 0));
  const completed = byStatus["completed"] ?? 0;
  const running = total - completed - failed;
  const views = agentViews(store, agents);
  return {
    task: taskView(task),
    agents: views,
    agents_left_out: leftOut,
    counts: { total, running, completed, failed },
    hierarchy: hierarchyOf(agents),
    progress: store.progress(task.id, LATEST_PROGRESS).map(progressView),
    findings: store.findings(task.id, LATEST_FINDINGS).map(findingView),
    limits: {
      running: { used: running, limit: task.limits.running },
      total: { used: total + forgotten, limit: task.limits.total },
      depth: { used: depth, limit: task.limits.depth },
      disk: { used: store.diskUse(task.id), limit: task.limits.disk ?? null },
      ...taskBudget(task, store.taskSpent(task.id)),
    },
    // Whoever holds something is listed before all others.
    resources: {
      held: sumOf(views.map(({ cleanup }) => cleanup.held)),
      stuck: sumOf(views.map(({ cleanup }) => cleanup.stuck)),
    },
  };
}

const FAILED = TERMINAL_STATUSES.filter((status) => status !== "completed");

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function taskView(task: TaskRecord): TaskStatusAnswer["task"] {
  const { context } = task;
  return {
    task_id: task.id,
    description: task.description,
    status: task.status,
    priority: task.priority,
    workspace: task.workspace,
    client_cwd: task.clientCwd,
    created_at: isoTime(task.createdAt),
    closed_at: timeOrNull(task.closedAt),
    close_reason: task.closeReason,
    background_context: context.background,
    expected_deliverables: [...context.deliverables],
    success_criteria: [...context.criteria],
    constraints: [...context.constraints],
    relevant_files: [...context.files],
  };
}

function hierarchyOf(agents: readonly AgentRecord[]): Record<string, string[]> {
  const children: Record<string, string[]> = {};
  for (const { id, parent } of agents) (children[parent] ??= []).push(id);
  return children;
}
