/**
 * The MCP tools: names, parameters, defaults and answers, in the order in which they are listed.
 *
 * The names, parameters and defaults of the first eight are those that clients of the
 * original already use. Everything a client can rely on is in this file: the MCP server,
 * the HTTP API and the command line all parse with these schemas.
 */
import { z } from "zod";
import { AGENT_TYPE_PATTERN } from "../kernel/ids.ts";
import { SweepAnswer, SweepInput } from "./api.ts";
import { ResourceReportAnswer, ResourceReportInput } from "./resource-report.ts";
import {
  AgentStatus,
  AgentView,
  FindingView,
  HarnessName,
  OnDaemonGone,
  Priority,
  ProgressView,
  Receipt,
  ReportedStatus,
  Severity,
  TaskStatus,
  TaskSummary,
  Validation,
} from "./agent.ts";
import { CorralEvent, EVENT_KINDS } from "./events.ts";

/** A prompt may be long, but must fit one file that an agent reads at its start. */
export const PROMPT_MAX_CHARS = 1_000_000;
/** Longest id that is looked at at all; anything longer cannot be one of ours. */
const ID_MAX_CHARS = 128;

const taskId = z.string().min(1).max(ID_MAX_CHARS).describe("from create_real_task");
const agentId = z.string().min(1).max(ID_MAX_CHARS).describe("from deploy_headless_agent");
const item = (max: number) => z.string().min(1).max(max);
/** No control characters: the text ends up in terminals and file names. */
const plainText = (max: number) =>
  z
    .string()
    .max(max)
    // oxlint-disable-next-line no-control-regex -- keeping them out is the point
    .regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f]*$/, "must not contain control characters");

/** A cap in MiB: up to an exbibyte fits a number exactly. */
const mebibytes = z.int().min(1).max(1_000_000_000);

export const TaskLimits = z.strictObject({
  running: z.int().min(1).max(500).optional().describe("agents running at once (default 20)"),
  total: z.int().min(1).max(10_000).optional().describe("agents in all (default 45)"),
  depth: z.int().min(1).max(20).optional().describe("generations of agents (default 5)"),
  disk_mb: mebibytes.optional().describe("MiB its agents' files may take"),
});
export type TaskLimits = z.infer<typeof TaskLimits>;

export const AgentLimits = z.strictObject({
  wall_clock_s: z
    .int()
    .min(1)
    .max(7 * 86_400)
    .optional()
    .describe("seconds after which the agent is stopped and settled timed_out"),
  idle_s: z
    .int()
    .min(0)
    .max(86_400)
    .optional()
    .describe("stop it after so long without a word, a tool call, CPU or IO; 0: never"),
  processes: z.int().min(8).max(100_000).optional().describe("processes and threads it may have"),
  memory_mb: z
    .int()
    .min(32)
    .max(4_194_304)
    .optional()
    .describe("MiB of memory for all its processes; the answer warns where that is not enforced"),
  open_files: z
    .int()
    .min(64)
    .max(1_048_576)
    .optional()
    .describe("files that each of its processes may have open"),
  cpu_weight: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe("share of the processors when all want them; 100 is everybody's"),
  output_mb: mebibytes.optional().describe("MiB it may print"),
  disk_mb: mebibytes.optional().describe("MiB its files may take"),
});
export type AgentLimits = z.infer<typeof AgentLimits>;

export const CreateTaskInput = z.strictObject({
  description: plainText(500)
    .min(10)
    .describe("what is to be done, in a sentence or two; 10 to 500 characters"),
  priority: Priority.default("P2"),
  client_cwd: z
    .string()
    .max(4_096)
    .optional()
    .describe("absolute path of the project the agents work in; default: the client's folder"),
  background_context: z.string().max(5_000).optional(),
  expected_deliverables: z.array(item(200)).max(20).optional(),
  success_criteria: z.array(item(200)).max(15).optional(),
  constraints: z.array(item(200)).max(15).optional(),
  relevant_files: z.array(item(4_096)).max(50).optional(),
  conversation_history: z
    .array(
      z.strictObject({
        role: z.enum(["user", "assistant", "orchestrator"]),
        content: z.string().max(100_000),
        timestamp: z.string().max(64).optional(),
      }),
    )
    .max(50)
    .optional(),
  limits: TaskLimits.optional(),
});
export type CreateTaskInput = z.infer<typeof CreateTaskInput>;

export const CreateTaskAnswer = z.object({
  task_id: z.string(),
  workspace: z.string().describe("folder with progress, findings and each agent's files"),
  status: z.literal("open"),
  warnings: z.array(z.string()),
});
export type CreateTaskAnswer = z.infer<typeof CreateTaskAnswer>;

const agentType = z
  .string()
  .regex(
    AGENT_TYPE_PATTERN,
    "must be 1 to 64 letters, digits, dots, dashes or underscores and start with a letter or digit",
  );
const prompt = z.string().trim().min(1, "must not be empty").max(PROMPT_MAX_CHARS);

export const EFFORTS = ["low", "medium", "high", "xhigh", "max"] as const;
export const PERMISSION_MODES = ["default", "plan", "skip"] as const;

/** A name that every CLI takes as it is: no underscore, since Gemini divides tool names by it. */
const serverName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/, "must be 1 to 32 letters, digits or dashes")
  .refine((name) => name.toLowerCase() !== "corral", "is Corral's own server");
const variables = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/),
  z.string().max(32_768),
);

/** An MCP server as clients write it into their own `mcpServers`: a program, or an address. */
const McpServerInput = z
  .strictObject({
    command: plainText(4_096).min(1).optional(),
    args: z.array(z.string().max(32_768)).max(256).optional(),
    env: z.record(z.string(), z.string().max(32_768)).optional(),
    url: plainText(4_096).optional(),
    headers: z.record(z.string(), z.string().max(8_192)).optional(),
  })
  .refine(isOneServer, "needs either command (with args, env) or an http url (with headers)");
export type McpServerInput = z.infer<typeof McpServerInput>;

const NAMES = { env: /^[A-Za-z_][A-Za-z0-9_]{0,127}$/, headers: /^[A-Za-z0-9-]{1,128}$/ };

function isOneServer(server: {
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly url?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}): boolean {
  const { command, args, env, url, headers } = server;
  if (url === undefined) {
    const names = Object.keys(env ?? {});
    return command !== undefined && headers === undefined && names.every((n) => NAMES.env.test(n));
  }
  const isAlone = command === undefined && args === undefined && env === undefined;
  const isText = Object.entries(headers ?? {}).every(
    // oxlint-disable-next-line no-control-regex -- keeping them out is the point
    ([name, value]) => NAMES.headers.test(name) && !/[\u0000-\u001f]/.test(value),
  );
  return isAlone && isText && /^https?:\/\/\S+$/.test(url);
}

/** What both ways of making an agent share. */
const deployOptions = {
  harness: HarnessName.optional().describe(
    'the agent CLI to run; default "claude", or "command" when command is given',
  ),
  model: plainText(128).min(1).optional(),
  effort: z.enum(EFFORTS).optional(),
  command: z
    .array(z.string().max(32_768))
    .min(1)
    .max(256)
    .optional()
    .describe("argv to run instead of an agent CLI; never given to a shell"),
  cwd: z.string().max(4_096).optional().describe("absolute; default: the task's client_cwd"),
  isolation: z.enum(["none"]).default("none"),
  env: variables
    .optional()
    .describe("added to the documented allow-list; the user's whole environment is never passed"),
  mcp_servers: z
    .record(serverName, McpServerInput)
    .refine((servers) => Object.keys(servers).length <= 20, "must be at most 20 servers")
    .optional()
    .describe("further MCP servers by name: {command, args, env} or {url, headers}"),
  preamble: z
    .string()
    .max(20_000)
    .optional()
    .describe("replaces Corral's words before the mission; {agent_id} {task_id} {parent}"),
  limits: AgentLimits.optional(),
  permission_mode: z
    .enum(PERMISSION_MODES)
    .default("default")
    .describe(
      '"default": edits in the folder, commands only in the CLI\'s own sandbox; "plan": changes no file; "skip": no checks at all',
    ),
  on_daemon_gone: OnDaemonGone.optional().describe(
    "what its runner does without a daemon: keep it, or stop it after so long (default: the setting)",
  ),
  idempotency_key: plainText(128)
    .min(1)
    .optional()
    .describe("a second call with the same key on the task answers with the first agent"),
};

export const DeployInput = z.strictObject({
  task_id: taskId,
  agent_type: agentType.describe('what it is: "investigator", "builder", "fixer" or your own word'),
  prompt: prompt.describe("its mission, complete: it sees nothing of your conversation"),
  parent: z.string().min(1).max(ID_MAX_CHARS).default("orchestrator"),
  ...deployOptions,
});
export type DeployInput = z.infer<typeof DeployInput>;

export const SpawnChildInput = z.strictObject({
  task_id: taskId,
  parent_agent_id: agentId,
  child_agent_type: agentType,
  child_prompt: prompt,
  ...deployOptions,
});
export type SpawnChildInput = z.infer<typeof SpawnChildInput>;

export const DeployAnswer = z.object({
  agent_id: z.string(),
  task_id: z.string(),
  agent_type: z.string(),
  harness: HarnessName,
  parent: z.string(),
  depth: z.int(),
  status: AgentStatus,
  host: z.enum(["tmux", "process"]),
  tmux_session: z.string().nullable(),
  containment: z.string(),
  workspace: z.string().describe("the agent's own folder"),
  warnings: z.array(z.string()).describe("what could not be enforced or was chosen for you"),
});
export type DeployAnswer = z.infer<typeof DeployAnswer>;

export const TaskStatusInput = z.strictObject({
  task_id: taskId,
  max_agents: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe("most agents to list: those not given back yet first, then the newest"),
});
export type TaskStatusInput = z.infer<typeof TaskStatusInput>;

const limitUse = z.object({ used: z.int(), limit: z.int() });

export const TaskStatusAnswer = z.object({
  task: z.object({
    task_id: z.string(),
    description: z.string(),
    status: TaskStatus,
    priority: Priority,
    workspace: z.string(),
    client_cwd: z.string().nullable(),
    created_at: z.string(),
    closed_at: z.string().nullable(),
    close_reason: z.string().nullable(),
    background_context: z.string().nullable(),
    expected_deliverables: z.array(z.string()),
    success_criteria: z.array(z.string()),
    constraints: z.array(z.string()),
    relevant_files: z.array(z.string()),
  }),
  agents: z.array(AgentView).describe("oldest first"),
  agents_left_out: z.int().describe("ended agents that are not listed; the counts have them"),
  counts: z.object({
    total: z.int(),
    running: z.int().describe("queued, starting, running or stopping"),
    completed: z.int(),
    failed: z.int().describe("failed, killed, timed_out or lost"),
  }),
  hierarchy: z
    .record(z.string(), z.array(z.string()))
    .describe('children by parent, of the agents listed; the root is "orchestrator"'),
  progress: z.array(ProgressView).describe("the latest 10, newest last"),
  findings: z.array(FindingView).describe("the latest 5, newest last"),
  limits: z.object({
    running: limitUse,
    total: limitUse,
    depth: limitUse,
    disk: z.object({ used: z.int(), limit: z.int().nullable() }).describe("bytes"),
  }),
  resources: z.object({ held: z.int(), stuck: z.int() }),
});
export type TaskStatusAnswer = z.infer<typeof TaskStatusAnswer>;

export const AgentOutputInput = z.strictObject({
  task_id: taskId,
  agent_id: agentId,
  tail: z.int().min(1).max(1_000_000).optional().describe("the last n lines, after the filter"),
  filter: z.string().min(1).max(1_000).optional().describe("regular expression; lines that match"),
  format: z.enum(["text", "jsonl", "parsed"]).default("text"),
  include_metadata: z.boolean().default(false),
  max_bytes: z
    .int()
    .min(256)
    .max(16 * 1_024 * 1_024)
    .optional(),
  aggressive_truncate: z.boolean().default(false),
  response_format: z.enum(["full", "summary", "compact", "recent"]).default("full"),
  cursor: z
    .int()
    .min(0)
    .optional()
    .describe("byte offset to read on from: next_cursor of an earlier answer"),
  before: z
    .int()
    .min(0)
    .optional()
    .describe("read back: the lines that end here or earlier; prev_cursor of an earlier answer"),
});
export type AgentOutputInput = z.infer<typeof AgentOutputInput>;

export const AgentOutputAnswer = z.object({
  agent_id: z.string(),
  status: AgentStatus,
  output: z.union([z.string(), z.array(z.unknown())]),
  next_cursor: z.int().describe("byte offset behind the last whole line read"),
  prev_cursor: z
    .int()
    .nullable()
    .describe("byte offset of the first line here: give it as before; null at the beginning"),
  source: z.enum(["stream", "archive", "none"]),
  gaps: z.array(z.object({ from: z.int(), to: z.int(), reason: z.string() })),
  truncated: z.boolean(),
  stderr: z.string().nullable().describe("the end of its stderr, when it has failed"),
  metadata: z
    .object({
      size_bytes: z.int(),
      lines_read: z.int(),
      lines_matched: z.int(),
      lines_returned: z.int(),
      lines_truncated: z.int(),
      parse_errors: z.int(),
      path: z.string(),
    })
    .nullable(),
});
export type AgentOutputAnswer = z.infer<typeof AgentOutputAnswer>;

export const KillInput = z.strictObject({
  task_id: taskId,
  agent_id: agentId,
  reason: plainText(500).default("Manual termination"),
  grace_s: z
    .number()
    .min(0)
    .max(600)
    .optional()
    .describe("seconds between the interrupt and the stronger signals (default 10)"),
});
export type KillInput = z.infer<typeof KillInput>;

export const KillAnswer = z.object({
  agent_id: z.string(),
  status: AgentStatus,
  reason: z.string().nullable(),
  receipt: Receipt,
});
export type KillAnswer = z.infer<typeof KillAnswer>;

export const ProgressInput = z.strictObject({
  task_id: taskId,
  agent_id: agentId,
  status: ReportedStatus,
  message: z.string().max(4_000),
  progress: z.int().min(0).max(100).default(0),
});
export type ProgressInput = z.infer<typeof ProgressInput>;

export const ProgressAnswer = z.object({
  own_update: ProgressView,
  validation: Validation.nullable().describe("only when you claim completed"),
  peers: z.object({ progress: z.array(ProgressView), findings: z.array(FindingView) }),
});
export type ProgressAnswer = z.infer<typeof ProgressAnswer>;

export const FindingInput = z.strictObject({
  task_id: taskId,
  agent_id: agentId,
  finding_type: plainText(64).min(1).describe('"issue", "solution", "insight", "recommendation" …'),
  severity: Severity,
  message: z.string().min(1).max(8_000),
  data: z.record(z.string(), z.unknown()).optional(),
});
export type FindingInput = z.infer<typeof FindingInput>;

export const FindingAnswer = z.object({
  own_finding: FindingView,
  peers: z.object({ progress: z.array(ProgressView), findings: z.array(FindingView) }),
});
export type FindingAnswer = z.infer<typeof FindingAnswer>;

const limit = (most: number, standard: number) => z.int().min(1).max(most).default(standard);
/** Short enough for models to read; what looks like a time and is none is refused as well. */
const since = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/)
  .refine((text) => Number.isFinite(Date.parse(text)), "must be a time that exists")
  .optional()
  .describe("only from this time on, such as 2026-11-25T08:00:00Z");

export const TaskFindingsInput = z.strictObject({
  task_id: taskId,
  agent_id: agentId.optional(),
  finding_type: plainText(64).min(1).optional(),
  severity: Severity.optional().describe("this one only"),
  since,
  limit: limit(500, 50),
  cursor: z
    .int()
    .min(0)
    .optional()
    .describe("next_cursor of an earlier answer: what came after it; default: from the oldest"),
});
export type TaskFindingsInput = z.infer<typeof TaskFindingsInput>;

export const TaskFindingsAnswer = z.object({
  findings: z.array(FindingView).describe("oldest first"),
  next_cursor: z.int().describe("behind the last one; give it back later to see only new ones"),
  more: z.boolean().describe("true when further ones are there already"),
  counts: z
    .object({
      total: z.int(),
      by_severity: z.record(z.string(), z.int()),
      by_type: z.record(z.string(), z.int()).describe("the 50 most frequent"),
    })
    .describe("of everything that the filters let through, whatever the limit and the cursor"),
});
export type TaskFindingsAnswer = z.infer<typeof TaskFindingsAnswer>;

export const WaitForAgentsInput = z.strictObject({
  task_id: taskId,
  agent_ids: z
    .array(agentId)
    .min(1)
    .max(500)
    .optional()
    .describe("default: all of the task (for an agent: all its descendants)"),
  until: z
    .union([z.enum(["any", "all"]), z.int().min(1)])
    .default("all")
    .describe("how many of them must have ended, with everything given back"),
  events: z
    .array(z.enum(EVENT_KINDS))
    .max(20)
    .optional()
    .describe('events of the task that also end the wait, such as "agent.finding"'),
  after_seq: z
    .int()
    .min(0)
    .optional()
    .describe("next_seq of an earlier answer, so that nothing between is missed; default: now"),
  timeout_s: z.number().min(0).max(50).default(45),
});
export type WaitForAgentsInput = z.infer<typeof WaitForAgentsInput>;

export const WaitForAgentsAnswer = z.object({
  agents: z.array(AgentView),
  events: z.array(CorralEvent).describe("of the task after after_seq, oldest first, at most 100"),
  next_seq: z.int(),
  timed_out: z.boolean().describe("true when neither came; nothing was stopped"),
});
export type WaitForAgentsAnswer = z.infer<typeof WaitForAgentsAnswer>;

export const ListTasksInput = z.strictObject({
  status: z.enum([...TaskStatus.options, "all"]).default("open"),
  client_cwd: z.string().max(4_096).optional().describe("only tasks of this project"),
  limit: limit(500, 50),
  cursor: z.string().max(200).optional().describe("next_cursor of an earlier answer"),
});
export type ListTasksInput = z.infer<typeof ListTasksInput>;

export const ListTasksAnswer = z.object({
  tasks: z.array(TaskSummary).describe("newest first"),
  next_cursor: z.string().nullable().describe("null when there are no more"),
});
export type ListTasksAnswer = z.infer<typeof ListTasksAnswer>;

export const CloseTaskInput = z.strictObject({
  task_id: taskId,
  outcome: z.enum(["completed", "cancelled"]),
  reason: plainText(500).default(""),
});
export type CloseTaskInput = z.infer<typeof CloseTaskInput>;

export const CloseTaskAnswer = z.object({
  task_id: z.string(),
  status: TaskStatus,
  closed_at: z.string(),
  agents_stopped: z.int(),
  receipts: z.array(Receipt).describe("of the agents that it stopped, at most 100"),
});
export type CloseTaskAnswer = z.infer<typeof CloseTaskAnswer>;

export const SEARCH_KINDS = ["finding", "progress", "result"] as const;

export const SearchInput = z.strictObject({
  query: z
    .string()
    .min(1)
    .max(1_000)
    .describe('words that must all occur; "a phrase", begin*, -without; anything else is text'),
  task_id: taskId.optional().describe("default: all tasks (an agent must name its own)"),
  agent_id: agentId.optional(),
  kinds: z.array(z.enum(SEARCH_KINDS)).min(1).max(3).optional(),
  since,
  limit: limit(200, 20),
  cursor: z.int().min(0).optional().describe("next_cursor of an earlier answer"),
});
export type SearchInput = z.infer<typeof SearchInput>;

export const SearchAnswer = z.object({
  hits: z
    .array(
      z.object({
        kind: z.enum(SEARCH_KINDS),
        seq: z.int(),
        task_id: z.string(),
        agent_id: z.string(),
        at: z.string(),
        what: z.string().describe('"high issue", "working 40 %", "completed"'),
        excerpt: z.string(),
      }),
    )
    .describe("newest first"),
  next_cursor: z.int().nullable().describe("null when there are no more"),
});
export type SearchAnswer = z.infer<typeof SearchAnswer>;

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
} as const satisfies Record<string, ToolContract>;

export type ToolName = keyof typeof TOOLS;
export const TOOL_NAMES = Object.keys(TOOLS) as readonly ToolName[];

export type ToolInput<N extends ToolName> = z.output<(typeof TOOLS)[N]["input"]>;
export type ToolAnswer<N extends ToolName> = z.output<(typeof TOOLS)[N]["output"]>;
