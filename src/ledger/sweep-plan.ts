/**
 * The plan of a sweep: what no live owner holds. Pure.
 *
 * A stray bears our world's mark, or lies on our socket or in our control groups, and no row
 * holds it. What does not bear our mark is not in the sighting, so it can never be in a plan.
 */
import { DAEMON_OWNER, type Resource } from "./resource.ts";

export interface StrayProcess {
  readonly pid: number;
  readonly startTicks: number;
  readonly name: string;
  /** Slot of its mark. */
  readonly slot: number;
}

/** What was seen of the world; null where it could not be looked at, which is no absence. */
export interface WorldSighting {
  readonly processes: readonly StrayProcess[] | null;
  readonly sessions: readonly string[] | null;
  readonly leaves: readonly { readonly agentId: string; readonly path: string }[] | null;
}

export interface Holdings {
  /** Rows still to be given back. */
  readonly held: readonly Resource[];
  /** Owners that have settled: what they hold is to be released now. */
  readonly ended: ReadonlySet<string>;
  /** Slots of held process sets. */
  readonly slots: ReadonlySet<number>;
  /** Retained rows whose date has passed. */
  readonly expired: readonly Resource[];
}

export type SweepTarget =
  | { readonly is: "row"; readonly resource: Resource; readonly why: string }
  | { readonly is: "process"; readonly process: StrayProcess; readonly why: string }
  | { readonly is: "session"; readonly session: string; readonly why: string }
  | { readonly is: "leaf"; readonly agentId: string; readonly path: string; readonly why: string };

/** Plans a sweep; running it twice plans nothing the second time unless something is stuck. */
export function planSweep(holdings: Holdings, world: WorldSighting): readonly SweepTarget[] {
  const rows = rowsOfEnded(holdings);
  return [
    ...rows.filter(({ resource }) => resource.owner !== DAEMON_OWNER),
    ...strayProcesses(holdings, world),
    ...straySessions(holdings, world),
    ...strayLeaves(holdings, world),
    ...holdings.expired.map((resource) => ({
      is: "row" as const,
      resource,
      why: "its retention has ended",
    })),
    // Last: the tmux server and the control groups are what all the others lie in.
    ...rows.filter(({ resource }) => resource.owner === DAEMON_OWNER),
  ];
}

function rowsOfEnded({
  held,
  ended,
}: Holdings): readonly Extract<SweepTarget, { readonly is: "row" }>[] {
  return held
    .filter(({ owner }) => ended.has(owner))
    .toReversed()
    .map((resource) => ({ is: "row", resource, why: "its agent has ended" }));
}

function strayProcesses({ slots }: Holdings, { processes }: WorldSighting): readonly SweepTarget[] {
  return (processes ?? [])
    .filter(({ slot }) => !slots.has(slot))
    .map((process) => ({ is: "process", process, why: "it bears our mark and no row holds it" }));
}

function straySessions({ held }: Holdings, { sessions }: WorldSighting): readonly SweepTarget[] {
  const known = new Set(
    held.filter(({ kind }) => kind === "tmux_session").map(({ locator }) => locator),
  );
  return (sessions ?? [])
    .filter((session) => !known.has(session))
    .map((session) => ({ is: "session", session, why: "it is on our socket and no row holds it" }));
}

function strayLeaves({ held }: Holdings, { leaves }: WorldSighting): readonly SweepTarget[] {
  const known = new Set(
    held.filter(({ kind }) => kind === "process_set").map(({ owner }) => owner),
  );
  return (leaves ?? [])
    .filter(({ agentId }) => !known.has(agentId))
    .map(({ agentId, path }) => ({
      is: "leaf",
      agentId,
      path,
      why: "it is in our control groups and no row holds it",
    }));
}
