/**
 * The sweep: find what no live owner holds, say it, and on request release it.
 *
 *   plan             look, answer, keep what was answered under an id made of its contents
 *   apply            look, release
 *   apply, plan id   look, release what was planned and is still as it was; tell the rest as
 *                    changed; leave alone what is new since
 *
 * One at a time in a process; the state lock keeps a second process out. What an ended agent
 * holds is given back by its own loop, with its graces; the sweep takes what the loop could not.
 */
import type { SweepAnswer, SweepInput, SweepStep } from "../contract/api.ts";
import { asFault, Fault, messageOf } from "../kernel/fault.ts";
import { matchPlan, type PlannedTarget, planIdOf } from "../ledger/plan-identity.ts";
import type { Undos } from "../ledger/ports.ts";
import type { SweepTarget } from "../ledger/sweep-plan.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { Setting } from "./setting.ts";
import { lookForSweep, type SweepLook, type Unknown } from "./sweep-look.ts";
import { finishEnded, releaseTarget } from "./sweep-steps.ts";

/**
 * Plans, or performs. May be called at any time, also while another one runs: it then waits
 * for its turn and looks for itself.
 *
 * @throws {Fault} PLAN_NOT_FOUND for a plan id that names no kept plan; nothing was looked at.
 */
export type Sweep = (
  input: SweepInput,
  more?: {
    /** True when the daemon is dead for good: what it held itself is swept, too. */
    readonly isDaemonGone?: boolean;
  },
) => Promise<SweepAnswer>;

/** Makes the sweep of a setting: one for the whole process. */
export function sweeps(setting: Setting, undos: Undos, loops: AgentLoops): Sweep {
  let last: Promise<unknown> = Promise.resolve();
  return ({ apply, plan_id: planId }, { isDaemonGone = false } = {}) => {
    const mine = last.then(async () => {
      if (!apply) return plan(setting, isDaemonGone);
      if (planId === undefined) return applyAll(setting, undos, loops, isDaemonGone);
      return applyPlan(setting, undos, loops, isDaemonGone, planId);
    });
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function plan(setting: Setting, isDaemonGone: boolean): Promise<SweepAnswer> {
  const { planned, unknown } = await lookForSweep(setting, isDaemonGone);
  const id = planIdOf(planned, setting.digest);
  const kept = keepPlan(setting, id, planned);
  return {
    plan_id: id,
    applied: false,
    steps: planned.map((target) => stepOf(target, "planned", null)),
    unknown: [...unknown.map(({ message }) => message), ...kept],
  };
}

/** On a full disk the plan can still be read; only applying it by its id must wait. */
function keepPlan(
  { store, log }: Setting,
  id: string,
  planned: readonly PlannedTarget[],
): readonly string[] {
  try {
    store.keepSweepPlan(id, planned);
    return [];
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== "DISK_FULL") throw fault;
    log.warn("sweep.plan_not_kept", { plan: id });
    return ["the plan itself: the disk is too full to keep it, so it cannot be applied by its id"];
  }
}

async function applyAll(
  setting: Setting,
  undos: Undos,
  loops: AgentLoops,
  isDaemonGone: boolean,
): Promise<SweepAnswer> {
  const look = await lookForSweep(setting, isDaemonGone);
  const all = look.targets.map((_, index) => index);
  await finishEnded(setting, loops, look.ended);
  return {
    plan_id: planIdOf(look.planned, setting.digest),
    applied: true,
    steps: await perform(setting, undos, loops, look, all),
    unknown: look.unknown.map(({ message }) => message),
  };
}

async function applyPlan(
  setting: Setting,
  undos: Undos,
  loops: AgentLoops,
  isDaemonGone: boolean,
  planId: string,
): Promise<SweepAnswer> {
  const wanted = setting.store.sweepPlan(planId);
  if (wanted === null) throw planNotFound(planId);
  const look = await lookForSweep(setting, isDaemonGone);
  const { same, changed } = matchPlan(wanted, look.planned);
  const owners = new Set(same.map((index) => look.planned[index]?.owner ?? ""));
  await finishEnded(
    setting,
    loops,
    [...look.ended].filter((owner) => owners.has(owner)),
  );
  const done = await perform(setting, undos, loops, look, same);
  return {
    plan_id: planId,
    applied: true,
    steps: [...done, ...changed.map((target) => notAsPlanned(setting, target, look.unknown))],
    unknown: look.unknown.map(({ message }) => message),
  };
}

async function perform(
  setting: Setting,
  undos: Undos,
  loops: AgentLoops,
  { targets, planned }: SweepLook,
  indices: readonly number[],
): Promise<SweepStep[]> {
  const steps: SweepStep[] = [];
  for (const index of indices) {
    const [target, told] = [targets[index], planned[index]];
    if (target === undefined || told === undefined) continue;
    steps.push(await performOne(setting, undos, loops, target, told));
  }
  return steps;
}

async function performOne(
  setting: Setting,
  undos: Undos,
  loops: AgentLoops,
  target: SweepTarget,
  told: PlannedTarget,
): Promise<SweepStep> {
  try {
    const seen = await releaseTarget(setting, undos, loops, target);
    const step = stepOf(told, "released", seen);
    if (target.is !== "row" && target.is !== "agent") {
      const { kind, locator, owner, why } = step;
      setting.store.addEvent({
        kind: "stray.released",
        facts: { kind, locator, owner, why, seen },
      });
    }
    return step;
  } catch (error) {
    return stepOf(told, "stuck", messageOf(error));
  }
}

/** A part of the world that could not be looked at has not changed: nobody knows. */
function notAsPlanned(
  { store }: Setting,
  target: PlannedTarget,
  unknown: readonly Unknown[],
): SweepStep {
  const failed = unknown.find(
    ({ of, subject }) => of === target.is && (subject === null || subject === target.subject),
  );
  if (failed !== undefined) return stepOf(target, "unknown", failed.message);
  if (target.is !== "row") {
    return stepOf(target, "changed", "it is not there any more, or not as it was");
  }
  const row = store.resourcesOf(target.owner ?? "").find(({ id }) => id === target.subject);
  if (row === undefined) return stepOf(target, "changed", "its row is gone");
  const seen = row.seen === null ? "" : `: ${row.seen}`;
  return stepOf(target, "changed", `its row is ${row.state} now${seen}`);
}

function stepOf(
  { kind, locator, owner, why }: PlannedTarget,
  outcome: SweepStep["outcome"],
  seen: string | null,
): SweepStep {
  return { kind, locator, owner, why, outcome, seen };
}

function planNotFound(planId: string): Fault {
  return new Fault("PLAN_NOT_FOUND", `No kept plan has the id "${planId}".`, {
    hint: 'Run "corral sweep" (or sweep_resources) and apply the plan_id that it answers with.',
    details: { plan_id: planId },
  });
}
