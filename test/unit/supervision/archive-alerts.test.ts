/** What is told of agents that cannot be archived: on a real store, and over real files. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileStreams } from "../../../src/adapters/output/streams.ts";
import { Fault } from "../../../src/kernel/fault.ts";
import { MIB, SECOND_MS } from "../../../src/kernel/units.ts";
import {
  type AlertState,
  type Condition,
  judgeAlerts,
} from "../../../src/supervision/alerts/judge.ts";
import { archiveAlerts, FAILURES_TOLD } from "../../../src/supervision/archive-alerts.ts";
import { archives } from "../../../src/supervision/archives.ts";
import type { Undos } from "../../../src/ledger/ports.ts";
import type { StreamLooks } from "../../../src/supervision/stream-looks.ts";
import type { Setting } from "../../../src/supervision/setting.ts";
import { newAgent, settlement, storeStage, task } from "../../helpers/fault-store.ts";

const UNTIL = 10_000_000_000_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Setting["log"];
const taken = new Fault("ARCHIVE_EXISTS", '"/archive/a.tar" is there already.', {
  hint: "Move that file away; it is tried again by itself.",
});
const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });

/** A settled agent whose stream waits to be archived. */
function stage() {
  const here = storeStage();
  const store = here.open();
  const directory = join(dirname(here.path), "agents", "a");
  store.addTask(task("T1"));
  store.admitAgent(newAgent("a", { taskId: "T1", directory }));
  store.settle("a", settlement());
  const stream = { kind: "stream_log" as const, locator: join(directory, "stream.jsonl") };
  const [row] = store.keepUntil("a", [stream], UNTIL, "kept");
  const alertsOf = () =>
    archiveAlerts({
      store,
      streams: { archiveOf: (id) => `/archive/${id}.tar` } as Setting["streams"],
    });
  return {
    ...here,
    store,
    directory,
    row: row!,
    agent: store.agent("a")!,
    alertsOf,
    [Symbol.dispose]: () => here[Symbol.dispose](),
  };
}

const times = (count: number, work: () => void) => {
  for (let turn = 0; turn < count; turn += 1) work();
};

/** What would be told, as the watch over alerts judges it: raised and cleared, in this order. */
function judging() {
  let states: ReadonlyMap<string, AlertState> = new Map();
  const told: string[] = [];
  return {
    told,
    look(conditions: readonly Condition[]): void {
      const judged = judgeAlerts(states, conditions, 1);
      ({ states } = judged);
      told.push(...judged.raised.map(({ condition: { key } }) => `raised ${key}`));
      told.push(...judged.cleared.map(({ condition: { key } }) => `cleared ${key}`));
    },
  };
}

describe("an archive that cannot be made", () => {
  test("is told once, when it has failed several times in a row, and taken back once", () => {
    using here = stage();
    const alerts = here.alertsOf();
    const { look, told } = judging();
    times(FAILURES_TOLD - 1, () => alerts.failed(here.agent, taken));
    look(alerts.conditions());
    alerts.worked("a");
    times(FAILURES_TOLD - 1, () => alerts.failed(here.agent, taken));
    look(alerts.conditions());
    expect(told).toEqual([]);
    times(4, () => {
      alerts.failed(here.agent, taken);
      look(alerts.conditions());
    });
    expect(told).toEqual(["raised archive_failed:a"]);
    const [condition] = alerts.conditions();
    expect(condition).toMatchObject({
      rule: "archive_failed",
      subject: { kind: "agent", id: "a" },
    });
    expect(condition!.evidence).toContain(here.directory);
    expect(condition!.evidence).toContain('"/archive/a.tar" is there already.');
    expect(condition!.nextStep).toContain("Move that file away");
  });

  test("says what the system said when that is no fault of ours", () => {
    using here = stage();
    const alerts = here.alertsOf();
    alerts.failed(here.agent, new Error("EACCES: permission denied"));
    expect(alerts.conditions()[0]!.evidence).toContain("EACCES: permission denied");
  });

  test("is not told when the disk is full: the disk's own alert says it for all", () => {
    using here = stage();
    const alerts = here.alertsOf();
    times(FAILURES_TOLD * 2, () => alerts.failed(here.agent, full));
    expect(alerts.conditions()).toEqual([]);
  });

  test("stands over a new daemon until its turn comes again, or nothing is left to archive", () => {
    using here = stage();
    const first = here.alertsOf();
    times(FAILURES_TOLD, () => first.failed(here.agent, taken));
    const { clearMs: _, holdMs: __, holds: ___, ...condition } = first.conditions()[0]!;
    here.store.raiseAlert({ ...condition, since: 1, raisedAt: 1 });
    const next = here.alertsOf();
    expect(next.conditions()).toMatchObject([{ holds: "between", evidence: condition.evidence }]);
    times(FAILURES_TOLD, () => next.failed(here.agent, taken));
    expect(next.conditions()).toMatchObject([{ key: "archive_failed:a", holds: "yes" }]);
    here.store.recordReleases([
      { resource: here.row, error: null, undone: { gone: true, seen: "no such file" } },
    ]);
    for (const alerts of [next, here.alertsOf()]) {
      expect(alerts.conditions()).toMatchObject([{ key: "archive_failed:a", holds: "no" }]);
    }
  });
});

test("a file in an archive's place is told of after some tries, and taken back when it has been moved away", async () => {
  using here = stage();
  const root = dirname(here.path);
  const places = { agents: join(root, "agents"), archives: join(root, "archive") };
  mkdirSync(here.directory, { recursive: true });
  mkdirSync(places.archives);
  writeFileSync(join(here.directory, "stream.jsonl"), "one line\n");
  const streams = fileStreams(places);
  const target = streams.archiveOf("a");
  writeFileSync(target, "somebody else's");
  const setting = {
    clock: here.clock,
    log: quiet,
    store: here.store,
    streams,
    version: "test",
    configuration: () => ({ segment_bytes: MIB, archive_after_ms: 0 }),
    files: { sizeOf: () => null },
  } as unknown as Setting;
  const { look, told } = judging();
  const { compressIdle, conditions } = archives(
    setting,
    ...([{}, {}] as unknown as [Undos, StreamLooks]),
  );
  for (let turn = 0; turn <= FAILURES_TOLD; turn += 1) {
    expect(await compressIdle()).toBe(0);
    // At once it is left alone.
    expect(await compressIdle()).toBe(0);
    look(conditions());
    expect(told).toHaveLength(turn + 1 < FAILURES_TOLD ? 0 : 1);
    here.clock.at += 60 * SECOND_MS;
  }
  const { holdMs: _, clearMs: __, holds: ___, ...standing } = conditions()[0]!;
  here.store.raiseAlert({ ...standing, since: 1, raisedAt: 1 });
  rmSync(target);
  expect(await compressIdle()).toBe(1);
  look(conditions());
  expect(told).toEqual(["raised archive_failed:a", "cleared archive_failed:a"]);
});
