/** How an agent looks in every answer, event and page. Absent facts are null, never missing. */
import { z } from "zod";

/** What Corral knows. Terminal from `completed` on; a settled agent never revives. */
export const AGENT_STATUSES = [
  "queued",
  "starting",
  "running",
  "stopping",
  "completed",
  "failed",
  "killed",
  "timed_out",
  "lost",
] as const;
export const AgentStatus = z.enum(AGENT_STATUSES);
export type AgentStatus = z.infer<typeof AgentStatus>;

/** The words an agent may use about itself in `update_agent_progress`. */
export const REPORTED_STATUSES = [
  "working",
  "blocked",
  "reviewing",
  "completed",
  "failed",
  "error",
] as const;
export const ReportedStatus = z.enum(REPORTED_STATUSES);
export type ReportedStatus = z.infer<typeof ReportedStatus>;

/** Derived from the agent's stream; null while nothing is known. */
export const ACTIVITIES = [
  "working",
  "waiting_permission",
  "waiting_children",
  "rate_limited",
  "result_but_not_exited",
  "idle",
] as const;
export const Activity = z.enum(ACTIVITIES);
export type Activity = z.infer<typeof Activity>;

/** What keeps a running agent from its model, while its CLI tries again and again. */
export const TROUBLE_KINDS = ["auth_failed", "rate_limited", "overloaded", "no_answer"] as const;
export const TroubleKind = z.enum(TROUBLE_KINDS);
export type TroubleKind = z.infer<typeof TroubleKind>;

export const HARNESSES = ["claude", "codex", "gemini", "opencode", "command"] as const;
export const HarnessName = z.enum(HARNESSES);
export type HarnessName = z.infer<typeof HarnessName>;

export const Severity = z.enum(["low", "medium", "high", "critical"]);
export type Severity = z.infer<typeof Severity>;

export const Priority = z.enum(["P0", "P1", "P2", "P3"]);
export type Priority = z.infer<typeof Priority>;

/** Longest time that there may be no daemon before a runner ends its agent. Seconds: 7 days. */
const DAEMON_GONE_MAX_S = 7 * 86_400;

/** What becomes of an agent when its daemon dies and none comes back. */
export const OnDaemonGone = z.union([
  z.literal("keep"),
  z.strictObject({ stop_after_s: z.int().min(1).max(DAEMON_GONE_MAX_S) }),
]);
export type OnDaemonGone = z.infer<typeof OnDaemonGone>;
/** `open` until somebody closes it, with what came of it. */
export const TaskStatus = z.enum(["open", "completed", "cancelled"]);
export type TaskStatus = z.infer<typeof TaskStatus>;

/** A limit on what is spent, and how far it is used. */
export const AgentBudget = z.object({
  tokens: z.object({
    used: z.int().nullable().describe("in and out, cached ones too; null: its CLI has not told"),
    limit: z.int().nullable().describe("null: none"),
  }),
  cost_usd: z.object({
    used: z.number().nullable().describe("null: its CLI has not told"),
    limit: z.number().nullable().describe("null: none"),
  }),
});
export type AgentBudget = z.infer<typeof AgentBudget>;

/** The same for all agents of a task together, each counted once. */
export const TaskBudget = z.object({
  tokens: z.object({ used: z.int(), limit: z.int().nullable().describe("null: none") }),
  cost_usd: z.object({
    used: z.number().describe("of the agents whose CLI tells a cost"),
    limit: z.number().nullable().describe("null: none"),
    untold: z.int().describe("agents that used tokens and told no cost"),
  }),
});
export type TaskBudget = z.infer<typeof TaskBudget>;

/** Where one task is one line. */
export const TaskSummary = z.object({
  task_id: z.string(),
  description: z.string(),
  status: TaskStatus,
  priority: z.string(),
  workspace: z.string(),
  client_cwd: z.string().nullable(),
  created_at: z.string(),
  closed_at: z.string().nullable(),
  agents: z.int(),
  agents_live: z.int(),
  disk_bytes: z.int(),
  budget: TaskBudget,
});
export type TaskSummary = z.infer<typeof TaskSummary>;

const isoTime = z.string().describe("UTC, ISO-8601 with milliseconds");

export const Cleanup = z.object({
  state: z.enum(["none", "pending", "releasing", "clean", "stuck"]),
  held: z.int().describe("resources not yet released"),
  stuck: z.int().describe("resources whose release failed and will be tried again"),
});
export type Cleanup = z.infer<typeof Cleanup>;

/** What the agent's CLI said that it used; null where it says nothing. */
export const Usage = z.object({
  input_tokens: z.int().nullable(),
  cached_tokens: z
    .int()
    .nullable()
    .default(null)
    .describe("of the input, what came from the provider's cache"),
  output_tokens: z.int().nullable(),
  cost_usd: z.number().nullable(),
  turns: z.int().nullable(),
});
export type Usage = z.infer<typeof Usage>;

export const AgentView = z.object({
  agent_id: z.string(),
  task_id: z.string(),
  agent_type: z.string(),
  harness: HarnessName,
  parent: z.string().describe('"orchestrator" or the id of the agent that spawned it'),
  depth: z.int().describe("1 for an agent that the orchestrator deployed"),
  resumed_from: z
    .string()
    .nullable()
    .default(null)
    .describe("the ended agent whose conversation it goes on with"),
  resumed_as: z
    .string()
    .nullable()
    .default(null)
    .describe("the agent that goes on with its conversation"),
  status: AgentStatus,
  reported: z
    .object({ status: z.string(), message: z.string(), progress: z.int(), at: isoTime })
    .nullable(),
  activity: Activity.nullable(),
  trouble: z
    .object({
      kind: TroubleKind,
      message: z.string(),
      since: isoTime,
      until: isoTime.nullable().describe("when its provider takes requests again"),
      attempts: z.int(),
    })
    .nullable()
    .default(null)
    .describe("what keeps it from its model; it is stopped when that lasts"),
  exit_code: z.int().nullable(),
  signal: z.string().nullable().describe('"SIGKILL" …, when a signal ended it'),
  reason: z.string().nullable().describe("why it ended, for people"),
  created_at: isoTime,
  started_at: isoTime.nullable(),
  ended_at: isoTime.nullable(),
  cleanup: Cleanup,
  containment: z.string().describe('what holds its processes: "cgroup2+watermark", "watermark" …'),
  host: z.enum(["tmux", "process"]),
  tmux_session: z.string().nullable(),
  on_daemon_gone: z.union([z.literal("keep"), z.object({ stop_after_s: z.int() })]),
  usage: Usage.nullable(),
  budget: AgentBudget,
  output_bytes: z.int().nullable(),
  disk_bytes: z.int().nullable().describe("what its files take"),
  forgotten_at: z
    .string()
    .nullable()
    .describe("since when only its outcome is kept: reports, findings and receipt are gone"),
});
export type AgentView = z.infer<typeof AgentView>;

export const ReceiptEntry = z.object({
  resource_id: z.int(),
  kind: z.string(),
  locator: z.string(),
  state: z.enum(["intended", "held", "releasing", "released", "retained"]),
  seen: z.string().nullable().describe("how its absence, or what is left of it, was seen"),
  at: isoTime.nullable(),
});
export type ReceiptEntry = z.infer<typeof ReceiptEntry>;

export const Survivor = z.object({ pid: z.int(), name: z.string() });
export type Survivor = z.infer<typeof Survivor>;

/** What became of everything one owner held. */
export const Receipt = z.object({
  owner: z.string(),
  cleanup: Cleanup,
  resources: z.array(ReceiptEntry),
  survivors: z.array(Survivor).describe("processes that are still alive; empty when clean"),
  usage: Usage.nullable().default(null).describe("what an agent has used up; null: not told"),
});
export type Receipt = z.infer<typeof Receipt>;

export const ProgressView = z.object({
  seq: z.int(),
  agent_id: z.string(),
  status: z.string(),
  message: z.string(),
  progress: z.int(),
  at: isoTime,
});
export type ProgressView = z.infer<typeof ProgressView>;

export const FindingView = z.object({
  seq: z.int(),
  agent_id: z.string(),
  finding_type: z.string(),
  severity: Severity,
  message: z.string(),
  data: z.record(z.string(), z.unknown()).nullable(),
  at: isoTime,
});
export type FindingView = z.infer<typeof FindingView>;

/** What the four layers found in a claimed completion; see ARCHITECTURE.md. */
export const Validation = z.object({
  accepted: z.boolean(),
  mode: z.enum(["warn", "strict"]),
  confidence: z.number().min(0).max(1),
  warnings: z.array(z.string()),
  blockers: z.array(z.string()),
});
export type Validation = z.infer<typeof Validation>;

/** One `reading`: the agent ended on its own word, code, signal or by us; all from `status`. */
export const TERMINAL_STATUSES = ["completed", "failed", "killed", "timed_out", "lost"] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export function isTerminal(status: AgentStatus): status is TerminalStatus {
  return (TERMINAL_STATUSES as readonly string[]).includes(status);
}
