/** Looking at one agent: its runner, its exit record, its process set. */
import type { AgentRecord, StopRecord } from "../agents/record.ts";
import type { EpochMs } from "../kernel/units.ts";
import { isHeld, type Resource } from "../ledger/resource.ts";
import type { AgentSighting } from "./decide.ts";
import type { ExitRecord } from "./judge-end.ts";
import type { ProcessIdentity, ProcessSeen, ProcessSet } from "./ports.ts";
import type { Setting } from "./setting.ts";

/** What the loop remembers of one agent between passes; lost with the daemon, without harm. */
export interface Memory {
  emptyLooks: number;
  emptySince: EpochMs | null;
  members: readonly ProcessSeen[];
  retryAt: EpochMs;
  failures: number;
  /** When what an ended agent left behind was told to terminate. */
  leftoverTermAt: EpochMs | null;
  wasStuck: boolean;
  /** Processes of which an alert was told: pid and start time. */
  readonly told: Set<string>;
  /** True when a look over all agents found its witnesses at odds; to be looked at. */
  isSuspect: boolean;
  /** Its runner, once it was found: it never changes. */
  runner: ProcessIdentity | null;
  /** When its runner last rang; a record may follow a moment later, or never. */
  rangAt: EpochMs | null;
  /** A stop that killed it and that could not be written down yet. */
  unwrittenStop: StopRecord | null;
}

export function freshMemory(): Memory {
  return {
    emptyLooks: 0,
    emptySince: null,
    members: [],
    retryAt: 0,
    failures: 0,
    leftoverTermAt: null,
    wasStuck: false,
    told: new Set(),
    isSuspect: false,
    runner: null,
    rangAt: null,
    unwrittenStop: null,
  };
}

export interface Sighted {
  readonly view: AgentSighting;
  readonly exit: ExitRecord | null;
  readonly resources: readonly Resource[];
}

/**
 * Looks at an agent: runner first, then the exit record, so that a record written just
 * before the runner left is never missed. The process set is looked at by its own action.
 *
 * @throws {Fault} PROBE_FAILED, HOST_UNREACHABLE: nothing is known then.
 */
export async function sight(
  setting: Setting,
  agent: AgentRecord,
  memory: Memory,
): Promise<Sighted> {
  if (isQuiet(setting, agent, memory)) {
    return { view: viewOf(agent, [], memory, "alive", false), exit: null, resources: [] };
  }
  const resources = setting.store.resourcesOf(agent.id);
  const isSettled = agent.endedAt !== null;
  const runner = isSettled ? "gone" : await sightRunner(setting, agent, resources, memory);
  const exit = isSettled ? null : setting.files.readExit(agent.directory);
  return { view: viewOf(agent, resources, memory, runner, exit !== null), exit, resources };
}

/** It runs, nobody wants it stopped, and its runner has written nothing: hundreds of agents are so, most of the time. */
function isQuiet({ containment, files }: Setting, agent: AgentRecord, memory: Memory): boolean {
  if (agent.status !== "running" || memory.runner === null) return false;
  return containment.isAlive(memory.runner) && files.readExit(agent.directory) === null;
}

function viewOf(
  agent: AgentRecord,
  resources: readonly Resource[],
  memory: Memory,
  runner: "alive" | "gone",
  hasExitRecord: boolean,
): AgentSighting {
  const held = resources.filter(isHeld);
  const setIsGone = !held.some(({ kind }) => kind === "process_set");
  return {
    settled: agent.endedAt !== null,
    hasExitRecord,
    runner,
    // A released set was proven empty before its row was crossed out.
    emptyLooks: setIsGone ? Number.MAX_SAFE_INTEGER : memory.emptyLooks,
    hasMembers: memory.members.length > 0,
    emptySince: memory.emptySince,
    stop: stopOf(agent, memory),
    heldCount: held.length,
    retryAt: memory.retryAt,
    wallUntil: agent.wallUntil,
    lingerUntil: agent.lingerUntil,
  };
}

function stopOf(agent: AgentRecord, memory: Memory): AgentSighting["stop"] {
  if (agent.stop !== null) {
    return { ...agent.stop, termAt: agent.stop.termAt ?? memory.leftoverTermAt };
  }
  if (memory.leftoverTermAt === null) return null;
  return { graceMs: 1, intAt: null, termAt: memory.leftoverTermAt, killAt: null };
}

async function sightRunner(
  setting: Setting,
  agent: AgentRecord,
  resources: readonly Resource[],
  memory: Memory,
): Promise<"alive" | "gone"> {
  const set = processSetOf(resources);
  // Another boot's pids and start times may be anybody's now.
  if (set !== null && set.bootId !== setting.containment.bootId) return "gone";
  const identity = await runnerOf(setting, agent, resources);
  memory.runner = identity;
  return identity !== null && setting.containment.isAlive(identity) ? "alive" : "gone";
}

/** Who the runner is: from the ledger, in its own words, or as the host shows it; null when nobody knows one. */
export async function runnerOf(
  setting: Setting,
  agent: Pick<AgentRecord, "directory" | "host" | "session">,
  resources: readonly Resource[],
): Promise<ProcessIdentity | null> {
  const row = resources.find(({ kind }) => kind === "runner_process");
  const confirmed = row?.identity as ProcessIdentity | null | undefined;
  if (confirmed) return confirmed;
  const ownWord = setting.files.readRunner(agent.directory);
  // Where a shell cannot read its own start time (macOS), the look of the moment has to do.
  if (ownWord?.startTicks === 0) return setting.containment.identify(ownWord.pid);
  if (ownWord !== null) return ownWord;
  const sessions = await setting.hostOf(agent.host).list();
  const session = sessions.find(({ name }) => name === agent.session);
  return session === undefined ? null : setting.containment.identify(session.panePid);
}

/** The process set of an agent as its intent wrote it down; null once it has no such row. */
export function processSetOf(resources: readonly Resource[]): ProcessSet | null {
  const row = resources.find(({ kind }) => kind === "process_set");
  return (row?.identity ?? null) as ProcessSet | null;
}
