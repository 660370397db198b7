/** Records as answers show them. */
import type { AgentRecord } from "../agents/record.ts";
import {
  type AgentView,
  type FindingView,
  isTerminal,
  type ProgressView,
  type Receipt,
} from "../contract/agent.ts";
import type { TasksAnswer } from "../contract/api.ts";
import type { TaskStatusAnswer } from "../contract/tools.ts";
import { isoTime } from "../kernel/units.ts";
import { cleanupOf, receiptOf } from "../ledger/receipt.ts";
import { isHeld } from "../ledger/resource.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { FindingRecord, ProgressRecord, Store } from "./store.ts";

const LATEST_PROGRESS = 10;
const LATEST_FINDINGS = 5;

/** An agent as every surface shows it. */
export function agentView(store: Store, agent: AgentRecord): AgentView {
  const { reported } = agent;
  return {
    agent_id: agent.id,
    task_id: agent.taskId,
    agent_type: agent.type,
    harness: agent.harness,
    parent: agent.parent,
    depth: agent.depth,
    status: agent.status,
    reported: reported === null ? null : { ...reported, at: isoTime(reported.at) },
    activity: agent.activity,
    exit_code: agent.exitCode,
    signal: agent.signal,
    reason: agent.reason,
    created_at: isoTime(agent.createdAt),
    started_at: timeOrNull(agent.startedAt),
    ended_at: timeOrNull(agent.endedAt),
    cleanup: cleanupOf(store.resourcesOf(agent.id), agent.endedAt !== null),
    containment: agent.containment,
    host: agent.host,
    tmux_session: agent.host === "tmux" ? agent.session : null,
    on_daemon_gone: agent.onDaemonGone,
    usage: agent.usage,
  };
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
  const survivors = loops.survivors(agent.id).map(({ pid, name }) => ({ pid, name }));
  return receiptOf(agent.id, store.resourcesOf(agent.id), agent.endedAt !== null, survivors);
}

export function tasksView(store: Store): TasksAnswer {
  return {
    tasks: store.tasks().map((task) => {
      const agents = store.agentsOf(task.id);
      return {
        task_id: task.id,
        description: task.description,
        status: "open",
        priority: task.priority,
        workspace: task.workspace,
        created_at: isoTime(task.createdAt),
        agents: agents.length,
        agents_live: agents.filter(({ endedAt }) => endedAt === null).length,
      };
    }),
  };
}

/** Everything that get_real_task_status answers. */
export function taskStatusView(store: Store, task: TaskRecord): TaskStatusAnswer {
  const agents = store.agentsOf(task.id);
  const live = agents.filter(({ endedAt }) => endedAt === null).length;
  const held = agents.flatMap(({ id }) => store.resourcesOf(id)).filter(isHeld);
  const deepest = Math.max(0, ...agents.map(({ depth }) => depth));
  return {
    task: taskView(task),
    agents: agents.map((agent) => agentView(store, agent)),
    counts: {
      total: agents.length,
      running: live,
      completed: agents.filter(({ status }) => status === "completed").length,
      failed: agents.filter(({ status }) => isTerminal(status) && status !== "completed").length,
    },
    hierarchy: hierarchyOf(agents),
    progress: store.progress(task.id, LATEST_PROGRESS).map(progressView),
    findings: store.findings(task.id, LATEST_FINDINGS).map(findingView),
    limits: {
      running: { used: live, limit: task.limits.running },
      total: { used: agents.length, limit: task.limits.total },
      depth: { used: deepest, limit: task.limits.depth },
    },
    resources: { held: held.length, stuck: held.filter(({ attempts }) => attempts > 0).length },
  };
}

function taskView(task: TaskRecord): TaskStatusAnswer["task"] {
  const { context } = task;
  return {
    task_id: task.id,
    description: task.description,
    status: "open",
    priority: task.priority,
    workspace: task.workspace,
    client_cwd: task.clientCwd,
    created_at: isoTime(task.createdAt),
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
