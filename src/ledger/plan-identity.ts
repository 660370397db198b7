/**
 * What makes a target of a sweep's plan the same target later on. Pure.
 *
 *   target    identity
 *   --------  --------------------------------------------------------------------
 *   row       row id, owner, kind, locator, state, inode of what lies at the locator
 *   process   boot id, pid, start ticks, slot
 *   session   boot id, name, pid and start ticks of its pane
 *   leaf      boot id, path, inode of the directory
 *   agent     agent id and status
 *
 * A plan is applied by these alone: what has another identity now is not what was planned.
 */
import type { Resource } from "./resource.ts";
import type { SweepTarget } from "./sweep-plan.ts";

/** A target as people are told of it, and as it is recognised again. */
export interface PlannedTarget {
  readonly is: SweepTarget["is"];
  /** The whole identity. */
  readonly key: string;
  readonly kind: string;
  readonly locator: string;
  readonly owner: string | null;
  readonly why: string;
  /** What it is among its kind, whatever state it is in: row id, pid, name, path or agent id. */
  readonly subject: string | number;
}

export interface PlanWitness {
  readonly bootId: string;
  /** Identity of what lies at the row's locator; null when that is no path, or nothing is there. */
  readonly fileOf: (resource: Resource) => string | null;
}

/** Describes a target. Throws only what `fileOf` throws. */
export function plannedTarget(target: SweepTarget, witness: PlanWitness): PlannedTarget {
  const key = JSON.stringify([target.is, ...identityOf(target, witness)]);
  return { is: target.is, key, ...described(target), why: target.why, subject: subjectOf(target) };
}

/** What a target is among its kind: it stays the same when the target changes. */
export function subjectOf(target: SweepTarget): string | number {
  switch (target.is) {
    case "row":
      return target.resource.id;
    case "process":
      return target.process.pid;
    case "session":
      return target.session.name;
    case "leaf":
      return target.leaf.path;
    case "agent":
      return target.agent.agentId;
  }
}

function identityOf(
  target: SweepTarget,
  { bootId, fileOf }: PlanWitness,
): readonly (string | number | null)[] {
  switch (target.is) {
    case "row": {
      const { id, owner, kind, locator, state } = target.resource;
      return [id, owner, kind, locator, state, fileOf(target.resource)];
    }
    case "process":
      return [bootId, target.process.pid, target.process.startTicks, target.process.slot];
    case "session":
      return [bootId, target.session.name, target.session.panePid, target.session.paneTicks];
    case "leaf":
      return [bootId, target.leaf.path, target.leaf.inode];
    case "agent":
      return [target.agent.agentId, target.agent.status];
  }
}

function described(target: SweepTarget): Pick<PlannedTarget, "kind" | "locator" | "owner"> {
  switch (target.is) {
    case "row": {
      const { kind, locator, owner } = target.resource;
      return { kind, locator, owner };
    }
    case "process": {
      const { name, pid } = target.process;
      return { kind: "process", locator: `${name} (${pid})`, owner: null };
    }
    case "session":
      return { kind: "tmux_session", locator: target.session.name, owner: null };
    case "leaf":
      return { kind: "cgroup", locator: target.leaf.path, owner: target.leaf.agentId };
    case "agent":
      return { kind: "agent", locator: target.agent.agentId, owner: target.agent.agentId };
  }
}

const ID_HEX_CHARS = 16;

/**
 * The id of a plan: the same targets have the same id, in whatever order and whoever planned.
 * @param digest  SHA-256 in hex.
 */
export function planIdOf(
  targets: readonly PlannedTarget[],
  digest: (text: string) => string,
): string {
  const keys = targets.map(({ key }) => key).toSorted();
  return `plan-${digest(keys.join("\n")).slice(0, ID_HEX_CHARS)}`;
}

/** A plan beside what would be planned now. */
export interface PlanMatch {
  /** Planned, and still as it was planned: indices into the current plan, in its order. */
  readonly same: readonly number[];
  /** Planned, and not in the current plan as it was planned. */
  readonly changed: readonly PlannedTarget[];
}

/** Compares a plan with the current one by identity; what only the current one has is in neither list. */
export function matchPlan(
  planned: readonly PlannedTarget[],
  current: readonly PlannedTarget[],
): PlanMatch {
  const wanted = new Set(planned.map(({ key }) => key));
  const there = new Set(current.map(({ key }) => key));
  return {
    same: current.flatMap(({ key }, index) => (wanted.has(key) ? [index] : [])),
    changed: planned.filter(({ key }) => !there.has(key)),
  };
}
