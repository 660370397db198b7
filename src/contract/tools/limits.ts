/** Limits of a task and of an agent. */
import { z } from "zod";
import { mebibytes } from "./fields.ts";

/** All that goes into a model and comes out of it, cached tokens too. */
const tokens = z.int().min(0).max(1_000_000_000_000).optional();
const costUsd = z.number().min(0).max(1_000_000).optional();

export const TaskLimits = z.strictObject({
  running: z.int().min(1).max(500).optional().describe("agents running at once (default 20)"),
  total: z.int().min(1).max(10_000).optional().describe("agents in all (default 45)"),
  depth: z.int().min(1).max(20).optional().describe("generations of agents (default 5)"),
  disk_mb: mebibytes.optional().describe("MiB its agents' files may take"),
  tokens: tokens.describe("tokens its agents may use; 0: no limit"),
  cost_usd: costUsd.describe("US dollars they may cost, as far as told"),
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
  tokens: tokens.describe("tokens it may use; 0: no limit"),
  cost_usd: costUsd.describe("US dollars it may cost, where its CLI tells"),
});
export type AgentLimits = z.infer<typeof AgentLimits>;
