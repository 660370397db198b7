/**
 * The HTTP API of the daemon, used by the command line, the stdio bridge and the dashboard.
 *
 * Served on loopback (bearer token, or the session of a page of the dashboard) and on the unix
 * socket (0600 in a 0700 folder: the file mode is the authority). A failure is
 * `{ "error": FaultWire }` with the code's HTTP status.
 *
 *   GET  /api/health                         HealthAnswer
 *   POST /api/tools/<tool>                   the tool's input → its answer
 *   GET  /api/overview                       OverviewAnswer
 *   GET  /api/machine                        Machine
 *   GET  /api/tasks?status=&prefix=&limit=&cursor=            TasksAnswer
 *   GET  /api/agents?task_id=&all=1&prefix=&limit=&ids=       AgentsAnswer
 *   GET  /api/agents/<id>                    AgentView
 *   GET  /api/agents/<id>/receipt            Receipt
 *   GET  /api/agents/<id>/stream?from=&max=&since=&stream=stdout|stderr   StreamAnswer
 *   GET  /api/agents/<id>/screen?seen=       ScreenAnswer
 *   GET  /api/agents/<id>/processes          ProcessesAnswer
 *   GET  /api/samples                        SamplesAnswer
 *   GET  /api/alerts                         AlertsAnswer
 *   GET  /api/history?scope=&id=&span=       HistoryAnswer
 *   GET  /api/agents/<id>/messages?limit=    MessagesAnswer
 *   POST /api/agents/<id>/messages           MessageInput → SendAnswer
 *   POST /api/agents/<id>/resume             ResumePageInput → ResumeAnswer
 *   GET  /api/ledger?owner=&all=1            LedgerAnswer
 *   POST /api/wait                           WaitInput → WaitAnswer
 *   GET  /api/events?after=<seq>&samples=1   Server-Sent Events, `id:` is the seq; samples=1: and look on at samples
 *   GET  /api/resource?uri=                  ResourceAnswer
 *   POST /api/sweep                          SweepInput → SweepAnswer
 *   GET  /api/archives?task_id=              ArchivesAnswer
 *   GET  /api/archives/<id>                  ArchiveAnswer
 *   POST /api/archives/<id>/export           ExportInput → ExportAnswer
 *   POST /api/archives/prune                 PruneInput → PruneAnswer
 *   GET  /api/doctor                         DoctorAnswer
 *   GET  /api/configuration                  ConfigurationAnswer
 *   POST /api/quota/reset                    QuotaResetInput → QuotaResetAnswer
 *   POST /api/leave                          LeaveInput → LeaveAnswer
 *   POST /api/login                          LoginAnswer
 *   POST /api/session                        SessionInput → SessionAnswer, and a cookie; needs no token
 *   POST /api/session/end                    ends the page's session
 */
import { z } from "zod";
import { AgentView, Receipt, TaskSummary } from "./agent.ts";
import { DiskReport, DiskSummary } from "./disk.ts";
import { CorralEvent } from "./events.ts";
import { QuotaView } from "./quota.ts";

/** How a failure crosses the wire; for those who may import nothing but the contract. */
export type { FaultWire } from "../kernel/fault.ts";

export const HealthAnswer = z.object({
  version: z.string(),
  pid: z.int(),
  state_dir: z.string(),
  started_at: z.string(),
  epoch: z.int().describe("grows with every daemon that owned this state directory"),
  url: z.string().describe("the loopback listener, http://127.0.0.1:PORT"),
  containment: z.string().describe("what holds the processes of new agents"),
  agents_live: z.int(),
  resources_held: z.int(),
  quotas: z.array(QuotaView).describe("accounts whose quota is used up, as far as was seen"),
  disk: DiskSummary.nullable().describe("null until the disks were looked at"),
});
export type HealthAnswer = z.infer<typeof HealthAnswer>;

export const TasksAnswer = z.object({
  tasks: z.array(TaskSummary).describe("newest first"),
  next_cursor: z.string().nullable().describe("null when there are no more"),
});
export type TasksAnswer = z.infer<typeof TasksAnswer>;

export const AgentsAnswer = z.object({
  agents: z.array(AgentView).describe("oldest first"),
  left_out: z.int().describe("older ones over the limit"),
});
export type AgentsAnswer = z.infer<typeof AgentsAnswer>;

/** What the machine has left, as the daemon sees it. */
export const Machine = z.object({
  cores: z.int(),
  load: z.number().describe("processes that want to run, averaged over a minute"),
  memory_bytes: z.int(),
  memory_free_bytes: z.int().describe("what could be given out without swapping"),
  disk_bytes: z.int().describe("the file system of the state directory"),
  disk_free_bytes: z.int(),
  daemon_bytes: z.int().describe("resident memory of the daemon itself"),
});
export type Machine = z.infer<typeof Machine>;

/** Everything that a page shows first, of one moment. */
export const OverviewAnswer = z.object({
  seq: z.int().describe("the last event that is in this answer: read events after it"),
  health: HealthAnswer,
  machine: Machine,
  tasks: TasksAnswer.shape.tasks.describe("newest first"),
  agents: z
    .array(AgentView)
    .describe("every agent that lives or holds something, and the newest of the others"),
  agents_left_out: z.int().describe("older ones that have ended and hold nothing"),
  events: z.array(CorralEvent).describe("the latest, oldest first"),
  alerts: z.array(CorralEvent).describe("the latest that ask for attention, oldest first"),
});
export type OverviewAnswer = z.infer<typeof OverviewAnswer>;

export const StreamAnswer = z.object({
  data: z.string().describe("base64 of the bytes from `from`"),
  from: z.int().describe("where they begin: behind the offset asked for when that lies in a gap"),
  next: z.int(),
  size: z.int(),
  ended: z.boolean().describe("true when the agent is settled: no more bytes will come"),
});
export type StreamAnswer = z.infer<typeof StreamAnswer>;

export const LedgerRow = z.object({
  id: z.int(),
  owner: z.string().describe('an agent id, a task id, or "daemon"'),
  kind: z.string(),
  locator: z.string(),
  state: z.enum(["intended", "held", "releasing", "released", "retained"]),
  attempts: z.int(),
  seen: z.string().nullable(),
  error: z.string().nullable(),
  created_at: z.string(),
  changed_at: z.string(),
});
export type LedgerRow = z.infer<typeof LedgerRow>;
export const LedgerAnswer = z.object({ rows: z.array(LedgerRow) });
export type LedgerAnswer = z.infer<typeof LedgerAnswer>;

export const WaitInput = z.strictObject({
  task_id: z.string().optional(),
  agent_ids: z.array(z.string()).max(500).optional(),
  until: z.union([z.enum(["any", "all"]), z.int().min(1)]).default("all"),
  for: z.enum(["settled", "clean"]).default("clean").describe("clean: also everything released"),
  timeout_s: z.number().min(0).max(50).default(45),
});
export type WaitInput = z.infer<typeof WaitInput>;
export const WaitAnswer = z.object({ agents: z.array(AgentView), timed_out: z.boolean() });
export type WaitAnswer = z.infer<typeof WaitAnswer>;

export const EventsPage = z.object({ events: z.array(CorralEvent), next: z.int() });
export type EventsPage = z.infer<typeof EventsPage>;

export const ResourceAnswer = z.object({
  uri: z.string(),
  mime_type: z.string(),
  text: z.string(),
});
export type ResourceAnswer = z.infer<typeof ResourceAnswer>;

export const SweepInput = z
  .strictObject({
    apply: z.boolean().default(false).describe("release what the plan names"),
    plan_id: z
      .string()
      .max(64)
      .optional()
      .describe("with apply: release exactly what that plan named; without it: what is found now"),
  })
  .refine(({ apply, plan_id: planId }) => apply || planId === undefined, {
    path: ["plan_id"],
    message: "is only for apply: a plan is made anew each time",
  });
export type SweepInput = z.infer<typeof SweepInput>;
export const SweepStep = z.object({
  kind: z.string(),
  locator: z.string(),
  owner: z.string().nullable(),
  why: z.string(),
  outcome: z
    .enum(["planned", "released", "stuck", "changed", "unknown"])
    .describe(
      "changed: no longer as it was planned, not touched; unknown: could not be looked at, not touched",
    ),
  seen: z.string().nullable(),
});
export type SweepStep = z.infer<typeof SweepStep>;
export const SweepAnswer = z.object({
  plan_id: z.string().describe("names exactly these steps: apply it, or plan anew"),
  applied: z.boolean(),
  steps: z.array(SweepStep),
  unknown: z.array(z.string()).describe("what could not be looked at; nothing there was touched"),
});
export type SweepAnswer = z.infer<typeof SweepAnswer>;

export const DoctorAnswer = z.object({
  version: z.string(),
  node: z.string(),
  platform: z.string(),
  user: z.string(),
  daemon: z.object({ running: z.boolean(), pid: z.int().nullable(), url: z.string().nullable() }),
  paths: z.array(
    z.object({ name: z.string(), path: z.string(), bytes: z.int(), exists: z.boolean() }),
  ),
  host: z.object({ kind: z.enum(["tmux", "process"]), detail: z.string() }),
  containment: z.array(
    z.object({ mechanism: z.string(), available: z.boolean(), detail: z.string() }),
  ),
  harnesses: z.array(
    z.object({
      harness: z.string(),
      found: z.boolean(),
      detail: z.string(),
      version: z.string().nullable().describe("installed; null when it is not known"),
      tested: z.string().nullable().describe("the version that Corral's tests run"),
      login: z
        .enum(["seen", "not_seen", "unknown", "not_needed"])
        .describe(
          "whether a key or a login was seen, without asking anybody; unknown: it may be where nobody may look",
        ),
      limits: z.array(z.string()).describe("what will not work with it"),
    }),
  ),
  disk: DiskReport,
  problems: z.array(z.string()).describe("what will not work, each with what to do about it"),
});
export type DoctorAnswer = z.infer<typeof DoctorAnswer>;

export const LeaveInput = z.strictObject({
  mode: z.enum(["end", "detach"]).describe("end: stop the agents first; detach: keep them running"),
});
export type LeaveInput = z.infer<typeof LeaveInput>;
export const LeaveAnswer = z.object({
  mode: z.enum(["end", "detach"]),
  agents_ended: z.int(),
  agents_kept: z.int(),
  receipts: z.array(Receipt),
});
export type LeaveAnswer = z.infer<typeof LeaveAnswer>;

/** The settings in force and where each came from. */
export const ConfigurationAnswer = z.object({
  file: z.string().describe("path of config.json, which may be absent"),
  settings: z.array(
    z.object({
      name: z.string(),
      variable: z.string(),
      about: z.string(),
      value: z.unknown(),
      fallback: z.unknown().describe("what holds when nobody sets it"),
      source: z.enum(["default", "file", "environment"]),
    }),
  ),
});
export type ConfigurationAnswer = z.infer<typeof ConfigurationAnswer>;

export const LoginAnswer = z.object({
  url: z.string().describe("opens the dashboard once"),
  ends_at: z.string(),
});
export type LoginAnswer = z.infer<typeof LoginAnswer>;

export const SessionInput = z.strictObject({ code: z.string().min(1).max(256) });
export type SessionInput = z.infer<typeof SessionInput>;
export const SessionAnswer = z.object({
  proof: z.string().describe("the page's half of the session, for the header x-corral-proof"),
  ends_at: z.string(),
});
export type SessionAnswer = z.infer<typeof SessionAnswer>;
