/**
 * The MCP tools: names, parameters, defaults and answers, in the order in which they are listed.
 *
 * The names, parameters and defaults of the first eight are those that clients of the
 * original already use. Everything a client can rely on is here and in ./tools: the MCP server,
 * the HTTP API and the command line all parse with these schemas.
 */
import type { z } from "zod";
import { SweepAnswer, SweepInput } from "./api.ts";
import { ResourceReportAnswer, ResourceReportInput } from "./resource-report.ts";
import {
  AgentOutputAnswer,
  AgentOutputInput,
  KillAnswer,
  KillInput,
  WaitForAgentsAnswer,
  WaitForAgentsInput,
} from "./tools/agents.ts";
import { DeployAnswer, DeployInput, SpawnChildInput } from "./tools/deploying.ts";
import {
  AgentMessagesInput,
  MessagesAnswer,
  ResumeAnswer,
  ResumeInput,
  SendAnswer,
  SendMessageInput,
} from "./tools/messages.ts";
import {
  FindingAnswer,
  FindingInput,
  ProgressAnswer,
  ProgressInput,
  SearchAnswer,
  SearchInput,
  TaskFindingsAnswer,
  TaskFindingsInput,
} from "./tools/reports.ts";
import {
  CloseTaskAnswer,
  CloseTaskInput,
  CreateTaskAnswer,
  CreateTaskInput,
  ListTasksAnswer,
  ListTasksInput,
  TaskStatusAnswer,
  TaskStatusInput,
} from "./tools/tasks.ts";

export * from "./tools/agents.ts";
export * from "./tools/deploying.ts";
export * from "./tools/limits.ts";
export * from "./tools/messages.ts";
export * from "./tools/reports.ts";
export * from "./tools/tasks.ts";

/** One tool as clients see it. */
export interface ToolContract {
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
  /** True for the tools that an agent needs itself: clients should not hide them behind a search. */
  readonly alwaysLoad: boolean;
}

const CHANGES = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
} as const;
const READS = { ...CHANGES, readOnlyHint: true, idempotentHint: true } as const;

/** The published tools, in listing order. */
export const TOOLS = {
  create_real_task: {
    title: "Create a task",
    description:
      "Use first: makes a task with a workspace for agents to work on. Then deploy agents on the task_id it returns.",
    input: CreateTaskInput,
    output: CreateTaskAnswer,
    annotations: CHANGES,
    alwaysLoad: false,
  },
  deploy_headless_agent: {
    title: "Deploy an agent",
    description:
      "Use to start one headless coding agent on a task. Returns as soon as it runs; follow it with get_real_task_status and get_agent_output. Everything it starts is stopped and given back when it ends.",
    input: DeployInput,
    output: DeployAnswer,
    annotations: { ...CHANGES, openWorldHint: true },
    alwaysLoad: false,
  },
  get_real_task_status: {
    title: "Get a task's status",
    description:
      "Use to see a task: its agents with status, their latest progress and findings, limits used, and what is still held.",
    input: TaskStatusInput,
    output: TaskStatusAnswer,
    annotations: READS,
    alwaysLoad: false,
  },
  get_agent_output: {
    title: "Read an agent's output",
    description:
      "Use to read what an agent printed, live or after its end. Filter first, then tail; pass next_cursor back as cursor to read on.",
    input: AgentOutputInput,
    output: AgentOutputAnswer,
    annotations: READS,
    alwaysLoad: false,
  },
  kill_real_agent: {
    title: "Stop an agent",
    description:
      "Use to stop an agent and everything it started. Returns when nothing of it is left, with a receipt that says what was released and how that was seen.",
    input: KillInput,
    output: KillAnswer,
    annotations: { ...CHANGES, destructiveHint: true, idempotentHint: true },
    alwaysLoad: false,
  },
  update_agent_progress: {
    title: "Report progress",
    description:
      'Agents: use to report your own progress every few minutes, and at the end once with status "completed" and what you did and how you checked it.',
    input: ProgressInput,
    output: ProgressAnswer,
    annotations: CHANGES,
    alwaysLoad: true,
  },
  report_agent_finding: {
    title: "Report a finding",
    description:
      "Agents: use to record something worth knowing (an issue, a cause, a solution, a recommendation) as soon as you find it.",
    input: FindingInput,
    output: FindingAnswer,
    annotations: CHANGES,
    alwaysLoad: true,
  },
  spawn_child_agent: {
    title: "Spawn a child agent",
    description:
      "Agents: use to hand a separable part of your mission to a child agent of your own. It sees only the child_prompt.",
    input: SpawnChildInput,
    output: DeployAnswer,
    annotations: { ...CHANGES, openWorldHint: true },
    alwaysLoad: true,
  },
  get_resource_report: {
    title: "See what is held and used",
    description:
      "Use to see what the daemon, one task or one agent holds and uses now: resources by kind, processes, open files, memory, processor time, disk, limits, and what wants a look. Says from where each sum is, and what could not be looked at.",
    input: ResourceReportInput,
    output: ResourceReportAnswer,
    annotations: READS,
    alwaysLoad: false,
  },
  sweep_resources: {
    title: "Sweep what nobody holds",
    description:
      "Use to find what no live agent holds (processes, sessions, control groups, files of ended agents). Without apply it only plans; read the plan, then call it again with apply and the plan_id to release exactly that. It never touches a live agent or anything that Corral did not make.",
    input: SweepInput,
    output: SweepAnswer,
    annotations: { ...CHANGES, destructiveHint: true, idempotentHint: true },
    alwaysLoad: false,
  },
  get_task_findings: {
    title: "Get a task's findings",
    description:
      "Use to read what a task's agents have found, by agent, type, severity or time, with counts. Pass next_cursor back as cursor to see only what is new.",
    input: TaskFindingsInput,
    output: TaskFindingsAnswer,
    annotations: READS,
    alwaysLoad: false,
  },
  wait_for_agents: {
    title: "Wait for agents",
    description:
      "Use instead of asking again and again: answers when agents have ended, when one of the named events comes, or after timeout_s. Call it again with next_seq as after_seq.",
    input: WaitForAgentsInput,
    output: WaitForAgentsAnswer,
    annotations: READS,
    alwaysLoad: false,
  },
  list_tasks: {
    title: "List tasks",
    description:
      "Use to find a task: newest first, with how many agents each has and how many live.",
    input: ListTasksInput,
    output: ListTasksAnswer,
    annotations: READS,
    alwaysLoad: false,
  },
  close_task: {
    title: "Close a task",
    description:
      "Use when a task is done or given up: nothing more can be deployed on it, and agents that still run are stopped and given back. Everything they wrote stays readable.",
    input: CloseTaskInput,
    output: CloseTaskAnswer,
    annotations: { ...CHANGES, destructiveHint: true, idempotentHint: true },
    alwaysLoad: false,
  },
  search_history: {
    title: "Search findings, reports and results",
    description:
      "Use to find what any agent has found, reported or concluded before: full-text search over all tasks, newest first.",
    input: SearchInput,
    output: SearchAnswer,
    annotations: READS,
    alwaysLoad: false,
  },
  send_agent_message: {
    title: "Send an agent a message",
    description:
      "Use to tell a running agent something: it comes by its CLI's own input, or in the answer of its next report. Says what the message waits for; get_agent_messages tells whether it was delivered and read. For an agent that has ended use resume_agent.",
    input: SendMessageInput,
    output: SendAnswer,
    annotations: CHANGES,
    alwaysLoad: false,
  },
  get_agent_messages: {
    title: "See an agent's messages",
    description:
      "Use to see what became of messages to an agent: queued, delivered, consumed or undeliverable, each with when, how, and what it waits for.",
    input: AgentMessagesInput,
    output: MessagesAnswer,
    annotations: READS,
    alwaysLoad: false,
  },
  resume_agent: {
    title: "Resume an agent",
    description:
      "Use to go on with an agent that has ended: a new agent continues its conversation in the same folder with the same options, and gets your message, behind any that waited for it. For a running agent use send_agent_message.",
    input: ResumeInput,
    output: ResumeAnswer,
    annotations: { ...CHANGES, openWorldHint: true },
    alwaysLoad: false,
  },
} as const satisfies Record<string, ToolContract>;

export type ToolName = keyof typeof TOOLS;
export const TOOL_NAMES = Object.keys(TOOLS) as readonly ToolName[];

/** True for the name of a published tool; nothing inherited counts. */
export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(TOOLS, name);
}

export type ToolInput<N extends ToolName> = z.output<(typeof TOOLS)[N]["input"]>;
export type ToolAnswer<N extends ToolName> = z.output<(typeof TOOLS)[N]["output"]>;
