/** What is told of agents that cannot be archived: on a real store, and over real files. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileStreams } from "../../../src/adapters/output/streams.ts";
import { Fault } from "../../../src/kernel/fault.ts";
import { MIB, SECOND_MS } from "../../../src/kernel/units.ts";
import { archiveAlerts, FAILURES_TOLD } from "../../../src/supervision/archive-alerts.ts";
import { archives } from "../../../src/supervision/archives.ts";
import type { Undos } from "../../../src/ledger/ports.ts";
import type { StreamLooks } from "../../../src/supervision/stream-looks.ts";
import type { Setting } from "../../../src/supervision/setting.ts";
import type { Store } from "../../../src/supervision/store.ts";
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
  const alertsOf = (of: Store = store) =>
    archiveAlerts({
      clock: here.clock,
      log: quiet,
      store: of,
      streams: { archiveOf: (id) => `/archive/${id}.tar` } as Setting["streams"],
    });
  const told = () => store.latestEvents(99, ["alert"]).map(({ facts }) => facts);
  return {
    ...here,
    store,
    directory,
    row: row!,
    agent: store.agent("a")!,
    alertsOf,
    told,
    [Symbol.dispose]: () => here[Symbol.dispose](),
  };
}

const times = (count: number, work: () => void) => {
  for (let turn = 0; turn < count; turn += 1) work();
};

describe("an archive that cannot be made", () => {
  test("is told once, when it has failed several times in a row, and taken back once", () => {
    using here = stage();
    const alerts = here.alertsOf();
    times(FAILURES_TOLD - 1, () => alerts.failed(here.agent, taken));
    alerts.worked(here.agent);
    times(FAILURES_TOLD - 1, () => alerts.failed(here.agent, taken));
    expect(here.told()).toEqual([]);
    times(5, () => alerts.failed(here.agent, taken));
    expect(here.told()).toMatchObject([
      {
        alert: "archive",
        level: "failing",
        severity: "high",
        code: "ARCHIVE_EXISTS",
        failures: FAILURES_TOLD,
        since: "1970-01-01T00:00:01.000Z",
        directory: here.directory,
        archive: "/archive/a.tar",
        message: expect.stringContaining("is there already"),
        next_step: expect.stringContaining("Move that file away"),
      },
    ]);
    times(3, () => alerts.worked(here.agent));
    expect(here.told().map(({ level }) => level)).toEqual(["failing", "fine"]);
    expect(here.store.latestEvents(1)[0]).toMatchObject({ agent_id: "a", task_id: "T1" });
  });

  test("says what the system said when that is no fault of ours", () => {
    using here = stage();
    const alerts = here.alertsOf();
    times(FAILURES_TOLD, () => alerts.failed(here.agent, new Error("EACCES: permission denied")));
    expect(here.told()[0]!["message"]).toContain("EACCES: permission denied");
  });

  test("is not told when the disk is full: the disk's own alert says it for all", () => {
    using here = stage();
    const alerts = here.alertsOf();
    times(FAILURES_TOLD * 2, () => alerts.failed(here.agent, full));
    expect(here.told()).toEqual([]);
  });

  test("is taken back by the next daemon, which tells of it no second time", () => {
    using here = stage();
    const first = here.alertsOf();
    times(FAILURES_TOLD, () => first.failed(here.agent, taken));
    const next = here.alertsOf();
    times(FAILURES_TOLD, () => next.failed(here.agent, taken));
    expect(here.told()).toHaveLength(1);
    next.worked(here.agent);
    expect(here.told().map(({ level }) => level)).toEqual(["failing", "fine"]);
    const last = here.alertsOf();
    last.worked(here.agent);
    expect(here.told()).toHaveLength(2);
  });

  test("is taken back when nothing waits to be archived any more", () => {
    using here = stage();
    const alerts = here.alertsOf();
    times(FAILURES_TOLD, () => alerts.failed(here.agent, taken));
    alerts.forgetGone();
    expect(here.told()).toHaveLength(1);
    here.store.recordReleases([
      { resource: here.row, error: null, undone: { gone: true, seen: "no such file" } },
    ]);
    times(2, () => alerts.forgetGone());
    expect(here.told().map(({ level }) => level)).toEqual(["failing", "fine"]);
  });

  test("is told at the next failure when it could not be written down", () => {
    using here = stage();
    let isFull = true;
    const filling = {
      ...here.store,
      addEvent: (event: Parameters<Store["addEvent"]>[0]) => {
        if (isFull) throw full;
        here.store.addEvent(event);
      },
    };
    const alerts = here.alertsOf(filling);
    times(FAILURES_TOLD, () => alerts.failed(here.agent, taken));
    expect(here.told()).toEqual([]);
    isFull = false;
    alerts.failed(here.agent, taken);
    expect(here.told()).toHaveLength(1);
    isFull = true;
    alerts.worked(here.agent);
    isFull = false;
    alerts.worked(here.agent);
    expect(here.told()).toHaveLength(2);
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
  const { compressIdle } = archives(setting, ...([{}, {}] as unknown as [Undos, StreamLooks]));
  for (let turn = 0; turn <= FAILURES_TOLD; turn += 1) {
    expect(await compressIdle()).toBe(0);
    // At once it is left alone.
    expect(await compressIdle()).toBe(0);
    here.clock.at += 60 * SECOND_MS;
  }
  expect(here.told()).toMatchObject([{ level: "failing", failures: FAILURES_TOLD }]);
  rmSync(target);
  expect(await compressIdle()).toBe(1);
  expect(here.told().map(({ level }) => level)).toEqual(["failing", "fine"]);
});
