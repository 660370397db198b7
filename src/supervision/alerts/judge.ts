/**
 * When an alert is raised and when it is cleared. Pure.
 *
 *   not standing   holds, for holdMs without a break   → raise
 *   standing       does not hold, for clearMs          → clear
 *
 * Between the two thresholds of a rule nothing changes, and what could not be looked at (no
 * condition of that key) changes nothing either: silence is no proof of either.
 */
import type { AlertRule, AlertView } from "../../contract/alerts.ts";
import type { EpochMs } from "../../kernel/units.ts";

/** One thing that was looked at, against its rule. */
export interface Condition {
  /** Names the rule and its subject: one alert at a time. */
  readonly key: string;
  readonly rule: AlertRule;
  readonly severity: AlertView["severity"];
  readonly subject: AlertView["subject"];
  /** `between`: below what raises it and above what clears it. */
  readonly holds: "yes" | "between" | "no";
  /** What was seen, with numbers; one sentence. */
  readonly evidence: string;
  /** Imperative, one sentence. */
  readonly nextStep: string;
  /** How long it must hold before it is raised, and not hold before it is cleared. Milliseconds, >= 0. */
  readonly holdMs: number;
  readonly clearMs: number;
}

/** What is remembered of one condition. */
export interface AlertState {
  readonly condition: Condition;
  readonly since: EpochMs;
  /** Null while it is only suspected. */
  readonly raisedAt: EpochMs | null;
  /** Since when a standing one does not hold. */
  readonly goneSince: EpochMs | null;
}

export interface Judgement {
  readonly states: ReadonlyMap<string, AlertState>;
  readonly raised: readonly AlertState[];
  readonly cleared: readonly AlertState[];
}

/** @param now  A clock that was set back makes a wait longer, and nothing else. */
export function judgeAlerts(
  before: ReadonlyMap<string, AlertState>,
  conditions: readonly Condition[],
  now: EpochMs,
): Judgement {
  const states = new Map(before);
  const raised: AlertState[] = [];
  const cleared: AlertState[] = [];
  for (const condition of conditions) {
    const state = states.get(condition.key);
    if (state === undefined || state.raisedAt === null) {
      const next = suspected(state, condition, now);
      if (next === null) states.delete(condition.key);
      else states.set(condition.key, next);
      if (next !== null && next.raisedAt !== null) raised.push(next);
    } else {
      const next = standing(state, condition, now);
      if (next === null) {
        states.delete(condition.key);
        cleared.push({ ...state, condition: { ...state.condition, evidence: condition.evidence } });
      } else states.set(condition.key, next);
    }
  }
  return { states, raised, cleared };
}

function suspected(
  state: AlertState | undefined,
  condition: Condition,
  now: EpochMs,
): AlertState | null {
  if (condition.holds !== "yes") return null;
  const since = state?.since ?? now;
  const raisedAt = now - since >= condition.holdMs ? now : null;
  return { condition, since, raisedAt, goneSince: null };
}

function standing(state: AlertState, condition: Condition, now: EpochMs): AlertState | null {
  if (condition.holds === "yes") return { ...state, condition, goneSince: null };
  if (condition.holds === "between") return { ...state, goneSince: null };
  const goneSince = state.goneSince ?? now;
  return now - goneSince >= condition.clearMs ? null : { ...state, goneSince };
}
