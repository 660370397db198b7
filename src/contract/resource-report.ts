/** `get_resource_report`: what is held and used now, and by whom. */
import { z } from "zod";
import { AgentStatus } from "./agent.ts";
import { PortView } from "./sampling.ts";

const ID_MAX_CHARS = 128;

export const ResourceReportInput = z
  .strictObject({
    scope: z.enum(["daemon", "task", "agent"]).default("daemon"),
    id: z.string().min(1).max(ID_MAX_CHARS).optional().describe("of the task or agent"),
  })
  .refine(({ scope, id }) => (scope === "daemon") === (id === undefined), {
    path: ["id"],
    message: "names the task or agent of that scope, and nothing for the daemon",
  });
export type ResourceReportInput = z.infer<typeof ResourceReportInput>;

export const ResourceUse = z.object({
  processes: z.int(),
  threads: z.int().nullable(),
  fds: z.int().nullable().describe("open files; null where they may not be counted"),
  memory_bytes: z.int().nullable(),
  memory_source: z
    .enum(["cgroup", "resident", "none"])
    .describe("resident: a sum over processes, in which shared pages count for each"),
  cpu_ms: z.int().nullable().describe("processor time used so far"),
  cpu_source: z
    .enum(["cgroup", "processes", "none"])
    .describe("processes: of those that live; what ended ones used is missing"),
});
export type ResourceUse = z.infer<typeof ResourceUse>;

export const ResourceReportAnswer = z.object({
  scope: z.enum(["daemon", "task", "agent"]),
  id: z.string().nullable(),
  at: z.string(),
  held: z.array(
    z.object({
      kind: z.string().describe("of the ledger's rows; port: seen at the last look, and no row"),
      held: z.int(),
      stuck: z.int().describe("of these: a release was tried and failed"),
      retained: z.int().describe("kept on purpose until a date"),
    }),
  ),
  ports: z
    .array(PortView.extend({ agent_id: z.string() }))
    .describe("that processes in scope listen on; given back with their process set; at most 100"),
  use: ResourceUse.describe("of all agents in scope together"),
  daemon: ResourceUse.nullable().describe("of the daemon itself; only in its own scope"),
  disk: z.array(
    z.object({
      what: z.string(),
      bytes: z.int(),
      complete: z.boolean().describe("false: there is more than could be added up"),
    }),
  ),
  limits: z.array(
    z.object({
      name: z.string(),
      used: z.number(),
      limit: z.number(),
      unit: z.string(),
      by: z.string().describe("who holds it: Corral, or a control group"),
    }),
  ),
  agents: z
    .array(
      z.object({
        agent_id: z.string(),
        status: AgentStatus,
        processes: z.int(),
        memory_bytes: z.int().nullable(),
        cpu_ms: z.int().nullable(),
      }),
    )
    .describe("the 20 with the most memory"),
  alerts: z.array(z.string()).describe("what wants a look, each with what to do"),
  unknown: z.array(z.string()).describe("what could not be looked at and is in no sum"),
});
export type ResourceReportAnswer = z.infer<typeof ResourceReportAnswer>;
