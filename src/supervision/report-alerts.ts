/** What in a resource report wants a look. Pure. */
import type { AlertRule, AlertView } from "../contract/alerts.ts";
import type { ResourceReportAnswer } from "../contract/resource-report.ts";
import type { DiskFileSystem } from "../contract/disk.ts";
import { humanBytes } from "../kernel/units.ts";
import type { Resource } from "../ledger/resource.ts";

/** From this share of a limit on it is told. */
const NEAR = 0.9;

export interface AlertFacts {
  /** Held rows in scope. */
  readonly rows: readonly Resource[];
  readonly limits: ResourceReportAnswer["limits"];
  readonly fileSystems: readonly DiskFileSystem[];
}

/** Each is one sentence on what is so, and one on what to do. */
export function alertsOf({ rows, limits, fileSystems }: AlertFacts): string[] {
  const stuck = rows.filter(({ attempts }) => attempts > 0);
  const near = limits.filter(({ used, limit }) => limit > 0 && used >= limit * NEAR);
  const alerts = near.map(
    ({ name, used, limit, unit }) =>
      `${name} is at ${used} of ${limit} ${unit}. Raise the limit, or end what uses it.`,
  );
  if (stuck.length > 0) {
    const [{ kind, locator, error }] = stuck as [Resource, ...Resource[]];
    alerts.push(
      `${stuck.length} held by ended agents cannot be released (${kind} ${locator}: ${error ?? "no reason"}). Run "corral sweep --apply", or see "corral ledger".`,
    );
  }
  return [...alerts, ...fileSystems.flatMap(diskAlert)];
}

/** A disk that is short of space; empty when it is not. */
export function diskAlert({ path, level, free_bytes, total_bytes }: DiskFileSystem): string[] {
  if (level === "fine") return [];
  const room = `${humanBytes(free_bytes)} of ${humanBytes(total_bytes)} are free on the disk of ${path}`;
  const effect = level === "warn" ? "Soon no agent is admitted" : "No agent is admitted";
  return [`Only ${room}. ${effect}: free some space, or lower disk_admit_free.`];
}

const LIMITS: ReadonlySet<AlertRule> = new Set(["limit_near", "limit_reached"]);

/** Rules of which the report tells by its own look, of this moment. */
const LOOKED_AT: ReadonlySet<AlertRule> = new Set([
  "limit_near",
  "limit_reached",
  "disk_floor",
  "cleanup_stuck",
]);

/** Alerts that stand, about these subjects. @param subjects  null: about all. */
export function standingTexts(
  standing: readonly AlertView[],
  subjects: ReadonlySet<string> | null,
): readonly string[] {
  return standing
    .filter(({ rule, subject }) => {
      // Limits of all agents together are nobody's own, and the report's look does not see them.
      const isSeen = LOOKED_AT.has(rule) && !(LIMITS.has(rule) && subject.kind === "daemon");
      return !isSeen && (subjects?.has(subject.id) ?? true);
    })
    .map(({ evidence, next_step, subject }) =>
      subject.kind === "daemon"
        ? `${evidence} ${next_step}`
        : `${subject.id}: ${evidence} ${next_step}`,
    );
}
