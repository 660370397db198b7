/** The sampler over a clock and timers that the test moves: when it looks, and what it makes of a failed look. */
import { expect, test } from "vitest";
import type { AgentRecord } from "../../../../src/agents/record.ts";
import type { CorralEvent } from "../../../../src/contract/events.ts";
import type { Counters, LookRequest } from "../../../../src/supervision/sampling/ports.ts";
import { sampler } from "../../../../src/supervision/sampling/sampler.ts";
import type { Setting } from "../../../../src/supervision/setting.ts";
import { recordingLog } from "../../../helpers/serving.ts";

const COUNTERS: Counters = {
  processes: 3,
  threads: 3,
  tasksLimit: null,
  memoryLimitBytes: null,
  memoryKills: null,
  memoryNeededBytes: null,
  fds: null,
  mostFds: null,
  sockets: null,
  listens: null,
  memoryBytes: 1_000,
  pssBytes: null,
  cpuMs: 0,
  readBytes: null,
  writtenBytes: null,
};

const agent = (id: string): AgentRecord =>
  ({
    id,
    taskId: "T1",
    directory: `/agents/${id}`,
    slot: 1,
    endedAt: null,
    usage: null,
    diskBytes: null,
  }) as AgentRecord;

function stage(costMs = 1) {
  const clock = { at: 1_000_000, now: () => clock.at };
  const timers: { at: number; work: () => void }[] = [];
  const listeners = new Set<(event: CorralEvent) => void>();
  const looks: { at: number; requests: readonly LookRequest[] }[] = [];
  const here = { live: [agent("a")], fails: false, blind: new Set<string>() };
  let cpuMs = 0;
  const { log, logged } = recordingLog();
  const setting = {
    clock,
    log,
    configuration: () => ({ history_mb: 1 }),
    containment: { lookEverywhere: async () => [] },
    disk: { streamsIn: () => ({ outputBytes: 0, diskBytes: 0 }) },
    sampleMeters: {
      own: () => ({ fds: 1, fdsLimit: 9, memoryBytes: 1, cpuMs }),
      processes: async () => [],
      look: async (requests: readonly LookRequest[]) => {
        cpuMs += costMs;
        looks.push({ at: clock.at, requests });
        if (here.fails) throw new Error("no look");
        const seen = requests.filter(({ agentId }) => !here.blind.has(agentId));
        return new Map(seen.map(({ agentId }) => [agentId, COUNTERS]));
      },
    },
    store: {
      unfinishedAgents: () => here.live,
      resourcesOf: (owner: string) => [
        {
          kind: "process_set",
          state: "held",
          identity: { agentId: owner, cgroup: `/g/${owner}`, bootId: "b" },
        },
      ],
      onEvent: (listener: (event: CorralEvent) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      keepChunks: () => {},
      trimChunks: () => 0,
      chunksOf: () => [],
    },
    timers: {
      after(ms: number, work: () => void) {
        const timer = { at: clock.at + ms, work };
        timers.push(timer);
        return () => {
          const index = timers.indexOf(timer);
          if (index >= 0) timers.splice(index, 1);
        };
      },
    },
  } as unknown as Setting;
  const one = sampler(setting, { of: () => ({ outputBytes: 0 }) } as never);
  return {
    ...here,
    here,
    looks,
    logged,
    sampler: one,
    /** Moves the clock, and lets whatever is due be done. */
    async pass(ms: number) {
      const until = clock.at + ms;
      for (;;) {
        const next = timers.toSorted((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > until) break;
        timers.splice(timers.indexOf(next), 1);
        clock.at = next.at;
        next.work();
        // Its promises settle.
        for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      }
      clock.at = until;
    },
    tell(kind: CorralEvent["kind"]) {
      const event = { seq: 1, at: "", kind, task_id: "T1", agent_id: "a", facts: {} };
      for (const listener of listeners) listener(event);
    },
  };
}

test("at rest it looks ever less often, and again soon when an agent begins", async () => {
  const it = stage();
  it.sampler.start();
  await it.pass(300_000);
  const pauses = it.looks.map(({ at }, index) => at - (it.looks[index - 1]?.at ?? at));
  expect(pauses.slice(1, 4)).toEqual([15_000, 30_000, 60_000]);
  const before = it.looks.length;
  it.tell("agent.running");
  await it.pass(4_000);
  expect(it.looks.length).toBe(before + 1);
});

test("while somebody looks on it looks every two seconds, and closest at the agent that is looked at", async () => {
  const it = stage();
  it.here.live.push(agent("b"));
  it.sampler.start();
  await it.pass(60_000);
  const before = it.looks.length;
  for (let second = 0; second < 20; second += 2) {
    it.sampler.watch("a");
    await it.pass(2_000);
  }
  const watched = it.looks.slice(before);
  expect(watched.length).toBeGreaterThanOrEqual(9);
  const depths = (id: string) =>
    watched.map(({ requests }) => requests.find(({ agentId }) => agentId === id)?.depth);
  expect(new Set(depths("a").slice(1))).toEqual(new Set(["whole"]));
  expect(depths("b").filter((depth) => depth === "deep").length).toBeLessThanOrEqual(2);
  await it.pass(30_000);
  const after = it.looks.length;
  await it.pass(10_000);
  expect(it.looks.length - after).toBeLessThanOrEqual(1);
});

test("a stream that is open looks on however long it is, and at rest again once the last is closed", async () => {
  const it = stage();
  it.sampler.start();
  await it.pass(60_000);
  const during = async (ms: number): Promise<number> => {
    const before = it.looks.length;
    await it.pass(ms);
    return it.looks.length - before;
  };
  const [one, other] = [it.sampler.lookOn(), it.sampler.lookOn()];
  expect(it.sampler.cost().lookers).toBe(2);
  expect(it.sampler.samples().interval_ms).toBe(2_000);
  expect(await during(60_000)).toBeGreaterThanOrEqual(29);
  one();
  one();
  expect(await during(60_000)).toBeGreaterThanOrEqual(29);
  other();
  expect(it.sampler.cost().lookers).toBe(0);
  // The look that was due comes, and then they pause as at rest.
  expect(await during(60_000)).toBeLessThanOrEqual(4);
});

test("whoever looks on, what a look has cost is paid for before the next", async () => {
  const it = stage(400);
  it.sampler.start();
  await it.pass(200_000);
  const before = it.looks.length;
  for (let second = 0; second < 60; second += 1) {
    it.sampler.watch();
    await it.pass(1_000);
  }
  // 400 ms at 2 % of a core are 20 s.
  expect(it.looks.length - before).toBeLessThanOrEqual(4);
  expect(it.sampler.cost()).toEqual({
    looks: it.looks.length,
    spentMs: 400 * it.looks.length,
    lookers: 0,
  });
});

test("what could not be looked at keeps its last sample, and a failed look is told and done again", async () => {
  const it = stage();
  it.sampler.start();
  await it.pass(5_000);
  const processes = () => it.sampler.samples().agents.map(({ sample }) => sample.processes);
  expect(processes()).toEqual([3]);
  it.here.blind.add("a");
  await it.pass(120_000);
  expect(processes()).toEqual([3]);
  it.here.fails = true;
  const before = it.looks.length;
  await it.pass(180_000);
  expect(it.looks.length).toBeGreaterThan(before + 1);
  expect(it.logged.map(({ event }) => event)).toContain("sample.failed");
  expect(processes()).toEqual([3]);
  it.here.fails = false;
  it.here.live.length = 0;
  await it.pass(120_000);
  expect(it.sampler.samples()).toMatchObject({ agents: [], all: { processes: 0 } });
});

test("once it is closed it looks no more", async () => {
  const it = stage();
  it.sampler.start();
  await it.pass(5_000);
  await it.sampler.close();
  const before = it.looks.length;
  it.sampler.watch();
  it.tell("agent.running");
  await it.pass(600_000);
  expect(it.looks.length).toBe(before);
});
