/** Alerts in the order in which they are read, and where each leads. Pure. */
import type { AlertView } from "../../../src/contract/alerts.ts";
import { agentPath, taskPath } from "./places.ts";

/** The critical first, then the newest. */
export function inUrgency(alerts: readonly AlertView[]): readonly AlertView[] {
  return alerts.toSorted(
    (a, b) =>
      Number(b.severity === "critical") - Number(a.severity === "critical") ||
      b.since.localeCompare(a.since) ||
      b.id - a.id,
  );
}

/** The page of what it is about; null where there is none. */
export function placeOfAlert({ subject: { kind, id } }: AlertView): string | null {
  if (kind === "agent") return agentPath(id);
  if (kind === "task") return taskPath(id);
  return null;
}
