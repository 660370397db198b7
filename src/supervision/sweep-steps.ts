/** The hands of a sweep: how one target is given back, looked at once more just before. */
import { Fault } from "../kernel/fault.ts";
import type { Undos } from "../ledger/ports.ts";
import { releaseOne } from "../ledger/release.ts";
import { isHeld, type Resource } from "../ledger/resource.ts";
import type { StrayLeaf, StrayProcess, SweepTarget } from "../ledger/sweep-plan.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { ProcessSet } from "./ports.ts";
import type { Setting } from "./setting.ts";
import { isClean, isCleanOrStuck, waitUntil } from "./waiting.ts";
import { markIn } from "../kernel/watermark.ts";

const KILL_DEADLINE_MS = 2_000;

/** How long the loops of ended agents get before a sweep releases what they still hold. */
const LOOPS_MS = 10_000;

/** Has the loops of ended agents give back what they hold, with their own graces. */
export async function finishEnded(
  setting: Setting,
  loops: AgentLoops,
  owners: Iterable<string>,
): Promise<void> {
  const agents = [...owners].filter((owner) => setting.store.agent(owner) !== null);
  for (const id of agents) loops.poke(id);
  await waitUntil(setting, () => agents.every((id) => isCleanOrStuck(setting, id)), LOOPS_MS);
}

/**
 * Gives one target back.
 * @returns how its absence was seen. Throws when it is still there or could not be looked for.
 */
export async function releaseTarget(
  setting: Setting,
  undos: Undos,
  loops: AgentLoops,
  target: SweepTarget,
): Promise<string> {
  switch (target.is) {
    case "row":
      return releaseRow(setting, undos, target.resource);
    case "process":
      return releaseProcess(setting, target.process);
    case "session":
      return setting.hostOf("tmux").release(target.session.name);
    case "leaf":
      return releaseLeaf(setting, target.leaf);
    case "agent":
      return settleAgent(setting, loops, target.agent.agentId);
  }
}

async function releaseRow(
  { store, containment }: Setting,
  undos: Undos,
  resource: Resource,
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
  containment.killOne(stray, markIn(store.world, stray.slot));
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

async function releaseLeaf(
  { containment, uid }: Setting,
  { agentId, path }: StrayLeaf,
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

/** What a dead daemon could not: its loop looks, settles and releases, as if there were one. */
async function settleAgent(setting: Setting, loops: AgentLoops, agentId: string): Promise<string> {
  await loops.runOnce([agentId]);
  await finishEnded(setting, loops, [agentId]);
  const status = setting.store.agent(agentId)?.status ?? "forgotten";
  if (isClean(setting, agentId)) return `settled as ${status}, everything released`;
  throw new Fault("PROBE_FAILED", `The agent is ${status} and not all of it is released.`, {
    hint: 'Run "corral sweep --apply" again; "corral ledger" says what is left and why.',
  });
}
