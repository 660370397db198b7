/** Alerts as answers and notices show them. Pure. */
import type { AlertView } from "../../contract/alerts.ts";
import { isoTime } from "../../kernel/units.ts";
import type { StoredAlert } from "./ports.ts";

/** An alert as answers and notices show it. */
export function alertView(alert: StoredAlert): AlertView {
  return {
    id: alert.id,
    rule: alert.rule,
    severity: alert.severity,
    subject: alert.subject,
    since: isoTime(alert.since),
    raised_at: isoTime(alert.raisedAt),
    cleared_at: alert.clearedAt === null ? null : isoTime(alert.clearedAt),
    evidence: alert.evidence,
    next_step: alert.nextStep,
  };
}
