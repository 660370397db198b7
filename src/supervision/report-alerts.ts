/** What in a resource report wants a look. Pure. */
import type { ResourceReportAnswer } from "../contract/resource-report.ts";
import { humanBytes } from "../kernel/units.ts";
import type { Resource } from "../ledger/resource.ts";

/** From this share of a limit on it is told. */
const NEAR = 0.9;
/** Below this share of free disk it is told. */
const DISK_LOW = 0.1;

export interface AlertFacts {
  /** Held rows in scope. */
  readonly rows: readonly Resource[];
  readonly limits: ResourceReportAnswer["limits"];
  /** The file system of the state directory; null when unknown. */
  readonly free: { readonly freeBytes: number; readonly bytes: number } | null;
  /** Agents that live, in all. */
  readonly live: number;
}

/** Each is one sentence on what is so, and one on what to do. */
export function alertsOf({ rows, limits, free, live }: AlertFacts): string[] {
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
  if (free !== null && free.freeBytes < free.bytes * DISK_LOW) {
    const agents = live === 0 ? "" : ` while ${live} agents run`;
    alerts.push(
      `Only ${humanBytes(free.freeBytes)} of ${humanBytes(free.bytes)} disk are free${agents}. Free some, or shorten retention_ms.`,
    );
  }
  return alerts;
}
