/**
 * The watch over running agents: what they do is read off their streams as these grow, and an agent
 * that would go on for nothing is stopped with the reason.
 *
 * Level-driven, like the loops: each look begins anew, so a missed event costs time only. The longer
 * an agent is quiet, the less often it is looked at: from every 2 s to every 10 s, and its processes
 * from every half minute to every two.
 */
import type { AgentRecord } from "../agents/record.ts";
import type { Usage } from "../contract/agent.ts";
import type { CorralEvent } from "../contract/events.ts";
import { messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { AgentLoops } from "./agent-loop.ts";
import { QUIET_MS } from "../harness/doing.ts";
import { budgetsOf, isBudgeted, overBudget, spending } from "./budget-watch.ts";
import { dueStop, type WatchPolicy } from "./due-stop.ts";
import { ownUsage } from "../output/own-usage.ts";
import { noteRead } from "./messages.ts";
import type { StreamsSeen } from "./disk-ports.ts";
import type { WorkDone } from "./meters.ts";
import { noteAnswer, noteRefusal } from "./quota.ts";
import type { Setting } from "./setting.ts";
import { processSetOf } from "./sighting.ts";
import type { StreamLooks } from "./stream-looks.ts";
import {
  hasGrown,
  judged,
  type Judged,
  noteSample,
  readOn,
  silenceOf,
  type Watched,
  watchedAgent,
  wantsSample,
} from "./watched-agent.ts";

/** Between two looks at the processes of a silent agent, at least. */
const SAMPLE_LEAST_MS = SECOND_MS;
const SAMPLE_MOST_MS = 120 * SECOND_MS;
const ROUND_MS = 2 * SECOND_MS;
/** A round that comes a little early still counts. */
const ROUND_SLACK_MS = 200;
const PAUSE_MOST_MS = 10 * SECOND_MS;
/** Steps of reading in one round, over all agents; the rest is read in the next. */
const STEPS_MOST = 64;
/** Usage and attempts are written down at most so often, where no limit hangs on them. */
const DETAILS_MS = 10 * SECOND_MS;

/**
 * Begins to watch every running agent, now and from now on.
 * @returns the way to stop, which waits for the round that is under way.
 */
export function watchAgents(
  setting: Setting,
  loops: AgentLoops,
  looks: StreamLooks,
): () => Promise<void> {
  const { clock, log, store, timers } = setting;
  /** Every live agent's parent: who waits for whom. */
  const parents = new Map<AgentId, string>();
  const watched = new Map<AgentId, Watched>();
  let round: Promise<void> = Promise.resolve();
  let cancel = (): void => undefined;
  let isClosed = false;

  const add = (agent: AgentRecord): void => {
    parents.set(agent.id, agent.parent);
    const harness = setting.harnessOf(agent.harness);
    // What a program of the user's prints means nothing to us.
    if (harness.program === null || agent.status !== "running" || watched.has(agent.id)) return;
    const tail = setting.tailOf(agent.directory);
    const budgets = budgetsOf(setting, agent);
    watched.set(agent.id, watchedAgent(agent, harness, tail, budgets, clock.now()));
  };
  const onEvent = ({ agent_id: id, kind }: CorralEvent): void => {
    if (id === null) return;
    if (kind === "agent.starting" || kind === "agent.running") {
      const agent = store.agent(id);
      if (agent !== null) add(agent);
    } else if (kind === "message.queued") {
      // Its stream soon says that the CLI has it, where it takes one while it works.
      const one = watched.get(id);
      if (one !== undefined) one.nextAt = 0;
    } else if (kind === "agent.stopping") watched.delete(id);
    else if (kind === "agent.settled") {
      watched.delete(id);
      parents.delete(id);
    }
  };

  const goRound = async (): Promise<void> => {
    const due = [...watched.values()].filter(({ nextAt }) => nextAt <= clock.now());
    let steps = STEPS_MOST;
    for (const one of due) {
      try {
        steps = await readSome(one, looks.of(one.agent), clock.now(), steps);
      } catch (error) {
        log.warn("watch.unreadable", { agentId: one.agent.id, cause: messageOf(error) });
      }
    }
    await sampleAll(setting, due);
    const children = Map.groupBy(parents.values(), (parent) => parent);
    for (const one of due) {
      // It may have ended while others were read.
      if (!watched.has(one.agent.id)) continue;
      look(setting, loops, one, children.get(one.agent.id)?.length ?? 0);
      one.nextAt = clock.now() + pauseOf(setting, one, clock.now());
    }
  };
  const arm = (): void => {
    if (isClosed) return;
    cancel = timers.after(ROUND_MS, () => {
      round = goRound()
        .catch((error: unknown) => log.warn("watch.failed", { cause: messageOf(error) }))
        .finally(arm);
    });
  };

  const forget = store.onEvent(onEvent);
  for (const agent of store.unfinishedAgents()) if (agent.endedAt === null) add(agent);
  arm();
  return async () => {
    isClosed = true;
    cancel();
    forget();
    await round;
  };
}

/** Reads what has come of one agent, as far as the round allows. @returns the steps that are left. */
async function readSome(
  one: Watched,
  seen: StreamsSeen,
  now: EpochMs,
  steps: number,
): Promise<number> {
  let left = steps;
  let hasMore = hasGrown(one, seen);
  while (hasMore && left > 0) {
    hasMore = await readOn(one, seen, now);
    left -= 1;
  }
  one.isBehind = hasMore;
  return left;
}

/** Looks at the processes of all silent agents at once: where that is a look at every process, they share it. */
async function sampleAll(setting: Setting, all: readonly Watched[]): Promise<void> {
  const now = setting.clock.now();
  const due = all.filter((one) => wantsSample(one, now, sampleEvery(setting, one, now)));
  await Promise.all(
    due.map(async (one) => {
      try {
        const work = await workOf(setting, one);
        if (work !== null) noteSample(one, work, now);
      } catch (error) {
        // Not looked at: then nothing is concluded from what it does not do.
        setting.log.warn("watch.no_sample", { agentId: one.agent.id, cause: messageOf(error) });
      }
    }),
  );
}

/** Often enough for what hangs on it, and no oftener. */
function sampleEvery(setting: Setting, one: Watched, now: EpochMs): number {
  const long = Math.min(SAMPLE_MOST_MS, silenceOf(one, now) / 4);
  return Math.max(SAMPLE_LEAST_MS, Math.min(Math.max(QUIET_MS, long), finest(setting, one)));
}

/** A look must come a few times within whatever time is judged by it. Milliseconds. */
function finest({ configuration }: Setting, { agent, doing }: Watched): number {
  const { no_answer_ms, result_grace_ms } = configuration();
  const limits = [agent.idleMs ?? 0, doing.trouble === null ? no_answer_ms : 0];
  const given = [...limits, doing.finishedAt === null ? 0 : result_grace_ms].filter((ms) => ms > 0);
  return Math.min(...given.map((ms) => ms / 3), SAMPLE_MOST_MS);
}

/** Until the next look: short while it talks or is in trouble, longer the longer it is quiet. */
function pauseOf(setting: Setting, one: Watched, now: EpochMs): number {
  if (one.doing.trouble !== null) return ROUND_MS;
  const pause = Math.min(PAUSE_MOST_MS, silenceOf(one, now) / 10, finest(setting, one));
  return Math.max(ROUND_MS, pause) - ROUND_SLACK_MS;
}

/** A control group has counted for itself; IO is looked for only where a limit hangs on it. */
async function workOf(setting: Setting, one: Watched): Promise<WorkDone | null> {
  const { agent } = one;
  one.set ??= processSetOf(setting.store.resourcesOf(agent.id));
  const { set } = one;
  if (set === null) return null;
  const cpuMs = setting.meters.cpuOf(set);
  if (cpuMs !== null && agent.idleMs === null) return { cpuMs, ioBytes: 0 };
  const { members } = await setting.containment.look(set);
  const work = await setting.meters.workOf(members.map(({ pid }) => pid));
  return { ...work, cpuMs: cpuMs ?? work.cpuMs };
}

function look(setting: Setting, loops: AgentLoops, one: Watched, liveChildren: number): void {
  const { clock, configuration, log } = setting;
  const around = { now: clock.now(), busyAt: one.busyAt, liveChildren };
  const found = judged(one, around, configuration().no_answer_ms);
  tell(setting, one, found, around.now);
  closeInput(setting, one);
  const policy = policyOf(setting, one);
  const due = dueStop(one.doing, found.trouble, around, policy, one.harness.login);
  if (due === null) return;
  log.info("watch.stop", { agentId: one.agent.id, cause: due.cause });
  try {
    loops.stop(one.agent.id, { ...due, graceMs: configuration().grace_ms });
  } catch (error) {
    log.warn("watch.stop_failed", { agentId: one.agent.id, cause: messageOf(error) });
  }
}

/**
 * Its result is out: nothing more is to come by its input. Its CLI's own hook has closed it before that;
 * this is for one whose hook did not run.
 */
function closeInput(setting: Setting, one: Watched): void {
  const { agent, doing, harness, isBehind } = one;
  if (harness.inputLine === undefined || doing.finishedAt === null || isBehind) return;
  if (one.closedAt === doing.finishedAt) return;
  try {
    setting.inputs.end(agent.directory);
    one.closedAt = doing.finishedAt;
  } catch (error) {
    setting.log.warn("watch.input_open", { agentId: agent.id, cause: messageOf(error) });
  }
}

function policyOf(setting: Setting, one: Watched): WatchPolicy {
  const { agent, budgets, outcome } = one;
  const settings = setting.configuration();
  return {
    resultMs: settings.result_grace_ms,
    idleMs: agent.idleMs ?? 0,
    // What it has spent may have bought a result that was not read yet.
    overBudget: one.isBehind
      ? null
      : overBudget(setting, agent, { ...outcome, usage: usedBy(one) }, budgets),
    troubleMs: {
      auth_failed: settings.stop_auth_failed_ms,
      rate_limited: settings.stop_rate_limited_ms,
      overloaded: settings.stop_overloaded_ms,
      no_answer: settings.stop_no_answer_ms,
    },
  };
}

/** What it used itself: not what the runs of its conversation before it did. */
function usedBy({ agent, harness, outcome }: Watched): Usage | null {
  return ownUsage(outcome, harness.resume?.counts, agent.usageTold);
}

/** Messages that its model has gone on after: told as soon as that is seen. */
function tellRead(setting: Setting, one: Watched): void {
  const { heard } = one.outcome;
  if (heard === one.told.heard) return;
  try {
    noteRead(setting, one.agent.id, heard);
    one.told = { ...one.told, heard };
  } catch (error) {
    setting.log.warn("watch.not_told", { agentId: one.agent.id, cause: messageOf(error) });
  }
}

/** What its provider says of its quota, or that it is answered again. */
function tellQuota(
  setting: Setting,
  { agent, doing, isBehind, outcome }: Watched,
  found: Judged,
): void {
  // What was not read yet may say that all is well.
  if (agent.quotaKey === null || isBehind) return;
  const { message = "", kind } = doing.trouble ?? {};
  const isAnswered = found.trouble === null && (outcome.usage !== null || outcome.lastText !== "");
  try {
    if (kind === "rate_limited") noteRefusal(setting, agent, message, doing.saidAt);
    else noteAnswer(setting, agent, isAnswered ? doing.saidAt : null);
  } catch (error) {
    setting.log.warn("watch.not_told", { agentId: agent.id, cause: messageOf(error) });
  }
}

/** Writes down what has changed; details of what has not, now and then. */
function tell(setting: Setting, one: Watched, found: Judged, now: EpochMs): void {
  const { log, store } = setting;
  const { told, outcome, agent } = one;
  tellRead(setting, one);
  tellQuota(setting, one, found);
  const { activity, trouble } = found;
  const usage = JSON.stringify([outcome.usage, outcome.sessionId, trouble?.attempts ?? 0]);
  const isNews =
    told.activity !== activity ||
    told.trouble?.kind !== trouble?.kind ||
    told.trouble?.until !== trouble?.until;
  const restMs = isBudgeted(one.budgets) ? 0 : DETAILS_MS;
  if (!isNews && (told.usage === usage || now - told.at < restMs)) return;
  try {
    const { sessionId: cliSession } = outcome;
    const doing = { activity, trouble, usage: usedBy(one), cliSession };
    spending(setting, agent, one.budgets, () => store.recordDoing(agent.id, doing));
    one.told = { ...one.told, activity, trouble, at: now, usage };
  } catch (error) {
    // A full disk: it is told again in the next round.
    log.warn("watch.not_told", { agentId: agent.id, cause: messageOf(error) });
  }
}
