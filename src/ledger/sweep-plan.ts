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
  /** Slot of its mark; null for the infrastructure's. */
  readonly slot: number | null;
  /** Agent in whose control group it sits; absent or null when in none. */
  readonly cgroupAgentId?: string | null;
}

/** A process that bears the mark of tmux server, runners and viewers. */
export interface InfrastructureProcess extends StrayProcess {
  readonly ppid: number;
  /** Null where the platform does not tell: then nothing can be said about it. */
  readonly sessionId: number | null;
}

/** A session on our socket. */
export interface StraySession {
  readonly name: string;
  readonly panePid: number;
  /** Start of its pane's process; null when that ended since it was listed. */
  readonly paneTicks: number | null;
}

/** A directory in our control groups. */
export interface StrayLeaf {
  readonly agentId: string;
  readonly path: string;
  /** Number of the directory itself: one made anew in its place has another. */
  readonly inode: string;
}

/** What was seen of the world; null where it could not be looked at, which is no absence. */
export interface WorldSighting {
  readonly processes: readonly StrayProcess[] | null;
  readonly infrastructure: readonly InfrastructureProcess[] | null;
  /** Pid of the tmux server that listens on our socket. Null: it could not be asked; "none": nobody does. */
  readonly server: number | "none" | null;
  readonly sessions: readonly StraySession[] | null;
  readonly leaves: readonly StrayLeaf[] | null;
}

export interface Holdings {
  /** Rows still to be given back, oldest first: all of those that have ended, of others what the world is compared with. */
  readonly held: readonly Resource[];
  /** Owners that have settled: what they hold is to be released now. */
  readonly ended: ReadonlySet<string>;
  /** Slots of held process sets. */
  readonly slots: ReadonlySet<number>;
  /** Runners of held rows, and ourselves: what they started is theirs. Null: not known, so everybody is spared. */
  readonly keepers: ReadonlySet<number> | null;
  /** Retained rows whose date has passed. */
  readonly expired: readonly Resource[];
  /** Agents that have ended and that nobody has settled, because their daemon is dead. */
  readonly unsettled: readonly UnsettledAgent[];
}

export interface UnsettledAgent {
  readonly agentId: string;
  readonly status: string;
}

export type SweepTarget =
  | { readonly is: "row"; readonly resource: Resource; readonly why: string }
  | { readonly is: "process"; readonly process: StrayProcess; readonly why: string }
  | { readonly is: "session"; readonly session: StraySession; readonly why: string }
  | { readonly is: "leaf"; readonly leaf: StrayLeaf; readonly why: string }
  | { readonly is: "agent"; readonly agent: UnsettledAgent; readonly why: string };

/** Plans a sweep; running it twice plans nothing the second time unless something is stuck. */
export function planSweep(holdings: Holdings, world: WorldSighting): readonly SweepTarget[] {
  const rows = rowsOfEnded(holdings);
  return [
    ...holdings.unsettled.map((agent) => ({
      is: "agent" as const,
      agent,
      why: "it has ended and no daemon has settled it",
    })),
    ...rows.filter(({ resource }) => resource.owner !== DAEMON_OWNER),
    ...strayProcesses(holdings, world),
    ...strayInfrastructure(holdings, world),
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

/** Who has changed his mark and still sits in the group of a held set is that set's, and ends with it. */
function strayProcesses(
  { held, slots }: Holdings,
  { processes }: WorldSighting,
): readonly SweepTarget[] {
  const owners = new Set(
    held.filter(({ kind }) => kind === "process_set").map(({ owner }) => owner),
  );
  return (processes ?? [])
    .filter(({ slot }) => slot === null || !slots.has(slot))
    .filter(({ cgroupAgentId = null }) => cgroupAgentId === null || !owners.has(cgroupAgentId))
    .map((process) => ({ is: "process", process, why: "it bears our mark and no row holds it" }));
}

/** Leads a session of its own and calls itself a tmux server, among what bears the infrastructure's mark. */
export function isServer({ name, pid, sessionId }: InfrastructureProcess): boolean {
  return name === "tmux: server" && pid === sessionId;
}

/**
 * What bears the infrastructure's mark and is nobody's: an agent's process may have taken it, or a
 * tmux server has lost its socket, so that nobody can ask it for anything any more. Spared are the
 * tmux server that listens there, its panes and all in their sessions, and what runners started;
 * to be spared by a name is safe, to be chosen by one would not be.
 */
function strayInfrastructure(
  { keepers }: Holdings,
  { infrastructure, server }: WorldSighting,
): readonly SweepTarget[] {
  const all = keepers === null ? [] : (infrastructure ?? []);
  const servers = new Set(all.filter(isServer).map(({ pid }) => pid));
  const panes = new Set(all.filter(({ ppid }) => servers.has(ppid)).map(({ pid }) => pid));
  const isKnown = ({ pid, ppid, sessionId }: InfrastructureProcess): boolean => {
    if (sessionId === null) return true;
    if (servers.has(pid)) return server === null || pid === server;
    return [pid, ppid, sessionId].some(
      (id) => keepers?.has(id) === true || servers.has(id) || panes.has(id),
    );
  };
  return all
    .filter((process) => !isKnown(process))
    .map((process) => ({
      is: "process",
      process,
      why: "it bears our infrastructure's mark and is no part of it",
    }));
}

function straySessions({ held }: Holdings, { sessions }: WorldSighting): readonly SweepTarget[] {
  const known = new Set(
    held.filter(({ kind }) => kind === "tmux_session").map(({ locator }) => locator),
  );
  return (sessions ?? [])
    .filter(({ name }) => !known.has(name))
    .map((session) => ({ is: "session", session, why: "it is on our socket and no row holds it" }));
}

function strayLeaves({ held }: Holdings, { leaves }: WorldSighting): readonly SweepTarget[] {
  const known = new Set(
    held.filter(({ kind }) => kind === "process_set").map(({ owner }) => owner),
  );
  return (leaves ?? [])
    .filter(({ agentId }) => !known.has(agentId))
    .map((leaf) => ({
      is: "leaf",
      leaf,
      why: "it is in our control groups and no row holds it",
    }));
}
