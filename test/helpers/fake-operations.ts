/**
 * Operations in memory, for tests of the surfaces alone: who may come in, how things are
 * said, what crosses the wire. It deploys nothing; supervision has tests of its own.
 */
import type {
  AgentView,
  FindingView,
  ProgressView,
  Receipt,
  TaskSummary,
} from "../../src/contract/agent.ts";
import type { CorralEvent, EventKind } from "../../src/contract/events.ts";
import type { MessageView } from "../../src/contract/messages.ts";
import type {
  CreateTaskInput,
  DeployAnswer,
  TaskStatusAnswer,
  ToolAnswer,
  ToolInput,
  ToolName,
} from "../../src/contract/tools.ts";
import { Fault } from "../../src/kernel/fault.ts";
import { mintAgentId, mintTaskId } from "../../src/kernel/ids.ts";
import { counting, type Figures } from "../../src/supervision/figures.ts";
import { NO_SAMPLE } from "../../src/supervision/sampling/sample.ts";
import type { Caller, Operations } from "../../src/supervision/operations.ts";

export const CLIENT_TOKEN = "client-token-of-the-tests";
const AT = "2026-11-22T12:00:00.000Z";
const NOW = Date.parse(AT);
const CLEAN = { state: "clean", held: 0, stuck: 0 } as const;

export interface SeenCall {
  readonly name: ToolName;
  readonly input: unknown;
  readonly caller: Caller;
}

export interface FakeOperations extends Operations {
  /** Every tool call that began, in order. */
  readonly seen: readonly SeenCall[];
  /** How many tool calls have ended. */
  finished(): number;
  /** How many look on at samples. */
  lookers(): number;
  /** Makes tool calls wait until the returned function is called. */
  hold(): () => void;
  /** Makes the next tool call throw this. */
  failNext(thrown: unknown): void;
  /** Records an event, as supervision does when something became durable. */
  emit(kind: EventKind, taskId?: string | null, facts?: Record<string, unknown>): CorralEvent;
  /** A task with one agent, and the agent's own token. */
  seed(): Promise<{ taskId: string; agentId: string; token: string }>;
}

interface Task {
  readonly input: CreateTaskInput;
  readonly agents: AgentView[];
  readonly progress: ProgressView[];
  readonly findings: FindingView[];
}

export function fakeOperations(): FakeOperations {
  const tasks = new Map<string, Task>();
  const tokens = new Map<string, Caller>([[CLIENT_TOKEN, { kind: "client" }]]);
  const events: CorralEvent[] = [];
  const listeners = new Set<(event: CorralEvent) => void>();
  const lookers = new Set<object>();
  const seen: SeenCall[] = [];
  let minted = 0;
  let ended = 0;
  let gate: Promise<void> = Promise.resolve();
  let failure: { readonly thrown: unknown } | undefined;
  const random = (bytes: number): string => {
    minted += 1;
    return minted.toString(16).padStart(bytes * 2, "0");
  };

  function taskNamed(taskId: string): Task {
    const task = tasks.get(taskId);
    if (task !== undefined) return task;
    throw new Fault("TASK_NOT_FOUND", `No task is named ${JSON.stringify(taskId).slice(0, 80)}.`, {
      hint: "Call create_real_task, or use the task_id that it returned.",
    });
  }

  function agentNamed(agentId: string): AgentView {
    for (const { agents } of tasks.values()) {
      const agent = agents.find((one) => one.agent_id === agentId);
      if (agent !== undefined) return agent;
    }
    throw new Fault(
      "AGENT_NOT_FOUND",
      `No agent is named ${JSON.stringify(agentId).slice(0, 80)}.`,
      {
        hint: "Call get_real_task_status and use one of its agents.",
      },
    );
  }

  function emit(kind: EventKind, taskId: string | null = null, facts = {}): CorralEvent {
    const event = { seq: events.length + 1, at: AT, kind, task_id: taskId, agent_id: null, facts };
    events.push(event);
    for (const listener of listeners) listener(event);
    return event;
  }

  function deploy(taskId: string, type: string, parent: string): DeployAnswer {
    const task = taskNamed(taskId);
    const agentId = mintAgentId(type, NOW, random);
    task.agents.push(viewOf(agentId, taskId, type, parent));
    tokens.set(`token-of-${agentId}`, { kind: "agent", agentId, taskId });
    emit("agent.running", taskId);
    return {
      agent_id: agentId,
      task_id: taskId,
      agent_type: type,
      harness: "claude",
      parent,
      depth: 1,
      status: "running",
      host: "tmux",
      tmux_session: `agent_${agentId}`,
      containment: "watermark",
      workspace: `/tmp/fake/${taskId}/agents/${agentId}`,
      warnings: [],
    };
  }

  const TOOL: { [N in ToolName]: (input: ToolInput<N>, caller: Caller) => ToolAnswer<N> } = {
    create_real_task: (input, caller) => {
      const taskId = mintTaskId(NOW, random);
      const cwd = caller.kind === "client" ? caller.cwd : undefined;
      tasks.set(taskId, {
        input: { ...input, client_cwd: input.client_cwd ?? cwd },
        agents: [],
        progress: [],
        findings: [],
      });
      emit("task.created", taskId);
      return { task_id: taskId, workspace: `/tmp/fake/${taskId}`, status: "open", warnings: [] };
    },
    deploy_headless_agent: (input) => deploy(input.task_id, input.agent_type, input.parent),
    spawn_child_agent: (input) =>
      deploy(input.task_id, input.child_agent_type, input.parent_agent_id),
    get_real_task_status: ({ task_id: taskId }) => statusOf(taskId, taskNamed(taskId)),
    get_agent_output: (input) => ({
      agent_id: agentNamed(input.agent_id).agent_id,
      status: "running",
      output: input.format === "text" ? "line one\nline two" : [{ type: "text", text: "one" }],
      next_cursor: 18,
      prev_cursor: null,
      source: "stream",
      gaps: [],
      truncated: false,
      stderr: null,
      metadata: null,
    }),
    kill_real_agent: (input) => {
      const { agent_id: owner } = agentNamed(input.agent_id);
      emit("agent.clean", input.task_id);
      return { agent_id: owner, status: "killed", reason: input.reason, receipt: receiptOf(owner) };
    },
    update_agent_progress: (input) => {
      const task = taskNamed(input.task_id);
      const { agent_id, status, message, progress } = input;
      const update = { seq: task.progress.length + 1, agent_id, status, message, progress, at: AT };
      task.progress.push(update);
      emit("agent.progress", input.task_id);
      const peers = { progress: [], findings: [] };
      return { own_update: update, validation: null, peers, inbox: null };
    },
    report_agent_finding: (input) => {
      const { agent_id, finding_type, severity, message, data = null } = input;
      const finding = { seq: 1, agent_id, finding_type, severity, message, data, at: AT };
      taskNamed(input.task_id).findings.push(finding);
      emit("agent.finding", input.task_id);
      return { own_finding: finding, peers: { progress: [], findings: [] }, inbox: null };
    },
    get_resource_report: ({ scope, id = null }) => ({
      scope,
      id,
      at: AT,
      held: [],
      ports: [],
      use: NO_USE,
      daemon: null,
      disk: [],
      limits: [],
      agents: [],
      alerts: [],
      unknown: [],
    }),
    sweep_resources: ({ apply, plan_id = "plan-0" }) => ({
      plan_id,
      applied: apply,
      steps: [],
      unknown: [],
    }),
    get_task_findings: ({ task_id: taskId }) => {
      const { findings } = taskNamed(taskId);
      const counts = { total: findings.length, by_severity: {}, by_type: {} };
      return { findings, next_cursor: findings.length, more: false, counts };
    },
    wait_for_agents: ({ task_id: taskId }) => {
      const { agents } = taskNamed(taskId);
      return { agents, events: events.slice(-2), next_seq: events.length, timed_out: true };
    },
    list_tasks: () => ({ tasks: summaries(), next_cursor: null }),
    close_task: ({ task_id, outcome }) => {
      const { agents } = taskNamed(task_id);
      const receipts = agents.map(({ agent_id }) => receiptOf(agent_id));
      return { task_id, status: outcome, closed_at: AT, agents_stopped: agents.length, receipts };
    },
    search_history: () => ({ hits: [], next_cursor: null }),
    send_agent_message: ({ task_id, agent_id, text }) => ({
      message: messageTo(task_id, agent_id, text),
      warnings: [],
    }),
    get_agent_messages: ({ task_id, agent_id }) => ({
      messages: [messageTo(task_id, agent_id, "a word")],
      left_out: 0,
      counts: { queued: 1, delivered: 0, consumed: 0, undeliverable: 0 },
    }),
    resume_agent: ({ task_id, agent_id }) => ({
      ...deploy(task_id, agentNamed(agent_id).agent_type, "orchestrator"),
      resumed_from: agent_id,
      messages: [],
    }),
  };

  function messageTo(task_id: string, agent_id: string, text: string): MessageView {
    return {
      message_id: "MSG-0123456789ab",
      task_id,
      agent_id: agentNamed(agent_id).agent_id,
      from: "orchestrator",
      text,
      state: "queued",
      waits_for: "the answer of its next report",
      sent_at: AT,
      way: null,
      handed_over: 0,
      delivered_to: null,
      delivered_at: null,
      consumed_at: null,
      evidence: null,
      reason: null,
    };
  }

  function summaries(): TaskSummary[] {
    return [...tasks].map(([task_id, { input, agents }]) => ({
      task_id,
      description: input.description,
      status: "open" as const,
      priority: input.priority,
      workspace: `/tmp/fake/${task_id}`,
      client_cwd: null,
      created_at: AT,
      closed_at: null,
      agents: agents.length,
      agents_live: agents.length,
      disk_bytes: 0,
      budget: { tokens: { used: 0, limit: null }, cost_usd: { used: 0, limit: null, untold: 0 } },
    }));
  }

  async function tool<N extends ToolName>(name: N, input: ToolInput<N>, caller: Caller) {
    seen.push({ name, input, caller });
    await gate;
    try {
      const planned = failure;
      failure = undefined;
      if (planned !== undefined) throw planned.thrown;
      return TOOL[name](input, caller);
    } finally {
      ended += 1;
    }
  }

  return {
    seen,
    finished: () => ended,
    lookers: () => lookers.size,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    failNext: (thrown) => {
      failure = { thrown };
    },
    emit,
    seed: async () => {
      const client = { kind: "client" } as const;
      const { task_id: taskId } = await tool(
        "create_real_task",
        { description: "a task of the tests", priority: "P2" },
        client,
      );
      const { agent_id: agentId } = deploy(taskId, "builder", "orchestrator");
      return { taskId, agentId, token: `token-of-${agentId}` };
    },
    tool,
    authenticate: (token) => {
      const caller = tokens.get(token);
      if (caller !== undefined) return caller;
      throw new Fault("TOKEN_INVALID", "This token is not, or no longer, valid.", {
        hint: "Use the token of a running daemon or agent.",
      });
    },
    health: () => ({
      version: "0.0.0-test",
      pid: process.pid,
      state_dir: "/tmp/fake",
      started_at: AT,
      epoch: 1,
      containment: "watermark",
      url: "http://127.0.0.1:1",
      agents_live: 0,
      resources_held: 0,
      quotas: [],
      disk: null,
    }),
    tasks: () => ({ tasks: summaries(), next_cursor: null }),
    agents: ({ taskId }) => ({
      agents:
        taskId === undefined
          ? [...tasks.values()].flatMap(({ agents }) => agents)
          : taskNamed(taskId).agents,
      left_out: 0,
    }),
    agentsNamed: (ids) => ({
      agents: [...tasks.values()]
        .flatMap(({ agents }) => agents)
        .filter(({ agent_id }) => ids.includes(agent_id)),
      left_out: 0,
    }),
    overview: () => {
      throw new Error("no test of a surface needs an overview");
    },
    machine: () => {
      throw new Error("no test of a surface needs a machine");
    },
    configuration: () => ({ file: "/tmp/fake/config.json", settings: [] }),
    resetQuota: () => ({ closed: [] }),
    agent: agentNamed,
    receipt: (agentId) => receiptOf(agentNamed(agentId).agent_id),
    stream: (agentId, { from, maxBytes }) => {
      agentNamed(agentId);
      const all = Buffer.from("line one\nline two\n");
      const part = all.subarray(from, from + maxBytes);
      return Promise.resolve({
        data: part.toString("base64"),
        from,
        next: from + part.length,
        size: all.length,
        ended: false,
      });
    },
    alerts: () => ({ standing: [], cleared: [], deliveries: { pending: 0, dropped: 0 } }),
    screen: (agentId) => {
      const { agent_id } = agentNamed(agentId);
      return Promise.resolve({ agent_id, state: "none", digest: null, screen: null });
    },
    figures: () => FIGURES,
    lookOn: () => {
      const looker = {};
      lookers.add(looker);
      return () => void lookers.delete(looker);
    },
    samples: () => {
      throw new Error("no test of a surface needs samples");
    },
    history: () => {
      throw new Error("no test of a surface needs a history");
    },
    processes: (agentId) =>
      Promise.resolve({
        agent_id: agentNamed(agentId).agent_id,
        at: AT,
        processes: [],
        left_out: 0,
      }),
    ledger: () => ({ rows: [] }),
    wait: async (_input, signal) => {
      await gate;
      return { agents: [], timed_out: !signal.aborted };
    },
    eventsAfter: (seq, max) => events.slice(seq, seq + max),
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    resource: (uri, caller) => {
      const taskId = /^task:\/\/([^/]+)\/(?:status|progress-timeline)$/.exec(uri)?.[1];
      const mime_type = "application/json";
      if (uri === "tasks://list")
        return { uri, mime_type, text: JSON.stringify([...tasks.keys()]) };
      if (taskId === undefined) {
        throw new Fault("ROUTE_UNKNOWN", "There is no such resource.", {
          hint: "Read tasks://list.",
        });
      }
      if (caller.kind === "agent" && caller.taskId !== taskId) {
        throw new Fault("FORBIDDEN", "An agent reads its own task only.", {
          hint: "Use the task_id of your mission.",
        });
      }
      return { uri, mime_type, text: JSON.stringify(statusOf(taskId, taskNamed(taskId))) };
    },
    sweep: ({ apply, plan_id = "plan-0" }) =>
      Promise.resolve({ plan_id, applied: apply, steps: [], unknown: [] }),
    archives: () => ({ archives: [], total: 0, total_bytes: 0 }),
    archive: (agentId) =>
      Promise.reject(
        new Fault("ARCHIVE_NOT_FOUND", `${agentNamed(agentId).agent_id} has no archive.`, {
          hint: "List them.",
        }),
      ),
    exportArchive: (agentId, { to }) =>
      Promise.resolve({ to, files: 1, bytes: agentNamed(agentId).agent_id.length, redacted: true }),
    pruneArchives: ({ dry_run }) =>
      Promise.resolve({ dry_run, deleted: [], failed: [], freed_bytes: 0 }),
    doctor: () =>
      Promise.resolve({
        version: "0.0.0-test",
        node: process.version,
        platform: process.platform,
        user: "tester",
        daemon: { running: true, pid: process.pid, url: null },
        paths: [],
        host: { kind: "tmux" as const, detail: "" },
        containment: [],
        harnesses: [],
        disk: { used_bytes: 0, ballast_bytes: 0, file_systems: [] },
        problems: [],
      }),
    leave: ({ mode }) => Promise.resolve({ mode, agents_ended: 0, agents_kept: 0, receipts: [] }),
  };
}

/** What metrics are made of, where nothing happens. */
const FIGURES: Figures = {
  version: "0.0.0-test",
  startedAt: NOW,
  own: { fds: 9, fdsLimit: 100, memoryBytes: 1, cpuMs: 2_000 },
  together: null,
  live: new Map([["running", 1]]),
  held: 3,
  stuck: 0,
  standing: [],
  notices: { pending: 0, dropped: 0 },
  sampling: { looks: 0, spentMs: 0, lookers: 0 },
  all: NO_SAMPLE,
  agents: [],
  agentsLeftOut: 0,
  fileSystems: [],
  counts: counting(),
};

const NO_USE = {
  processes: 0,
  threads: 0,
  fds: 0,
  memory_bytes: 0,
  memory_source: "none" as const,
  cpu_ms: 0,
  cpu_source: "none" as const,
};

function viewOf(agentId: string, taskId: string, type: string, parent: string): AgentView {
  return {
    agent_id: agentId,
    task_id: taskId,
    agent_type: type,
    harness: "claude",
    parent,
    depth: 1,
    resumed_from: null,
    resumed_as: null,
    status: "running",
    reported: null,
    activity: null,
    trouble: null,
    exit_code: null,
    signal: null,
    reason: null,
    created_at: AT,
    started_at: AT,
    ended_at: null,
    cleanup: { state: "none", held: 3, stuck: 0 },
    containment: "watermark",
    host: "tmux",
    tmux_session: `agent_${agentId}`,
    on_daemon_gone: "keep",
    forgotten_at: null,
    usage: null,
    budget: { tokens: { used: null, limit: null }, cost_usd: { used: null, limit: null } },
    output_bytes: null,
    disk_bytes: null,
  };
}

function receiptOf(owner: string): Receipt {
  return { owner, cleanup: CLEAN, resources: [], survivors: [], usage: null };
}

function statusOf(taskId: string, { input, agents, progress, findings }: Task): TaskStatusAnswer {
  return {
    task: {
      task_id: taskId,
      description: input.description,
      status: "open",
      priority: input.priority,
      workspace: `/tmp/fake/${taskId}`,
      client_cwd: input.client_cwd ?? null,
      created_at: AT,
      closed_at: null,
      close_reason: null,
      background_context: null,
      expected_deliverables: [],
      success_criteria: [],
      constraints: [],
      relevant_files: [],
    },
    agents,
    agents_left_out: 0,
    counts: { total: agents.length, running: agents.length, completed: 0, failed: 0 },
    hierarchy: {},
    progress,
    findings,
    limits: {
      running: { used: 0, limit: 20 },
      total: { used: 0, limit: 45 },
      depth: { used: 0, limit: 5 },
      disk: { used: 0, limit: null },
      tokens: { used: 0, limit: null },
      cost_usd: { used: 0, limit: null, untold: 0 },
    },
    resources: { held: 3, stuck: 0 },
  };
}
