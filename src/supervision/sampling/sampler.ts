/**
 * The sampler: looks at what every live agent uses, often while somebody looks on and seldom at
 * rest, and keeps what it saw. It decides nothing and stops nobody.
 *
 * What cannot be looked at has no sample: a gap, never a zero.
 */
import type { AgentRecord } from "../../agents/record.ts";
import type { PortView, SamplesAnswer, SampleView } from "../../contract/sampling.ts";
import { messageOf } from "../../kernel/fault.ts";
import type { AgentId, TaskId } from "../../kernel/ids.ts";
import { type EpochMs, isoTime, MINUTE_MS, SECOND_MS } from "../../kernel/units.ts";
import type { ProcessSet, WorldProcess } from "../ports.ts";
import type { Setting } from "../setting.ts";
import { processSetOf } from "../sighting.ts";
import type { StreamLooks } from "../stream-looks.ts";
import { ALL, type History, sampleHistory } from "./history.ts";
import { leastPause, pauseAfter } from "./pace.ts";
import type { Depth, LookRequest } from "./ports.ts";
import { NO_SAMPLE, type Reading, sampleOf, sumOfSamples, withEarlier } from "./sample.ts";

/** Somebody who asked looks on for so long; pages and `corral top` ask again sooner. */
const WATCH_MS = 10 * SECOND_MS;
/** Between two looks at open files, sockets and IO, which cost twice as much as all the rest. */
const DEEP_MS = { watched: 30 * SECOND_MS, atRest: 5 * MINUTE_MS } as const;
const SAVE_MS = MINUTE_MS;
/** An agent that has just begun is looked at so soon. */
const NEWCOMER_MS = 3 * SECOND_MS;
const LISTENS_MOST = 32;

export interface Sampler {
  start(): void;
  /** Somebody looks on: samples come fast for a while, of this agent the closest. May be called at any time. */
  watch(agentId?: AgentId): void;
  /** As {@link watch}, until the returned function is called. It may be called twice. */
  lookOn(): () => void;
  /** The last sample of everybody. Looks at nothing. */
  samples(): SamplesAnswer;
  /** The last reading of everybody who has one. */
  readings(): ReadonlyMap<AgentId, Reading>;
  /** Looks so far, the daemon's processor time during them, and how many look on at this moment. */
  cost(): { readonly looks: number; readonly spentMs: number; readonly lookers: number };
  /** Ports on which an agent's processes listened at the last look. */
  portsOf(agentId: AgentId): readonly PortView[];
  readonly history: Pick<History, "read">;
  /** Looks no more, waits for a look that runs, and writes down what there is. May be called twice. */
  close(): Promise<void>;
}

/** One live agent. */
interface Tracked {
  readonly agent: Pick<AgentRecord, "id" | "taskId" | "directory" | "slot">;
  readonly set: ProcessSet;
  reading: Reading | null;
  ioReading: Reading | null;
  sample: SampleView;
}

export function sampler(setting: Setting, looks: StreamLooks): Sampler {
  const { clock, log, sampleMeters, store, timers } = setting;
  const history = sampleHistory(setting);
  const tracked = new Map<AgentId, Tracked>();
  const tasks = new Map<TaskId, SampleView>();
  const focus = new Map<AgentId, EpochMs>();
  let all: SampleView = sumOfSamples([]);
  let [looked, spentInAllMs] = [0, 0];
  let [at, spentMs, quietRounds] = [null as EpochMs | null, 0, 0];
  let [watchedUntil, deepAt, savedAt, dueAt] = [0, 0, clock.now(), 0];
  let running: Promise<void> | null = null;
  let cancel = (): void => undefined;
  let [isStarted, isClosed] = [false, false];
  const lookers = new Set<object>();

  const isWatched = (): boolean => lookers.size > 0 || watchedUntil > clock.now();

  /** Who lives now; whoever ended has no further sample. */
  const follow = (): void => {
    const live = store.unfinishedAgents().filter(({ endedAt }) => endedAt === null);
    const ids = new Set(live.map(({ id }) => id));
    for (const id of tracked.keys()) {
      if (ids.has(id)) continue;
      tracked.delete(id);
      focus.delete(id);
      history.end(id);
    }
    for (const { directory, id, slot, taskId } of live) {
      if (tracked.has(id)) continue;
      const set = processSetOf(store.resourcesOf(id));
      if (set === null) continue;
      const agent = { id, taskId, directory, slot };
      tracked.set(id, { agent, set, reading: null, ioReading: null, sample: NO_SAMPLE });
    }
  };

  const look = async (): Promise<void> => {
    const before = sampleMeters.own().cpuMs;
    follow();
    const now = clock.now();
    const isDeep = now - deepAt >= DEEP_MS[isWatched() ? "watched" : "atRest"];
    if (isDeep) deepAt = now;
    const requests = await requestsFor(setting, [...tracked.values()], (id) => {
      if ((focus.get(id) ?? 0) > now) return "whole";
      const isNew = tracked.get(id)?.reading === null;
      return isDeep || isNew ? "deep" : "light";
    });
    const seen = await sampleMeters.look(requests);
    const knowledge = knownOf(setting, looks);
    at = clock.now();
    for (const one of tracked.values()) {
      const counters = seen.get(one.agent.id);
      if (counters === undefined) continue;
      const known = knowledge(one.agent);
      const reading = withEarlier({ at, ...counters, ...known }, one.reading);
      one.sample = sampleOf(reading, one.reading, one.ioReading);
      if (counters.readBytes !== null) one.ioReading = reading;
      one.reading = reading;
      history.add(one.agent.id, at, one.sample);
    }
    sumUp(at);
    spentMs = sampleMeters.own().cpuMs - before;
    looked += 1;
    spentInAllMs += spentMs;
    if (at - savedAt >= SAVE_MS) {
      savedAt = at;
      history.save();
    }
  };

  const sumUp = (now: EpochMs): void => {
    const byTask = Map.groupBy(tracked.values(), ({ agent }) => agent.taskId);
    for (const taskId of tasks.keys()) {
      if (byTask.has(taskId)) continue;
      tasks.delete(taskId);
      history.end(taskId);
    }
    for (const [taskId, ofTask] of byTask) {
      const sum = sumOfSamples(ofTask.map(({ sample }) => sample));
      tasks.set(taskId, sum);
      history.add(taskId, now, sum);
    }
    all = sumOfSamples([...tracked.values()].map(({ sample }) => sample));
    history.add(ALL, now, all);
  };

  const turn = (): void => {
    running = look()
      .catch((error: unknown) => log.warn("sample.failed", { cause: messageOf(error) }))
      .finally(() => {
        running = null;
        if (isWatched()) quietRounds = 0;
        arm(clock.now() + pauseAfter({ isWatched: isWatched(), spentMs, quietRounds }));
        quietRounds += 1;
      });
  };

  const arm = (when: EpochMs): void => {
    cancel();
    if (isClosed || !isStarted) return;
    dueAt = when;
    cancel = timers.after(Math.max(0, when - clock.now()), turn);
  };

  /** A look within so long, but not before the last one has been paid for. */
  const within = (ms: number): void => {
    if (running !== null || !isStarted) return;
    const paidAt = (at ?? 0) + leastPause(isWatched(), spentMs);
    const now = clock.now();
    const when = Math.max(paidAt, now + ms);
    // One that is overdue waits for a timer that slept with the machine.
    if (when < dueAt || dueAt < now) arm(when);
  };

  const forget = store.onEvent(({ kind }) => {
    if (kind !== "agent.running" && kind !== "agent.settled") return;
    quietRounds = 0;
    if (kind === "agent.running") within(NEWCOMER_MS);
  });

  return {
    start() {
      isStarted = true;
      arm(clock.now() + NEWCOMER_MS);
    },
    watch(agentId) {
      const until = clock.now() + WATCH_MS;
      const wasWatched = isWatched();
      watchedUntil = until;
      if (agentId !== undefined && tracked.has(agentId)) focus.set(agentId, until);
      if (!wasWatched) within(0);
    },
    lookOn() {
      const wasWatched = isWatched();
      const looker = {};
      lookers.add(looker);
      if (!wasWatched) within(0);
      return () => void lookers.delete(looker);
    },
    samples: () => ({
      at: at === null ? null : isoTime(at),
      interval_ms: Math.round(pauseAfter({ isWatched: isWatched(), spentMs, quietRounds })),
      all,
      tasks: [...tasks].map(([task_id, sample]) => ({ task_id, sample })),
      agents: [...tracked.values()].map(({ agent, reading, sample }) => ({
        agent_id: agent.id,
        task_id: agent.taskId,
        sample,
        listens: (reading?.listens ?? []).slice(0, LISTENS_MOST),
      })),
    }),
    readings: () =>
      new Map(
        [...tracked].flatMap(([id, { reading }]) => (reading === null ? [] : [[id, reading]])),
      ),
    cost: () => ({ looks: looked, spentMs: spentInAllMs, lookers: lookers.size }),
    portsOf: (agentId) => tracked.get(agentId)?.reading?.listens ?? [],
    history,
    async close() {
      if (isClosed) return;
      isClosed = true;
      cancel();
      forget();
      await running;
      for (const subject of [...tracked.keys(), ...tasks.keys(), ALL]) history.end(subject);
      history.save();
    },
  };
}

/** A group of its own lists an agent's processes; where one has none, one look over the world serves all of those. */
async function requestsFor(
  { containment }: Setting,
  tracked: readonly Tracked[],
  depthOf: (id: AgentId) => Depth,
): Promise<readonly LookRequest[]> {
  const isListed = ({ set }: Tracked): boolean => (set.cgroup ?? set.freezer ?? null) !== null;
  const world = tracked.every(isListed) ? [] : await containment.lookEverywhere();
  return tracked.map((one) => {
    const { agent, set } = one;
    const pids = isListed(one) ? null : membersAmong(world, agent).map(({ pid }) => pid);
    return { agentId: agent.id, set, pids, depth: depthOf(agent.id) };
  });
}

/** Those of an agent: by its mark, or by its group. */
export function membersAmong(
  world: readonly WorldProcess[],
  { id, slot }: Pick<AgentRecord, "id" | "slot">,
): readonly WorldProcess[] {
  return world.filter((one) => one.slot === slot || one.cgroupAgentId === id);
}

type Known = Pick<Reading, "diskBytes" | "outputBytes" | "tokens" | "costMicrousd">;

/** What the store and the streams tell of an agent at this moment. */
function knownOf(
  { store }: Setting,
  looks: StreamLooks,
): (agent: Pick<AgentRecord, "id" | "directory">) => Known {
  const records = new Map(store.unfinishedAgents().map((agent) => [agent.id, agent]));
  return (agent) => {
    const record = records.get(agent.id);
    const usage = record?.usage ?? null;
    const tokens = [usage?.input_tokens ?? null, usage?.output_tokens ?? null];
    const cost = usage?.cost_usd ?? null;
    return {
      diskBytes: record?.diskBytes ?? null,
      outputBytes: printed(looks, agent),
      tokens: tokens.every((one) => one === null)
        ? null
        : tokens.reduce<number>((sum, one) => sum + (one ?? 0), 0),
      costMicrousd: cost === null ? null : Math.round(cost * 1e6),
    };
  };
}

function printed(looks: StreamLooks, agent: Pick<AgentRecord, "id" | "directory">): number | null {
  try {
    const { stderrBytes, stdoutBytes } = looks.of(agent);
    return stdoutBytes + stderrBytes;
  } catch {
    return null; // it is looked at again the next time
  }
}
