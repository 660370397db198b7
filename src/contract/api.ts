/**
 * The HTTP API of the daemon, used by the command line, the stdio bridge and the dashboard.
 *
 * Served on loopback (bearer token) and on the unix socket (0600 in a 0700 folder: the
 * file mode is the authority). A failure is `{ "error": FaultWire }` with the code's HTTP status.
 *
 *   GET  /api/health                         HealthAnswer
 *   POST /api/tools/<tool>                   the tool's input → its answer
 *   GET  /api/tasks?status=&prefix=&limit=&cursor=            TasksAnswer
 *   GET  /api/agents?task_id=&all=1&prefix=&limit=            AgentsAnswer
 *   GET  /api/agents/<id>                    AgentView
 *   GET  /api/agents/<id>/receipt            Receipt
 *   GET  /api/agents/<id>/stream?from=&max=&stream=stdout|stderr   StreamAnswer
 *   GET  /api/ledger?owner=&all=1            LedgerAnswer
 *   POST /api/wait                           WaitInput → WaitAnswer
 *   GET  /api/events?after=<seq>             Server-Sent Events, `id:` is the seq
 *   GET  /api/resource?uri=                  ResourceAnswer
 *   POST /api/sweep                          SweepInput → SweepAnswer
 *   GET  /api/archives?task_id=              ArchivesAnswer
 *   GET  /api/archives/<id>                  ArchiveAnswer
 *   POST /api/archives/<id>/export           ExportInput → ExportAnswer
 *   POST /api/archives/prune                 PruneInput → PruneAnswer
 *   GET  /api/doctor                         DoctorAnswer
 *   POST /api/leave                          LeaveInput → LeaveAnswer
 */
import { z } from "zod";
import { AgentView, Receipt, TaskSummary } from "./agent.ts";
import { CorralEvent } from "./events.ts";

export const HealthAnswer = z.object({
  version: z.string(),
  pid: z.int(),
  state_dir: z.string(),
  started_at: z.string(),
  epoch: z.int().describe("grows with every daemon that owned this state directory"),
  url: z.string().describe("the loopback listener, http://127.0.0.1:PORT"),
  agents_live: z.int(),
  resources_held: z.int(),
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
  harnesses: z.array(z.object({ harness: z.string(), found: z.boolean(), detail: z.string() })),
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
