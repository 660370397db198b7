/**
 * The watch over alerts: facts → conditions → `judgeAlerts` → record. Level-driven: each look
 * begins anew, and what stands is in the store, so a restart raises nothing twice.
 */
import type { AlertsAnswer, AlertView } from "../../contract/alerts.ts";
import type { DiskFileSystem } from "../../contract/disk.ts";
import type { CorralEvent } from "../../contract/events.ts";
import { messageOf } from "../../kernel/fault.ts";
import { type EpochMs, isoTime, SECOND_MS } from "../../kernel/units.ts";
import type { Sampler } from "../sampling/sampler.ts";
import type { Setting } from "../setting.ts";
import { isClean } from "../waiting.ts";
import type { Deliveries } from "./deliver.ts";
import { endedLately } from "./ended.ts";
import { conditionsNow, overConditions } from "./facts.ts";
import { type AlertState, type Condition, judgeAlerts } from "./judge.ts";
import type { Channel, StoredAlert } from "./ports.ts";
import { alertView } from "./view.ts";
import { mismatchCondition, strayCondition } from "./rules.ts";

const LOOK_MS = 15 * SECOND_MS;
/** What an event tells is looked at so soon. */
const SOON_MS = 500;
const CLEARED_SHOWN = 50;

/** Somebody else who judges: what it answers is treated like the rest. Called at each look; must be cheap and not throw. */
export type AlertSource = (now: EpochMs) => readonly Condition[];

export interface Alerts {
  start(): void;
  answer(): AlertsAnswer;
  /** What holds now, for answers that tell of it. */
  standing(): readonly AlertView[];
  /** From now on this is asked as well. */
  addSource(source: AlertSource): void;
  /** Looks no more, and waits for a delivery that is under way. May be called twice. */
  close(): Promise<void>;
}

export interface AlertParts {
  readonly sampler: Pick<Sampler, "readings" | "samples">;
  /** As the watch over the disk saw them last. */
  readonly fileSystems: () => readonly DiskFileSystem[];
  readonly deliveries: Deliveries;
}

export function alerts(setting: Setting, parts: AlertParts): Alerts {
  const { clock, log, sampleMeters, store, timers } = setting;
  const { deliveries, fileSystems, sampler } = parts;
  const sources: AlertSource[] = [];
  const told = new Map<string, string>();
  const ended = endedLately(setting);
  let stray: { readonly what: string; readonly at: EpochMs } | null = null;
  let states: ReadonlyMap<string, AlertState> = new Map();
  let ids = new Map<string, number>();
  let cancel = (): void => undefined;
  let dueAt = Number.MAX_SAFE_INTEGER;
  let isClosed = false;

  const look = (): void => {
    const now = clock.now();
    const conditions = [
      ...conditionsNow(setting, sampler, fileSystems(), sampleMeters.own(), states, ended.tasks()),
      ...ended.conditions(),
      ...[...told].map(([id, processes]) => mismatchCondition(id, processes, isClean(setting, id))),
      ...(stray === null ? [] : [strayCondition(stray.what, stray.at, now)]),
      ...sources.flatMap((source) => source(now)),
    ];
    const over = overConditions(setting, states, conditions);
    const { cleared, raised, states: next } = judgeAlerts(states, [...conditions, ...over], now);
    // First what stands, durable; then the memory of it. A full disk is tried again in the next look.
    const nowIds = record(setting, ids, raised, cleared, now);
    for (const { condition } of cleared)
      if (condition.rule === "witness_mismatch") told.delete(condition.subject.id);
    [states, ids] = [next, nowIds];
    if (raised.length + cleared.length > 0) deliveries.wake();
  };

  /** The earlier of two wishes counts; one that is overdue waits for a timer that slept with the machine. */
  const arm = (ms: number): void => {
    const now = clock.now();
    const at = now + ms;
    if (isClosed || (at >= dueAt && dueAt >= now)) return;
    dueAt = at;
    cancel();
    cancel = timers.after(ms, () => {
      dueAt = Number.MAX_SAFE_INTEGER;
      try {
        look();
      } catch (error) {
        log.warn("alerts.not_judged", { cause: messageOf(error) });
      }
      arm(LOOK_MS);
    });
  };

  const onEvent = ({ agent_id: id, facts, kind }: CorralEvent): void => {
    if (kind === "alert") {
      const what = facts["alert"];
      if (what === "witness_mismatch" && id !== null) told.set(id, processesIn(facts));
      else if (what !== "disk") return;
    } else if (kind === "stray.released") {
      stray = { what: `${String(facts["kind"])} ${String(facts["locator"])}`, at: clock.now() };
    } else if (kind === "agent.settled" && id !== null) ended.settled(id);
    else if (kind !== "agent.stuck" && kind !== "agent.clean") return;
    arm(SOON_MS);
  };
  let forget = (): void => undefined;

  return {
    start() {
      const standing = store.standingAlerts();
      states = new Map(standing.map((alert) => [alert.key, stateOf(alert)]));
      ids = new Map(standing.map(({ id, key }) => [key, id]));
      for (const { evidence, rule, subject } of standing) {
        if (rule === "witness_mismatch") told.set(subject.id, evidence);
        if (rule === "stray_found") stray = { what: evidence, at: clock.now() };
      }
      ended.begin(standing);
      forget = store.onEvent(onEvent);
      deliveries.start();
      arm(SOON_MS);
    },
    answer: () => ({
      standing: store.standingAlerts().map(alertView),
      cleared: store.clearedAlerts(CLEARED_SHOWN).map(alertView),
      deliveries: deliveries.counts(),
    }),
    standing: () => store.standingAlerts().map(alertView),
    addSource: (source) => void sources.push(source),
    async close() {
      isClosed = true;
      cancel();
      forget();
      await deliveries.close();
    },
  };
}

/** Rows, events and notices of one look in one transaction: none of them is without the others. */
function record(
  setting: Setting,
  before: ReadonlyMap<string, number>,
  raised: readonly AlertState[],
  cleared: readonly AlertState[],
  now: EpochMs,
): Map<string, number> {
  const ids = new Map(before);
  if (raised.length + cleared.length === 0) return ids;
  const { log, store } = setting;
  store.atomically(() => {
    for (const { condition, raisedAt, since } of raised) {
      const { evidence, key, nextStep, rule, severity, subject } = condition;
      const alert = store.raiseAlert({
        key,
        rule,
        severity,
        subject,
        evidence,
        nextStep,
        since,
        raisedAt: raisedAt ?? now,
      });
      ids.set(key, alert.id);
      tell(setting, alert, "raised", now);
    }
    for (const { condition } of cleared) {
      const id = ids.get(condition.key);
      ids.delete(condition.key);
      if (id === undefined) continue;
      store.clearAlert(id, now, condition.evidence);
      const alert = store.alert(id);
      if (alert !== null) tell(setting, alert, "cleared", now);
    }
  });
  for (const { condition } of raised)
    log.warn("alert.raised", {
      rule: condition.rule,
      subject: condition.subject.id,
      evidence: condition.evidence,
    });
  for (const { condition } of cleared)
    log.info("alert.cleared", { rule: condition.rule, subject: condition.subject.id });
  return ids;
}

/** Conditions whose event somebody else tells already, by their keys. */
const TOLD_ELSEWHERE =
  /^(?:disk_floor|witness_mismatch|stray_found|limit_(?:near|reached):(?:tokens|cost)):/;

function tell(
  setting: Setting,
  alert: StoredAlert,
  state: "raised" | "cleared",
  now: EpochMs,
): void {
  const { configuration, log, store } = setting;
  const { evidence, id, key, nextStep, rule, severity, since, subject } = alert;
  if (!TOLD_ELSEWHERE.test(key)) {
    const agent = subject.kind === "agent" ? store.agent(subject.id) : null;
    const taskId = subject.kind === "task" ? subject.id : agent?.taskId;
    store.addEvent({
      kind: "alert",
      ...(taskId === undefined ? {} : { taskId }),
      ...(agent === null ? {} : { agentId: agent.id }),
      facts: {
        alert: rule,
        id,
        state,
        severity,
        subject,
        since: isoTime(since),
        message: evidence,
        ...(state === "raised" ? { next_step: nextStep } : {}),
      },
    });
  }
  const { alert_hook: hook, alert_webhook: webhook } = configuration();
  const channels: readonly Channel[] = [
    ...(hook.length > 0 ? (["hook"] as const) : []),
    ...(webhook !== "" ? (["webhook"] as const) : []),
  ];
  for (const channel of channels) {
    const dropped = store.queueDelivery(
      { channel, state, alertId: id, createdAt: now },
      QUEUE_MOST,
    );
    if (dropped > 0) log.warn("alert.notice_dropped", { dropped, why: "the queue was full" });
  }
}

/** Notices that wait at most: a receiver that is down for long must not fill the store. */
const QUEUE_MOST = 1_000;

function stateOf({
  evidence,
  key,
  nextStep,
  raisedAt,
  rule,
  severity,
  since,
  subject,
}: StoredAlert): AlertState {
  // What it takes to clear it, the next look says.
  const condition = {
    key,
    rule,
    severity,
    subject,
    evidence,
    nextStep,
    holds: "yes" as const,
    holdMs: 0,
    clearMs: 0,
  };
  return { condition, since, raisedAt, goneSince: null };
}

function processesIn(facts: Readonly<Record<string, unknown>>): string {
  const list = Array.isArray(facts["processes"]) ? (facts["processes"] as unknown[]) : [];
  const named = list.map((one) => {
    const { name, pid } = one as { readonly name?: unknown; readonly pid?: unknown };
    return `${String(name)} (${String(pid)})`;
  });
  return named.slice(0, 5).join(", ");
}
