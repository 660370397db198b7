/** Reading an agent's output, waiting for agents, and stopping one. */
import { z } from "zod";
import { AgentStatus, AgentView, Receipt } from "../agent.ts";
import { CorralEvent, EVENT_KINDS } from "../events.ts";
import { agentId, plainText, taskId } from "./fields.ts";

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
