/** The queue over a real store, with a clock and timers that the test moves. */
import { expect, test } from "vitest";
import type { StopOrder } from "../../../src/supervision/stops.ts";
import { noteRefusal } from "../../../src/supervision/quota.ts";
import { quotaQueue } from "../../../src/supervision/quota-queue.ts";
import type { Setting } from "../../../src/supervision/setting.ts";
import type { QueuedAgent } from "../../../src/supervision/store.ts";
import { newAgent, type StoreStage, storeStage, task } from "../../helpers/fault-store.ts";

const ACCOUNT = {
  harness: "codex",
  quotaKey: "codex:1",
  quotaLabel: "~/.codex/auth.json",
} as const;
const MINUTE = 60_000;
const WAIT = 10 * MINUTE;

interface Timer {
  readonly at: number;
  readonly act: () => void;
}

/** A queue in which "a" was refused for an hour, and "b" and "c" wait ten minutes for their quota. */
function begin(here: StoreStage, start: (queued: QueuedAgent) => Promise<void> = async () => {}) {
  const { clock } = here;
  const store = here.open();
  store.addTask(task());
  store.admitAgent(newAgent("a", ACCOUNT));
  noteRefusal({ store, clock }, store.agent("a")!, "usage limit. Try again in 1 hour.", clock.at);
  for (const id of ["b", "c"])
    store.admitAgent(
      newAgent(id, { ...ACCOUNT, waits: { prompt: "Go.", until: clock.at + WAIT } }),
    );
  const timers = new Set<Timer>();
  const stopped: (readonly [string, StopOrder])[] = [];
  const started: string[] = [];
  const warned: string[] = [];
  const setting = {
    store,
    clock,
    log: { info: () => undefined, warn: (event: string) => void warned.push(event) },
    timers: {
      after(ms: number, act: () => void) {
        const timer = { at: clock.at + ms, act };
        timers.add(timer);
        return () => void timers.delete(timer);
      },
    },
  } as unknown as Setting;
  const queue = quotaQueue(
    setting,
    { stop: (id, order) => void stopped.push([id, order]) },
    {
      startQueued: async (queued) => {
        started.push(queued.agent.id);
        await start(queued);
      },
    },
  );
  /** Moves to the next timer's time and lets what it begins come to rest. */
  const next = async (): Promise<number> => {
    const [timer] = [...timers].toSorted((one, other) => one.at - other.at);
    if (timer === undefined) throw new Error("nobody waits");
    const waited = timer.at - clock.at;
    clock.at = timer.at;
    timers.delete(timer);
    timer.act();
    await settled();
    return waited;
  };
  return { clock, next, queue, started, stopped, store, timers, warned };
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await Promise.resolve();
}

test("one that waits is looked at until its time is over, and is stopped then for its quota", async () => {
  using here = storeStage();
  const { clock, next, queue, started, stopped, store, timers } = begin(here);
  queue.start();
  await settled();
  // It has no folder, so there is nothing to measure or to rotate.
  expect(store.liveDisks().map(({ id }) => id)).toEqual(["a"]);
  while (clock.at < 1_000 + WAIT - 5_000) expect(await next()).toBe(5_000);
  expect(stopped).toEqual([]);
  await next();
  const order = {
    cause: "rate_limited",
    reason: "The quota of its account did not come back in 10 min 0 s.",
    graceMs: 0,
  };
  expect(stopped).toEqual([
    ["b", order],
    ["c", order],
  ]);
  expect(started).toEqual([]);
  await queue.close();
  expect(timers.size).toBe(0);
});

test("a reset that comes sooner than the next look is looked at when it comes, and one of them tries", async () => {
  using here = storeStage();
  const tries = async ({ agent }: QueuedAgent): Promise<void> => {
    const circuit = stage.store.circuit("codex:1")!;
    stage.store.keepCircuit({ ...circuit, probe: { agentId: agent.id, at: stage.clock.at } });
  };
  const stage = begin(here, tries);
  const { clock, next, queue, started, store } = stage;
  store.keepCircuit({ ...store.circuit("codex:1")!, until: clock.at + 1_200 });
  queue.start();
  await settled();
  expect(await next()).toBe(1_200);
  expect(started).toEqual(["b"]);
  expect(await next()).toBe(5_000);
  expect(started).toEqual(["b"]); // the others wait for what the first one finds
  await queue.close();
});

test("a quota that is said to be there again is looked at at once, and who cannot start keeps no other back", async () => {
  using here = storeStage();
  const fails = async (): Promise<void> => Promise.reject(new Error("EIO: injected"));
  const { clock, next, queue, started, store } = begin(here, fails);
  queue.start();
  await settled();
  store.keepCircuit({ ...store.circuit("codex:1")!, closedAt: clock.at, closedBy: "by hand" });
  queue.wake();
  await settled();
  expect(started).toEqual(["b", "c"]);
  await next();
  expect(started).toEqual(["b", "c", "b", "c"]);
  await queue.close();
  queue.wake();
  await settled();
  expect(started).toHaveLength(4);
});

test("a look that fails is said, and is made again", async () => {
  using here = storeStage();
  const { next, queue, store, warned } = begin(here);
  const { queuedAgents } = store;
  let failures = 1;
  Object.assign(store, {
    queuedAgents: () => {
      if (failures-- > 0) throw new Error("EIO: injected");
      return queuedAgents();
    },
  });
  queue.start();
  await settled();
  expect(warned).toEqual(["queue.failed"]);
  expect(await next()).toBe(5_000);
  expect(warned).toEqual(["queue.failed"]);
  await queue.close();
});
