/** What agents report, and reading and searching it. */
import { z } from "zod";
import { FindingView, ProgressView, ReportedStatus, Severity, Validation } from "../agent.ts";
import { Inbox } from "../messages.ts";
import { agentId, limit, plainText, since, taskId } from "./fields.ts";

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
  inbox: Inbox.nullable().default(null).describe("messages to you; null when there are none"),
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
  inbox: Inbox.nullable().default(null).describe("messages to you; null when there are none"),
});
export type FindingAnswer = z.infer<typeof FindingAnswer>;

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
