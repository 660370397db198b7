/** How long streams were when, on real SQLite: never too late, gone with their agent. */
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { Setting } from "../../src/supervision/setting.ts";
import { streamLooks } from "../../src/supervision/stream-looks.ts";
import { keepStreamTimes, offsetSince } from "../../src/supervision/stream-times.ts";
import { newAgent, settlement, storeStage, task } from "../helpers/fault-store.ts";

test("a time leads to what had been printed at the last look before it, and never further", () => {
  using here = storeStage();
  const store = here.open();
  store.addTask(task("T1"));
  store.admitAgent(newAgent("a"));
  const size = { a: 0 };
  const looks = streamLooks({
    clock: here.clock,
    configuration: () => ({ disk_look_ms: 5_000 }),
    disk: {
      streamsIn: () => ({ stdoutBytes: size.a, stderrBytes: 0, diskBytes: 0, writtenAt: 0 }),
    },
  } as unknown as Setting);
  let tick = (): void => undefined;
  const setting = {
    store,
    timers: {
      after: (_ms: number, callback: () => void) => {
        tick = callback;
        return () => undefined;
      },
    },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  } as unknown as Setting;
  const at = (time: number, bytes: number): void => {
    here.clock.at = time;
    size.a = bytes;
    tick();
  };
  here.clock.at = 1_000;
  const stop = keepStreamTimes(setting, looks);
  at(11_000, 500);
  at(21_000, 500);
  at(31_000, 900);
  const agent = store.agent("a")!;
  const since = (time: number): number => offsetSince(store, agent, time);
  expect([500, 10_999, 11_000, 25_000, 30_999, 31_000, 99_000].map(since)).toEqual([
    0, 0, 500, 500, 500, 900, 900,
  ]);
  stop();
  store.settle("a", settlement({ endedAt: 40_000 }));
  const ended = store.agent("a")!;
  expect(offsetSince(store, ended, 39_000)).toBe(900);
  expect(offsetSince(store, ended, 41_000)).toBe(Number.MAX_SAFE_INTEGER);
  store.close();
  const raw = new DatabaseSync(here.path);
  expect(raw.prepare("SELECT count(*) AS n FROM stream_times").get()).toEqual({ n: 2 });
  raw.exec("DELETE FROM agents");
  expect(raw.prepare("SELECT count(*) AS n FROM stream_times").get()).toEqual({ n: 0 });
  raw.close();
});
