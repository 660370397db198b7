/** The sweep: find what no live owner holds, say it, and on request release it. */
import type { SweepAnswer, SweepStep } from "../contract/api.ts";
import { asFault, Fault, messageOf } from "../kernel/fault.ts";
import type { Undos } from "../ledger/ports.ts";
import { releaseOne } from "../ledger/release.ts";
import { DAEMON_OWNER, isHeld, type Resource } from "../ledger/resource.ts";
import {
  type Holdings,
  planSweep,
  type StrayProcess,
  type SweepTarget,
  type WorldSighting,
} from "../ledger/sweep-plan.ts";
import type { AgentLoops } from "./agent-loop.ts";
import { INFRASTRUCTURE_SOFT, type ProcessIdentity, type ProcessSet } from "./ports.ts";
import type { Setting } from "./setting.ts";
import { isCleanOrStuck, waitUntil } from "./waiting.ts";

const KILL_DEADLINE_MS = 2_000;

/** How long the loops of ended agents get before a sweep releases what they still hold. */
const LOOPS_MS = 10_000;

export interface SweepOptions {
  /** False: say what would be done. */
  readonly apply: boolean;
  /** True when the daemon is dead for good: what it held itself is swept, too. */
  readonly isDaemonGone?: boolean;
}

/**
 * Plans, and performs when asked to. A part of the world that cannot be looked at is told
 * as unknown and left alone. What an ended agent holds is given back by its own loop, with
 * its graces; the sweep itself takes only what the loop could not.
 */
export async function sweep(
  setting: Setting,
  undos: Undos,
  loops: AgentLoops,
  { apply, isDaemonGone = false }: SweepOptions,
): Promise<SweepAnswer> {
  const { world, unknown } = await sightWorld(setting);
  const holdings = holdingsOf(setting, isDaemonGone);
  const targets = planSweep(holdings, world).filter((target) => isThere(setting, target));
  if (!apply) return { applied: false, steps: targets.map(planned), unknown };
  await finishEnded(setting, loops, holdings.ended);
  const steps: SweepStep[] = [];
  for (const target of targets) steps.push(await performStep(setting, undos, target));
  return { applied: true, steps, unknown };
}

/** A process that ended between the look and the plan was given back by its own agent's end. */
function isThere({ containment }: Setting, target: SweepTarget): boolean {
  return target.is !== "process" || containment.isAlive(target.process);
}

async function finishEnded(
  setting: Setting,
  loops: AgentLoops,
  owners: ReadonlySet<string>,
): Promise<void> {
  const agents = [...owners].filter((owner) => setting.store.agent(owner) !== null);
  for (const id of agents) loops.poke(id);
  await waitUntil(setting, () => agents.every((id) => isCleanOrStuck(setting, id)), LOOPS_MS);
}

function holdingsOf(setting: Setting, isDaemonGone: boolean): Holdings {
  const { store, clock } = setting;
  const held = store.heldResources();
  const agents = new Map(store.unfinishedAgents().map((agent) => [agent.id, agent]));
  const ended = new Set(
    [...agents.values()].filter(({ endedAt }) => endedAt !== null).map(({ id }) => id),
  );
  for (const { kind, owner } of held) {
    // Its task was never added: the daemon died while it was being made.
    if (kind === "task_workspace" && store.task(owner) === null) ended.add(owner);
  }
  if (isDaemonGone && store.countLive() === 0) ended.add(DAEMON_OWNER);
  const slots = held
    .filter(({ kind }) => kind === "process_set")
    .flatMap(({ owner }) => agents.get(owner)?.slot ?? []);
  return {
    held,
    ended,
    slots: new Set(slots),
    keepers: new Set([setting.pid, ...runnerPids(setting, held)]),
    expired: store.expiredResources(clock.now()),
  };
}

/** Runners of held rows: as confirmed, or in their own words when a deploy was cut short. */
function runnerPids({ store, files }: Setting, held: readonly Resource[]): readonly number[] {
  return held
    .filter(({ kind }) => kind === "runner_process")
    .flatMap(({ identity, owner }) => {
      const directory = store.agent(owner)?.directory;
      const confirmed = identity as ProcessIdentity | null;
      return confirmed?.pid ?? (directory && files.readRunner(directory)?.pid) ?? [];
    })
    .filter((pid) => typeof pid === "number");
}

async function sightWorld(
  setting: Setting,
): Promise<{ readonly world: WorldSighting; readonly unknown: string[] }> {
  const unknown: string[] = [];
  const attempt = async <T>(what: string, look: () => Promise<T>): Promise<T | null> => {
    try {
      return await look();
    } catch (error) {
      unknown.push(`${what}: ${asFault(error).message}`);
      return null;
    }
  };
  const seen = await attempt("processes", () => setting.containment.lookEverywhere());
  const processes = seen?.filter(({ slot }) => slot !== null) ?? null;
  const infrastructure =
    seen?.filter(({ slot, cgroupAgentId }) => slot === null && cgroupAgentId === null) ?? null;
  const sessions = await attempt("tmux sessions", async () =>
    (await setting.hostOf("tmux").list()).map(({ name }) => name),
  );
  const leaves = await attempt("control groups", () => setting.containment.leaves());
  return { world: { processes, infrastructure, sessions, leaves }, unknown };
}

function planned(target: SweepTarget): SweepStep {
  return { ...described(target), why: target.why, outcome: "planned", seen: null };
}

function described(target: SweepTarget): Pick<SweepStep, "kind" | "locator" | "owner"> {
  switch (target.is) {
    case "row":
      return {
        kind: target.resource.kind,
        locator: target.resource.locator,
        owner: target.resource.owner,
      };
    case "process":
      return {
        kind: "process",
        locator: `${target.process.name} (${target.process.pid})`,
        owner: null,
      };
    case "session":
      return { kind: "tmux_session", locator: target.session, owner: null };
    case "leaf":
      return { kind: "cgroup", locator: target.path, owner: target.agentId };
  }
}

async function performStep(
  setting: Setting,
  undos: Undos,
  target: SweepTarget,
): Promise<SweepStep> {
  const step = { ...described(target), why: target.why };
  try {
    const seen = await release(setting, undos, target);
    if (target.is !== "row") {
      setting.store.addEvent({ kind: "stray.released", facts: { ...step, seen } });
    }
    return { ...step, outcome: "released", seen };
  } catch (error) {
    return { ...step, outcome: "stuck", seen: messageOf(error) };
  }
}

async function release(setting: Setting, undos: Undos, target: SweepTarget): Promise<string> {
  switch (target.is) {
    case "row":
      return releaseRow(setting, undos, target.resource);
    case "process":
      return releaseProcess(setting, target.process);
    case "session":
      return setting.hostOf("tmux").release(target.session);
    case "leaf":
      return releaseLeaf(setting, target);
  }
}

async function releaseRow(
  { store, containment }: Setting,
  undos: Undos,
  resource: Parameters<typeof releaseOne>[0],
): Promise<string> {
  const now = store.resourcesOf(resource.owner).find(({ id }) => id === resource.id);
  if (now !== undefined && !isHeld(now) && now.state !== resource.state)
    return now.seen ?? now.state;
  if (resource.kind === "process_set") {
    await containment.kill(resource.identity as ProcessSet, KILL_DEADLINE_MS);
  }
  const error = await releaseOne(resource, store, undos);
  if (error !== null) throw new Error(error);
  const row = store.resourcesOf(resource.owner).find(({ id }) => id === resource.id);
  return row?.seen ?? "released";
}

async function releaseProcess(setting: Setting, stray: StrayProcess): Promise<string> {
  const { containment, store } = setting;
  const soft = stray.slot === null ? INFRASTRUCTURE_SOFT : MARK_OF_SLOT_0 + 2 * stray.slot;
  const mark = { soft, hard: store.world.mark };
  containment.killOne(stray, mark);
  const deadline = setting.clock.now() + KILL_DEADLINE_MS;
  while (containment.isAlive(stray)) {
    if (setting.clock.now() > deadline) {
      throw new Fault("PROBE_FAILED", `${stray.name} (${stray.pid}) is still alive.`, {
        hint: 'Run "corral sweep --apply" again.',
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    setting.timers.after(2, resolve);
    await promise;
  }
  return `no process ${stray.pid} with its start time`;
}

/** Soft limit of slot 0; see `Mark`. */
const MARK_OF_SLOT_0 = 400_000;

async function releaseLeaf(
  { containment, uid }: Setting,
  { agentId, path }: { readonly agentId: string; readonly path: string },
): Promise<string> {
  const set: ProcessSet = {
    agentId,
    mark: null,
    cgroup: path,
    pidsCgroup: null,
    bootId: containment.bootId,
    uid,
    notBeforeTicks: 0,
  };
  await containment.kill(set, KILL_DEADLINE_MS);
  return containment.remove(set);
}
