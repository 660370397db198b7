/** The history of samples in the store: what it takes is bounded, in time and in bytes. */
import { statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SERIES, type SampleView } from "../../src/contract/sampling.ts";
import { DAY_MS, HOUR_MS, MIB, SECOND_MS } from "../../src/kernel/units.ts";
import { sampleHistory } from "../../src/supervision/sampling/history.ts";
import type { Setting } from "../../src/supervision/setting.ts";
import type { Store } from "../../src/supervision/store.ts";
import { storeStage } from "../helpers/fault-store.ts";
import { recordingLog } from "../helpers/serving.ts";

const NOON = 1_800_000_000_000;

function stage(historyMb = 64) {
  const all = storeStage();
  all.clock.at = NOON;
  const store = all.open();
  const { log, logged } = recordingLog();
  const historyIn = (into: Store) =>
    sampleHistory({
      clock: all.clock,
      log,
      store: into,
      configuration: () => ({ history_mb: historyMb }),
    } as unknown as Setting);
  const dispose = () => all[Symbol.dispose]();
  return { ...all, store, logged, historyIn, [Symbol.dispose]: dispose };
}

/** Busy: every series has another value each time. */
function sample(at: number): SampleView {
  const values = SERIES.map((name, index) => [
    name,
    (((at / 1_000) * (index + 7)) % 1_000_003) | 0,
  ]);
  return Object.fromEntries(values) as SampleView;
}

const query = (span: "1h" | "1d" | "7d") => ({ scope: "agent" as const, id: "a", span });

describe("a history", () => {
  test("is read as it was written, also by the next daemon, and while a step is still open", () => {
    using here = stage();
    const history = here.historyIn(here.store);
    for (let second = 0; second < 600; second += 5) {
      history.add("a", NOON + second * SECOND_MS, sample(second));
      here.clock.at = NOON + second * SECOND_MS;
      if (second % 60 === 0) history.save();
    }
    const read = history.read(query("1h"));
    expect(read.times).toHaveLength(60);
    expect(read.times[0]).toBe(NOON / 1_000);
    expect(read.series.processes).toHaveLength(60);
    expect(read.series.processes.every((value) => value !== null)).toBe(true);
    expect(history.read(query("1d")).times).toHaveLength(10);
    expect(history.read(query("7d")).times).toHaveLength(1);
    history.end("a");
    history.save();
    expect(history.read(query("1h"))).toEqual(read);
    here.store.close();
    expect(here.historyIn(here.open()).read(query("1h"))).toEqual(read);
  });

  test("loses at most what was not saved when its daemon is killed", () => {
    using here = stage();
    const history = here.historyIn(here.store);
    for (let second = 0; second < 300; second += 10) {
      history.add("a", NOON + second * SECOND_MS, sample(second));
      if (second === 240) history.save();
    }
    here.clock.at = NOON + 300 * SECOND_MS;
    here.store.close();
    const next = here.historyIn(here.open());
    expect(next.read(query("1h")).times).toHaveLength(24);
    next.add("a", NOON + 310 * SECOND_MS, sample(310));
    next.end("a");
    next.save();
    expect(next.read(query("1h")).times).toHaveLength(25);
  });

  test("forgets each step when its span is over: an hour, a day, a week", () => {
    using here = stage();
    const history = here.historyIn(here.store);
    history.add("a", NOON, sample(1));
    history.end("a");
    history.save();
    const lengths = () =>
      (["1h", "1d", "7d"] as const).map((span) => history.read(query(span)).times.length);
    const left = () => here.store.trimChunks(new Map(), Number.MAX_SAFE_INTEGER);
    expect(lengths()).toEqual([1, 1, 1]);
    const sizes = [0, HOUR_MS + 20 * SECOND_MS, DAY_MS + HOUR_MS, 7 * DAY_MS + HOUR_MS].map(
      (ms) => {
        here.clock.at = NOON + ms;
        history.save();
        return { lengths: lengths(), isAnyLeft: left() > 0 };
      },
    );
    expect(sizes).toEqual([
      { lengths: [1, 1, 1], isAnyLeft: true },
      { lengths: [0, 1, 1], isAnyLeft: true },
      { lengths: [0, 0, 1], isAnyLeft: true },
      { lengths: [0, 0, 0], isAnyLeft: false },
    ]);
  });

  test("of crowds stays within its bytes, and so does the file: the oldest go first", () => {
    using here = stage(1);
    const history = here.historyIn(here.store);
    const before = statSync(here.path).size;
    // 400 agents one after another, each an hour busy: some 8 MiB without a bound.
    for (let agent = 0; agent < 400; agent += 1) {
      for (let second = 0; second < 3_600; second += 10) {
        history.add(`a${agent}`, NOON + (agent * 3_600 + second) * SECOND_MS, sample(second));
      }
      here.clock.at = NOON + agent * HOUR_MS;
      history.end(`a${agent}`);
      history.save();
      expect(here.store.trimChunks(new Map(), MIB)).toBeLessThanOrEqual(MIB);
    }
    here.store.checkpoint();
    expect(statSync(here.path).size - before).toBeLessThan(3 * MIB);
    const times = (id: string) => history.read({ scope: "agent", id, span: "7d" }).times.length;
    expect(times("a399")).toBeGreaterThan(0);
    expect(times("a0")).toBe(0);
  });

  test("of a full disk has a gap, and the daemon goes on", () => {
    using here = stage();
    const failing = {
      ...here.store,
      keepChunks: () => {
        throw new Error("no room");
      },
    };
    const history = here.historyIn(failing);
    history.add("a", NOON, sample(1));
    history.end("a");
    expect(() => history.save()).not.toThrow();
    expect(here.logged.map(({ event }) => event)).toContain("history.not_kept");
    expect(history.read(query("1h")).times).toEqual([]);
  });
});
