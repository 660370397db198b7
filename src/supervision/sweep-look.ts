/** What a sweep looks at: the world first, then the ledger, so that whatever is seen has its row already. */
import type { AgentRecord } from "../agents/record.ts";
import { asFault, messageOf } from "../kernel/fault.ts";
import { type PlannedTarget, plannedTarget, subjectOf } from "../ledger/plan-identity.ts";
import {
  DAEMON_OWNER,
  HOOK_OWNER,
  isHeld,
  type Resource,
  type ResourceKind,
} from "../ledger/resource.ts";
import {
  type Holdings,
  isServer,
  planSweep,
  type StraySession,
  type SweepTarget,
  type UnsettledAgent,
  type WorldSighting,
} from "../ledger/sweep-plan.ts";
import type { ProcessIdentity, ProcessSet } from "./ports.ts";
import type { Setting } from "./setting.ts";
import { freshMemory, sight } from "./sighting.ts";
import { slotOf } from "../kernel/watermark.ts";

/** How long a tmux server may take from its process to its socket. Milliseconds. */
const SERVER_STARTS_MS = 1_000;

/** What could not be looked at: a whole part of the world, one row, or one agent. */
export interface Unknown {
  readonly of: SweepTarget["is"];
  /** Null: everything of that kind. */
  readonly subject: string | number | null;
  /** What it was, and why it could not be looked at. */
  readonly message: string;
}

/** A plan as it is now: targets and their identities, index by index. */
export interface SweepLook {
  readonly targets: readonly SweepTarget[];
  readonly planned: readonly PlannedTarget[];
  readonly unknown: readonly Unknown[];
  /** Agents that have settled and still hold something. */
  readonly ended: ReadonlySet<string>;
}

/**
 * Looks and plans; changes nothing. A look that fails is told as unknown, and what it would have
 * shown is in no plan.
 *
 * @param isDaemonGone  The daemon is dead for good: what it held itself, and agents that ended
 *                      since, are planned, too.
 */
export async function lookForSweep(setting: Setting, isDaemonGone: boolean): Promise<SweepLook> {
  const unknown: Unknown[] = [];
  const world = await sightWorld(setting, unknown);
  const unsettled = isDaemonGone ? await unsettledAgents(setting, unknown) : [];
  const holdings = holdingsOf(setting, isDaemonGone, unsettled, unknown);
  const targets: SweepTarget[] = [];
  const planned: PlannedTarget[] = [];
  for (const target of planSweep(holdings, world)) {
    const identity = identify(setting, target, unknown);
    if (identity === null) continue;
    targets.push(target);
    planned.push(identity);
  }
  return { targets, planned, unknown, ended: holdings.ended };
}

/** Null for what ended since it was seen, and for what could not be looked at. */
function identify(
  { containment, files }: Setting,
  target: SweepTarget,
  unknown: Unknown[],
): PlannedTarget | null {
  const subject = subjectOf(target);
  try {
    // A process that ended between the look and the plan was given back by its own agent's end.
    if (target.is === "process" && !containment.isAlive(target.process)) return null;
    return plannedTarget(target, {
      bootId: containment.bootId,
      fileOf: ({ locator }) => (locator.startsWith("/") ? files.identityOf(locator) : null),
    });
  } catch (error) {
    unknown.push({
      of: target.is,
      subject,
      message: `${target.is} ${subject}: ${reasonOf(error)}`,
    });
    return null;
  }
}

function reasonOf(error: unknown): string {
  const fault = asFault(error);
  return fault.code === "INTERNAL" ? messageOf(error) : fault.message;
}

async function sightWorld(setting: Setting, unknown: Unknown[]): Promise<WorldSighting> {
  const attempt = async <T>(
    of: Unknown["of"],
    what: string,
    look: () => Promise<T>,
  ): Promise<T | null> => {
    try {
      return await look();
    } catch (error) {
      unknown.push({ of, subject: null, message: `${what}: ${reasonOf(error)}` });
      return null;
    }
  };
  const seen = await attempt("process", "processes", () =>
    setting.containment.lookEverywhere(setsInUse(setting)),
  );
  const processes = seen?.filter(({ slot }) => slot !== null) ?? null;
  const infrastructure =
    seen?.filter(({ slot, cgroupAgentId }) => slot === null && cgroupAgentId === null) ?? null;
  const sessions = await attempt("session", "tmux sessions", () => sessionsNow(setting));
  // Asked after the processes were seen: one that is in both has been there all along.
  const hasServer = infrastructure?.some(isServer) === true;
  const server = hasServer
    ? await attempt("process", "the tmux server", () => serverNow(setting))
    : null;
  const leaves = await attempt("leaf", "control groups", () => setting.containment.leaves());
  return { processes, infrastructure, server, sessions, leaves };
}

/** Sets whose own processes are no strays, whatever the ledger says by the time they have been looked at. */
function setsInUse({ store }: Setting): readonly ProcessSet[] {
  const unfinished = new Set([HOOK_OWNER, ...store.unfinishedAgents().map(({ id }) => id)]);
  return store
    .heldOf(["process_set"])
    .filter(({ owner }) => unfinished.has(owner))
    .flatMap(({ identity }) => (identity as ProcessSet | null) ?? []);
}

/** A server that has just been started does not listen yet: nobody counts as none only after a while. */
async function serverNow({ hostOf, timers }: Setting): Promise<number | "none"> {
  const host = hostOf("tmux");
  const listening = await host.serverPid();
  if (listening !== null) return listening;
  const { promise, resolve } = Promise.withResolvers<void>();
  timers.after(SERVER_STARTS_MS, resolve);
  await promise;
  return (await host.serverPid()) ?? "none";
}

async function sessionsNow({ containment, hostOf }: Setting): Promise<readonly StraySession[]> {
  const sessions = await hostOf("tmux").list();
  return sessions.map(({ name, panePid }) => ({
    name,
    panePid,
    paneTicks: containment.identify(panePid)?.startTicks ?? null,
  }));
}

/** Agents whose end is written down by their runner, or whose runner is gone: a dead daemon could not settle them. */
async function unsettledAgents(
  setting: Setting,
  unknown: Unknown[],
): Promise<readonly UnsettledAgent[]> {
  const found: UnsettledAgent[] = [];
  for (const agent of setting.store.unfinishedAgents()) {
    if (agent.endedAt !== null) continue;
    const { id: agentId, status } = agent;
    try {
      const { view } = await sight(setting, agent, freshMemory());
      if (view.hasExitRecord || view.runner === "gone") found.push({ agentId, status });
    } catch (error) {
      const message = `agent ${agentId}: ${reasonOf(error)}`;
      unknown.push({ of: "agent", subject: agentId, message });
    }
  }
  return found;
}

/** What the world is compared with. All else of whoever has not ended concerns no sweep, and is most of the ledger. */
const ANCHORS: readonly ResourceKind[] = [
  "process_set",
  "runner_process",
  "tmux_session",
  "task_workspace",
];

function holdingsOf(
  setting: Setting,
  isDaemonGone: boolean,
  unsettled: readonly UnsettledAgent[],
  unknown: Unknown[],
): Holdings {
  const { store, clock } = setting;
  const anchors = store.heldOf(ANCHORS);
  const agents = new Map(store.unfinishedAgents().map((agent) => [agent.id, agent]));
  const ended = new Set(
    [...agents.values()].filter(({ endedAt }) => endedAt !== null).map(({ id }) => id),
  );
  for (const { kind, owner } of anchors) {
    // Its task was never added: the daemon died while it was being made.
    if (kind === "task_workspace" && store.task(owner) === null) ended.add(owner);
  }
  if (isDaemonGone) ended.add(HOOK_OWNER);
  if (isDaemonGone && store.countLive() === 0) ended.add(DAEMON_OWNER);
  const slots = anchors
    .filter(({ kind }) => kind === "process_set")
    .flatMap(({ identity, owner }) => {
      if (owner !== HOOK_OWNER) return agents.get(owner)?.slot ?? [];
      const mark = (identity as ProcessSet | null)?.mark ?? null;
      return (mark === null ? null : slotOf(mark)) ?? [];
    });
  const ofEnded = [...ended].flatMap((owner) => store.resourcesOf(owner)).filter(isHeld);
  const byId = new Map([...anchors, ...ofEnded].map((row) => [row.id, row]));
  return {
    held: [...byId.values()].toSorted((a, b) => a.id - b.id),
    ended,
    slots: new Set(slots),
    keepers: keepersOf(setting, anchors, agents, unknown),
    expired: store.expiredResources(clock.now()),
    unsettled,
  };
}

/** Ourselves and every runner that a row holds; null when one of those could not be read: then all are spared. */
function keepersOf(
  setting: Setting,
  held: readonly Resource[],
  agents: ReadonlyMap<string, AgentRecord>,
  unknown: Unknown[],
): ReadonlySet<number> | null {
  try {
    return new Set([setting.pid, ...runnerPids(setting, held, agents)]);
  } catch (error) {
    unknown.push({ of: "process", subject: null, message: `runners: ${reasonOf(error)}` });
    return null;
  }
}

/** Runners of held rows: as confirmed, or in their own words when a deploy was cut short. */
function runnerPids(
  { files }: Setting,
  held: readonly Resource[],
  agents: ReadonlyMap<string, AgentRecord>,
): readonly number[] {
  return held
    .filter(({ kind }) => kind === "runner_process")
    .flatMap(({ identity, owner }) => {
      const directory = agents.get(owner)?.directory;
      const confirmed = identity as ProcessIdentity | null;
      return confirmed?.pid ?? (directory && files.readRunner(directory)?.pid) ?? [];
    })
    .filter((pid) => typeof pid === "number");
}
