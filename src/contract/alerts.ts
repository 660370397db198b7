/** Alerts: what wants a look, since when, why, and what to do. */
import { z } from "zod";

/** What may be alerted of; docs/monitoring.md says when each is raised and cleared. */
export const ALERT_RULES = [
  "limit_near",
  "limit_reached",
  "disk_floor",
  "daemon_files",
  "out_of_memory",
  "agent_stopped",
  "agent_trouble",
  "agent_silent",
  "cleanup_stuck",
  "witness_mismatch",
  "stray_found",
  "archive_failed",
  "quota_circuit",
] as const;
export const AlertRule = z.enum(ALERT_RULES);
export type AlertRule = z.infer<typeof AlertRule>;

export const AlertView = z.object({
  id: z.int().describe("grows; the same in every delivery about it"),
  rule: AlertRule,
  severity: z.enum(["warning", "critical"]),
  subject: z.object({
    kind: z.enum(["daemon", "task", "agent", "disk"]),
    id: z.string().describe('"daemon", or the id or path'),
  }),
  since: z.string().describe("since when it holds"),
  raised_at: z.string(),
  cleared_at: z.string().nullable(),
  evidence: z.string(),
  next_step: z.string(),
});
export type AlertView = z.infer<typeof AlertView>;

export const AlertsAnswer = z.object({
  standing: z.array(AlertView).describe("what holds now, the newest last"),
  cleared: z.array(AlertView).describe("the latest that hold no more, the newest last; at most 50"),
  deliveries: z
    .object({
      pending: z.int().describe("to the hook and the webhook, not yet accepted"),
      dropped: z
        .int()
        .describe("given up since the daemon's start: the queue was full, or a day had passed"),
    })
    .describe("all zero when neither is set"),
});
export type AlertsAnswer = z.infer<typeof AlertsAnswer>;

/** What a hook reads from its standard input, and a webhook in its body. */
export const AlertNotice = z.object({
  delivery: z.int().describe("the same in each try: who has seen it may ignore it"),
  state: z.enum(["raised", "cleared"]),
  alert: AlertView,
});
export type AlertNotice = z.infer<typeof AlertNotice>;
