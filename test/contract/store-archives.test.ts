/** What the `Store` port promises about archives, on real SQLite, also with very many of them. */
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openStoreToRead } from "../../src/adapters/sqlite/store-to-read.ts";
import { machineClock } from "../../src/adapters/time/machine-time.ts";
import type { Store } from "../../src/supervision/store.ts";
import { newAgent, settlement, storeStage, task } from "../helpers/fault-store.ts";

const UNTIL = 10_000_000_000_000;

function stage() {
  const all = storeStage();
  const store = all.open();
  for (const id of ["T1", "T2"]) store.addTask(task(id));
  return { ...all, store, [Symbol.dispose]: () => all[Symbol.dispose]() };
}

/** An agent that has ended and has an archive of so many bytes. @returns the archive's row. */
function archived(store: Store, id: string, taskId: string, bytes: number) {
  store.admitAgent(newAgent(id, { taskId }));
  store.settle(id, settlement());
  const [row] = store.keepUntil(
    id,
    [{ kind: "archive", locator: `/a/${id}.tar` }],
    UNTIL,
    "being made",
  );
  store.describeKept(row!.id, { bytes, outputBytes: bytes * 5, at: 1 }, "made");
  return row!;
}

const ids = (store: Store, filter: Partial<Parameters<Store["keptArchives"]>[0]> = {}) =>
  store.keptArchives({ max: 99, ...filter }).map(({ agentId }) => agentId);

describe("a row that is kept", () => {
  test("makes nobody unclean, and is none until its thing is made", () => {
    using here = stage();
    const { store } = here;
    store.admitAgent(newAgent("a"));
    const held = store.countHeld();
    const [row] = store.keepUntil(
      "a",
      [{ kind: "archive", locator: "/a.tar" }],
      UNTIL,
      "being made",
    );
    expect(row).toMatchObject({
      state: "retained",
      retainUntil: UNTIL,
      seen: "being made",
      retain: true,
    });
    expect(store.countHeld()).toBe(held);
    expect(ids(store)).toEqual([]);
    expect(store.countArchives({})).toEqual({ count: 0, bytes: 0 });
    store.describeKept(row!.id, { bytes: 7, outputBytes: 9, at: 1 }, "made");
    expect(ids(store)).toEqual(["a"]);
  });

  test("written down again is the same row, with the date that it had", () => {
    using here = stage();
    const row = archived(here.store, "a", "T1", 7);
    const [again] = here.store.keepUntil(
      "a",
      [{ kind: "archive", locator: row.locator }],
      5,
      "again",
    );
    expect(again).toMatchObject({ id: row.id, retainUntil: UNTIL, seen: "made" });
  });

  test("is due as soon as its time is ended", () => {
    using here = stage();
    const row = archived(here.store, "a", "T1", 7);
    expect(here.store.expiredResources(UNTIL - 1)).toEqual([]);
    here.store.expire(row.id, 5);
    expect(here.store.expiredResources(5).map(({ id }) => id)).toEqual([row.id]);
  });
});

describe("archives", () => {
  test("are listed by task, by time and in pages, the oldest or the newest first", () => {
    using here = stage();
    const { store } = here;
    for (const [id, taskId] of [
      ["a", "T1"],
      ["b", "T2"],
      ["c", "T1"],
      ["d", "T1"],
    ] as const)
      archived(store, id, taskId, 10);
    expect(ids(store)).toEqual(["a", "b", "c", "d"]);
    expect(ids(store, { newestFirst: true, max: 2 })).toEqual(["d", "c"]);
    expect(ids(store, { taskId: "T1" })).toEqual(["a", "c", "d"]);
    const [first] = store.keptArchives({ max: 1 });
    expect(ids(store, { after: first!.resource, max: 2 })).toEqual(["b", "c"]);
    expect(ids(store, { madeBefore: first!.resource.changedAt - 1 })).toEqual([]);
    expect(store.countArchives({})).toEqual({ count: 4, bytes: 40 });
    expect(store.countArchives({ taskId: "T2" })).toEqual({ count: 1, bytes: 10 });
  });

  test("are read beside their owner as the owner reads them, and nothing else can be done so", () => {
    using here = stage();
    const { store } = here;
    for (const id of ["a", "b"]) archived(store, id, "T1", 10);
    const reader = openStoreToRead(here.path, machineClock);
    archived(store, "c", "T2", 7);
    for (const filter of [{ max: 9 }, { max: 9, taskId: "T2" }]) {
      expect(reader.keptArchives(filter)).toEqual(store.keptArchives(filter));
    }
    expect(reader.countArchives({})).toEqual(store.countArchives({}));
    expect(reader.agent("a")).toEqual(store.agent("a"));
    expect(reader.resourcesOf("a")).toEqual(store.resourcesOf("a"));
    expect(reader.world.salt).toBe(store.world.salt);
    reader.close();
  });

  test("of a database that lacks what is asked for are a fault that says so", () => {
    using here = stage();
    here.store.close();
    const old = new DatabaseSync(here.path);
    old.exec("DROP TABLE secrets; PRAGMA user_version = 1");
    old.close();
    const reader = openStoreToRead(here.path, machineClock);
    expect(() => reader.secrets()).toThrow(/cannot be read/);
    reader.close();
  });

  test("take their place until their absence was seen, and what was seen is told once, with it", () => {
    using here = stage();
    const { store } = here;
    const row = archived(store, "a", "T1", 10);
    archived(store, "b", "T2", 5);
    store.beginRelease([row.id]);
    expect(Object.fromEntries(store.archiveBytesByTask())).toEqual({ T1: 10, T2: 5 });
    expect(ids(store)).toEqual(["b"]);
    const tell = {
      kind: "archive.deleted" as const,
      taskId: "T1",
      agentId: "a",
      facts: { bytes: 10 },
    };
    const outcome = {
      resource: row,
      error: null,
      undone: { gone: true as const, seen: "gone", tell },
    };
    // The loop and a sweep may come to it at once.
    store.recordReleases([outcome]);
    store.recordReleases([outcome]);
    const told = store.eventsAfter(0, 99).filter(({ kind }) => kind === "archive.deleted");
    expect(told).toMatchObject([{ agent_id: "a", facts: { bytes: 10 } }]);
    expect(Object.fromEntries(store.archiveBytesByTask())).toEqual({ T2: 5 });
  });

  test("are found by their index, however many rows there are", () => {
    using here = stage();
    archived(here.store, "a", "T1", 10);
    const database = new DatabaseSync(here.path, { readOnly: true });
    const plan = (sql: string) =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => String(detail))
        .join("; ");
    expect(
      plan(
        "SELECT * FROM resources r JOIN agents a ON a.id = r.owner WHERE r.state = 'retained' AND r.kind = 'archive' AND (r.changed_at, r.id) > (1, 2) ORDER BY r.changed_at, r.id LIMIT 9",
      ),
    ).toMatch(/SEARCH r USING INDEX resources_kept \(kind=\? AND .*changed_at/);
    expect(
      plan(
        "SELECT * FROM resources WHERE state = 'retained' AND kind = 'stream_log' AND changed_at <= 5 ORDER BY changed_at, id LIMIT 8",
      ),
    ).toMatch(/^SEARCH resources USING INDEX resources_kept/);
    database.close();
  });
});
