/** Events: what happened, in the order in which it became durable. Resumable by `seq`. */
import { z } from "zod";

export const EVENT_KINDS = [
  "daemon.started",
  "daemon.stopping",
  "task.created",
  "task.closed",
  "agent.queued",
  "agent.starting",
  "agent.running",
  "agent.activity",
  "agent.trouble",
  "agent.progress",
  "agent.finding",
  "agent.stopping",
  "agent.settled",
  "agent.clean",
  "agent.stuck",
  "message.queued",
  "message.delivered",
  "message.consumed",
  "stray.released",
  "archive.made",
  "archive.deleted",
  "alert",
] as const;

export const CorralEvent = z.object({
  seq: z.int().describe("grows by one per event, for ever"),
  at: z.string(),
  kind: z.enum(EVENT_KINDS),
  task_id: z.string().nullable(),
  agent_id: z.string().nullable(),
  facts: z.record(z.string(), z.unknown()),
});
export type CorralEvent = z.infer<typeof CorralEvent>;
export type EventKind = CorralEvent["kind"];
