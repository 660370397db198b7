import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { AgentRecord } from "../../../src/agents/record.ts";
import type { CorralEvent } from "../../../src/contract/events.ts";
import type { Resource } from "../../../src/ledger/resource.ts";
import type { Store } from "../../../src/supervision/store.ts";
import { isClean, isCleanOrStuck, waitUntil } from "../../../src/supervision/waiting.ts";
import { row } from "../ledger/memory-ledger.ts";

type Told = (event: CorralEvent) => void;
const EVENT: CorralEvent = {
  seq: 1,
  at: "",
  kind: "agent.clean",
  task_id: null,
  agent_id: null,
  facts: {},
};

/** A store that tells events and timers that run out when the test says so. */
function stage() {
  const listeners = new Set<Told>();
  const timers = new Set<() => void>();
  return {
    listeners,
    timers,
    tell: () => [...listeners].forEach((listener) => listener(EVENT)),
    runOut: () => [...timers].forEach((timer) => timer()),
    setting: {
      store: {
        onEvent(listener: Told) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      } as unknown as Store,
      timers: {
        after(_ms: number, callback: () => void) {
          timers.add(callback);
          return () => void timers.delete(callback);
        },
      },
    },
  };
}

describe("waiting", () => {
  test("a condition that holds is answered without listening", async () => {
    const { listeners, setting, timers } = stage();
    expect(await waitUntil(setting, () => true, 1)).toBe(true);
    expect([listeners.size, timers.size]).toEqual([0, 0]);
  });

  test("it is looked at again after each event, and then nothing listens any more", async () => {
    const { listeners, setting, tell, timers } = stage();
    let holds = false;
    let answer: boolean | undefined;
    const waiting = waitUntil(setting, () => holds, 1).then((met) => (answer = met));
    tell();
    await turn();
    expect(answer).toBeUndefined();
    holds = true;
    tell();
    expect(await waiting).toBe(true);
    expect([listeners.size, timers.size]).toEqual([0, 0]);
  });

  test("its time runs out with the last truth, not with a guess", async () => {
    const { runOut, setting } = stage();
    let holds = false;
    const unmet = waitUntil(setting, () => holds, 1);
    runOut();
    expect(await unmet).toBe(false);
    const met = waitUntil(setting, () => holds, 1);
    holds = true; // and its event was lost
    runOut();
    expect(await met).toBe(true);
  });

  test("an abort ends it and forgets its listener", async () => {
    const { listeners, setting, timers } = stage();
    const abort = new AbortController();
    const waiting = waitUntil(setting, () => false, 1, abort.signal);
    abort.abort();
    expect(await waiting).toBe(false);
    expect([listeners.size, timers.size]).toEqual([0, 0]);
  });

  test("one that was aborted before it began ends at once", async () => {
    const { listeners, setting } = stage();
    expect(await waitUntil(setting, () => false, 1, AbortSignal.abort())).toBe(false);
    expect(listeners.size).toBe(0);
  });
});

describe("clean, or stuck", () => {
  const settingOf = (endedAt: number | null, rows: readonly Resource[]) => ({
    store: {
      agent: (id: string) => (id === "a1" ? ({ endedAt } as AgentRecord) : null),
      resourcesOf: () => rows,
    } as unknown as Store,
  });

  test.for([
    ["it lives", null, [row(1, "token")], false, false],
    ["it lives and holds nothing yet", null, [], false, false],
    ["it ended and holds", 5, [row(1, "token")], false, false],
    ["it ended and a release failed", 5, [row(1, "token", { attempts: 1 })], false, true],
    ["all is released", 5, [row(1, "token", { state: "released", attempts: 4 })], true, true],
    ["all is kept on purpose", 5, [row(1, "token", { state: "retained" })], true, true],
  ] as const)("%s", ([, endedAt, rows, clean, cleanOrStuck]) => {
    const setting = settingOf(endedAt, rows);
    expect(isClean(setting, "a1")).toBe(clean);
    expect(isCleanOrStuck(setting, "a1")).toBe(cleanOrStuck);
  });

  test("an agent that nobody knows holds nothing", () => {
    expect(isClean(settingOf(null, []), "nobody")).toBe(true);
  });
});
