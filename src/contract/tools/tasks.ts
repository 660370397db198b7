/** Making, reading, listing and closing tasks. */
import { z } from "zod";
import {
  AgentView,
  FindingView,
  Priority,
  ProgressView,
  Receipt,
  TaskBudget,
  TaskStatus,
  TaskSummary,
} from "../agent.ts";
import { item, limit, plainText, taskId } from "./fields.ts";
import { TaskLimits } from "./limits.ts";

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
    tokens: TaskBudget.shape.tokens,
    cost_usd: TaskBudget.shape.cost_usd,
  }),
  resources: z.object({ held: z.int(), stuck: z.int() }),
});
export type TaskStatusAnswer = z.infer<typeof TaskStatusAnswer>;

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
