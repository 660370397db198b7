/** What the store forgets, on real SQLite: in pieces, never too early, and so that the file stays bounded (G10). */
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import type { Undone } from "../../src/ledger/ports.ts";
import { parseSearch } from "../../src/output/search-query.ts";
import { forgetOld } from "../../src/supervision/forget.ts";
import type { Place } from "../../src/supervision/forgetting.ts";
import type { Setting } from "../../src/supervision/setting.ts";
import type { Store } from "../../src/supervision/store.ts";
import { newAgent, settlement, storeStage, task, type StoreStage } from "../helpers/fault-store.ts";

const MIB = 1_048_576;
const GONE: Undone = { gone: true, seen: "absent" };
const OLD = 1_000_000;

/** A store with one task. */
function stage(limits = {}) {
  const all = storeStage();
  const store = all.open();
  store.addTask(task("T1", limits));
  return { ...all, store, [Symbol.dispose]: () => all[Symbol.dispose]() };
}

/** An agent that has settled; its rows are released when `undone` says so. */
function past(store: Store, id: string, undone: Undone | null = GONE): void {
  store.admitAgent(newAgent(id));
  store.settle(id, settlement({ endedAt: 2_000 }));
  if (undone === null) return;
  const rows = store.resourcesOf(id);
  store.beginRelease(rows.map((row) => row.id));
  store.recordReleases(rows.map((resource) => ({ resource, error: null, undone })));
}

function forgetAll(store: Store, most: number, before = OLD): number {
  let pieces = 0;
  let place: Place | null = null;
  do {
    place = store.forgetRecords(before, place, most).next;
    pieces += 1;
  } while (place !== null && pieces < 10_000);
  return pieces;
}

/** The parts of a setting that forgetting works with. */
function settingOf(here: StoreStage & { readonly store: Store }, over: object): Setting {
  return {
    store: here.store,
    clock: here.clock,
    timers: {
      after: (_: number, callback: () => void) => {
        setImmediate(callback);
        return () => undefined;
      },
    },
    configuration: () => ({
      record_retention_ms: 0,
      outcomes_kept: 1_000_000,
      events_kept: 1_000_000,
      ...over,
    }),
    files: { identityOf: (path: string) => (path === "/workspaces/there" ? "1:1" : null) },
    log: { warn: () => undefined },
  } as unknown as Setting;
}

describe("the record of an agent", () => {
  test("goes when it is old, and its outcome stays", () => {
    using here = stage();
    const { store } = here;
    past(store, "a");
    store.addProgress(
      { agentId: "a", status: "working", message: "m", progress: 5, at: 5, validation: null },
      "T1",
    );
    const finding = {
      agentId: "a",
      findingType: "issue",
      severity: "low",
      message: "needle",
    } as const;
    store.addFinding({ ...finding, details: null, at: 6 }, "T1");
    const wanted = { terms: parseSearch("needle"), kinds: ["finding"], limit: 9 } as const;
    expect(store.search(wanted)).toHaveLength(1);
    const before = store.agent("a")!;
    forgetAll(store, 100);
    expect(store.agent("a")).toEqual({
      ...before,
      forgottenAt: here.clock.at,
      reported: null,
      warnings: [],
    });
    expect(store.resourcesOf("a")).toEqual([]);
    expect(store.progress("T1", 9)).toEqual([]);
    expect(store.findings("T1", 9)).toEqual([]);
    expect(store.search(wanted)).toEqual([]);
  });

  test("stays while it is young, unsettled, held, or has a log that is kept", () => {
    using here = stage();
    const { store } = here;
    past(store, "held", null);
    past(store, "kept", { gone: false, seen: "kept", retainUntil: 9_999 });
    store.admitAgent(newAgent("live"));
    past(store, "young");
    forgetAll(store, 1, 1_999);
    for (const id of ["held", "kept", "live", "young"]) {
      expect(store.agent(id)?.forgottenAt, id).toBeNull();
    }
    forgetAll(store, 1);
    expect(store.agent("young")?.forgottenAt).not.toBeNull();
    for (const id of ["held", "kept", "live"]) expect(store.agent(id)?.forgottenAt, id).toBeNull();
    expect(store.unfinishedAgents().map(({ id }) => id)).toEqual(["held", "live"]);
  });

  test("of thousands of reports goes in small pieces, and each piece stays small", () => {
    using here = stage();
    const { store } = here;
    past(store, "a");
    past(store, "b");
    store.atomically(() => {
      for (let seq = 0; seq < 300; seq += 1) {
        const report = { status: "working", message: `m${seq}`, progress: 1, at: seq };
        store.addProgress({ agentId: "a", ...report, validation: null }, "T1");
      }
    });
    const { rows, next } = store.forgetRecords(OLD, null, 50);
    expect(rows).toBe(50);
    expect(next).not.toBeNull();
    expect(store.agent("a")?.forgottenAt).toBeNull();
    expect(forgetAll(store, 50)).toBeGreaterThan(4);
    expect([store.agent("a"), store.agent("b")].map((one) => one?.forgottenAt !== null)).toEqual([
      true,
      true,
    ]);
    expect(store.progress("T1", 9)).toEqual([]);
  });
});

test("outcomes beyond their number go, oldest first, and still count against the limit", () => {
  using here = stage({ total: 5 });
  const { store } = here;
  for (const id of ["a", "b", "c", "d"]) past(store, id);
  forgetAll(store, 100);
  expect(store.dropOutcomes(1, 2)).toBe(2);
  expect(store.dropOutcomes(1, 2)).toBe(1);
  expect(store.dropOutcomes(1, 2)).toBe(0);
  expect([store.agent("a"), store.agent("c"), store.agent("d")?.status]).toEqual([
    null,
    null,
    "completed",
  ]);
  expect(store.taskCounts("T1")).toMatchObject({ forgotten: 3, byStatus: { completed: 1 } });
  expect(store.admitAgent(newAgent("e")).isNew).toBe(true);
  expect(() => store.admitAgent(newAgent("f"))).toThrow(/5/);
});

test("events beyond their number go, oldest first, and numbers are never used again", () => {
  using here = stage();
  const { store } = here;
  for (let n = 0; n < 30; n += 1) store.addEvent({ kind: "alert", facts: { n } });
  const last = store.lastEventSeq();
  expect(store.dropEvents(10, 5)).toBe(5);
  while (store.dropEvents(10, 5) > 0);
  expect(store.eventsAfter(0, 99).map(({ seq }) => seq)).toEqual(
    Array.from({ length: 10 }, (_, index) => last - 9 + index),
  );
  store.addEvent({ kind: "alert" });
  expect(store.lastEventSeq()).toBe(last + 1);
});

test("a closed task loses what it was told, and goes when its agents and its workspace are gone", async () => {
  using here = stage();
  const { store } = here;
  const close = { status: "completed", reason: "done", at: 3_000 } as const;
  const context = { ...task().context, background: "x".repeat(5_000) };
  store.addTask({ ...task("there"), workspace: "/workspaces/there", context });
  store.addTask({ ...task("gone"), context });
  store.addTask({ ...task("open"), context });
  past(store, "a");
  store.intend("gone", [{ kind: "task_workspace", locator: "/workspaces/gone" }]);
  for (const id of ["T1", "there", "gone"]) store.closeTask(id, close, 0);
  here.clock.at = 2_000;
  await forgetOld(settingOf(here, {}), () => false);
  expect(store.task("gone")).not.toBeNull(); // closed after that time
  here.clock.at = 9_000;
  const forgotten = await forgetOld(settingOf(here, { record_retention_ms: 1 }), () => false);
  expect(forgotten).toMatchObject({ tasks: 1 });
  expect(store.task("gone")).toBeNull();
  expect(store.resourcesOf("gone")).toEqual([]);
  expect(store.task("there")).toMatchObject({ status: "completed", context: { background: null } });
  expect(store.task("open")?.context.background).toHaveLength(5_000);
  expect(store.task("T1")).toMatchObject({ status: "completed" }); // its agent's outcome is kept
});

test("a walk that is stopped goes on where it was, the next time", async () => {
  using here = stage();
  for (const id of ["a", "b", "c"]) past(here.store, id);
  here.clock.at = 9_000;
  let asked = 0;
  await forgetOld(settingOf(here, {}), () => (asked += 1) > 0);
  expect(here.store.agent("a")?.forgottenAt).toBeNull();
  await forgetOld(settingOf(here, {}), () => false);
  expect(here.store.agent("c")?.forgottenAt).toBe(9_000);
});

test("a file that was made before can shrink from the next opening on", () => {
  using here = storeStage();
  const old = new DatabaseSync(here.path);
  old.exec("PRAGMA auto_vacuum = NONE; CREATE TABLE filler (x TEXT)");
  old.exec("DROP TABLE filler");
  old.close();
  here.open().close();
  const after = new DatabaseSync(here.path);
  expect(after.prepare("PRAGMA auto_vacuum").get()).toEqual({ auto_vacuum: 2 });
  after.close();
});

test(
  "100 000 old agents: the file shrinks to what its settings keep, and stays whole",
  { timeout: 300_000 },
  async () => {
    using here = stage({ total: 1_000_000 });
    here.store.close();
    fill(here.path, 100_000);
    const full = statSync(here.path).size;
    const store = here.open();
    expect(store.unfinishedAgents()).toEqual([]);
    here.clock.at = OLD;
    const setting = settingOf({ ...here, store }, { outcomes_kept: 1_000, events_kept: 1_000 });
    const forgotten = await forgetOld(setting, () => false);
    expect(forgotten).toMatchObject({ outcomes: 99_000, tasks: 0 });
    expect(store.agent("a1")).toBeNull();
    expect(store.agent("a100000")).toMatchObject({ status: "completed", exitCode: 0 });
    expect(store.taskCounts("T1")).toMatchObject({
      forgotten: 99_000,
      byStatus: { completed: 1_000 },
    });
    store.close();
    expect(full).toBeGreaterThan(60 * MIB);
    expect(statSync(here.path).size).toBeLessThan(8 * MIB);
    const database = new DatabaseSync(here.path);
    expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    expect(database.prepare("SELECT count(*) AS n FROM search_rows").get()).toEqual({ n: 0 });
    database.close();
  },
);

/** Past agents as they are after their release, each with three rows and a report. */
function fill(path: string, count: number): void {
  const database = new DatabaseSync(path);
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  const directory = "'/home/somebody/.local/state/corral/agents/a' || i";
  database.exec(`PRAGMA synchronous = OFF; BEGIN;
    ${numbers} INSERT INTO agents (id, task_id, type, harness, permission, parent, depth, slot, status, host,
      session, containment, directory, cwd, created_at, started_at, ended_at, wall_until, exit_code, reason)
    SELECT 'a' || i, 'T1', 'builder', 'claude', 'skip', 'orchestrator', 1, i, 'completed', 'tmux', 'agent_a' || i,
      'cgroup2+watermark', ${directory}, '/home/somebody/project', i, i, i, i, 0, 'Exit code 0.' FROM n;
    ${numbers}, k (kind) AS (VALUES ('process_set'), ('stream_log'), ('token'))
    INSERT INTO resources (owner, kind, locator, retain, state, seen, created_at, changed_at)
    SELECT 'a' || i, kind, ${directory} || '/' || kind, 0, 'released', 'no such file', i, i FROM n, k;
    ${numbers} INSERT INTO progress (task_id, agent_id, status, message, progress, at)
    SELECT 'T1', 'a' || i, 'working', 'changed two functions', 50, i FROM n;
    COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
}
