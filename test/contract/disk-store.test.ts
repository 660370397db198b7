/** What the store keeps of the disk: sums that are right whoever changes what, and what is due for a look. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ballast } from "../../src/adapters/disk/ballast.ts";
import { openStore } from "../../src/adapters/sqlite/store.ts";
import { storeOfEnds, withRoom } from "../../src/supervision/with-room.ts";
import type { DiskUse, Store } from "../../src/supervision/store.ts";
import { canMount, mountSmallDisk } from "../helpers/small-disk.ts";
import { newAgent, settlement, storeStage, stopRecord, task } from "../helpers/fault-store.ts";

function stage(limits = {}) {
  const all = storeStage();
  const store = all.open();
  store.addTask(task("T1", limits));
  store.addTask(task("T2"));
  return { ...all, store, [Symbol.dispose]: () => all[Symbol.dispose]() };
}

const use = (agentId: string, diskBytes: number, over: Partial<DiskUse> = {}): DiskUse => ({
  agentId,
  diskBytes,
  outputBytes: 1,
  isFinal: false,
  ...over,
});

/** Settled, with every row given back. */
function ended(store: Store, id: string): void {
  store.settle(id, settlement());
  const rows = store.resourcesOf(id);
  store.recordReleases(
    rows.map((resource) => ({ resource, error: null, undone: { gone: true, seen: "absent" } })),
  );
}

const due = (store: Store) => store.diskDue(9).map(({ id }) => id);

describe("sums", () => {
  test("follow every look, by task and in all, and outlive the daemon", () => {
    using here = stage();
    for (const id of ["a", "b"]) here.store.admitAgent(newAgent(id));
    here.store.admitAgent(newAgent("c", { taskId: "T2" }));
    expect(here.store.diskUse("T1")).toBe(0);
    here.store.recordDiskUse([use("a", 100), use("b", 20), use("c", 3)]);
    here.store.recordDiskUse([use("a", 50)]);
    expect(["T1", "T2", undefined].map((id) => here.store.diskUse(id))).toEqual([70, 3, 73]);
    expect(here.store.agent("a")).toMatchObject({ diskBytes: 50, outputBytes: 1 });
    here.store.close();
    const next = here.open();
    expect(next.diskUse("T1")).toBe(70);
  });

  test("follow rows that somebody deletes", () => {
    using here = stage();
    for (const id of ["a", "b"]) here.store.admitAgent(newAgent(id));
    here.store.recordDiskUse([use("a", 100), use("b", 20)]);
    using database = new DatabaseSync(here.path);
    database.exec("DELETE FROM agents WHERE id = 'a'");
    expect(here.store.diskUse("T1")).toBe(20);
    database.exec("DELETE FROM agents; DELETE FROM tasks");
    expect(here.store.diskUse()).toBe(0);
  });

  test("are the sums of the agents after any history", () => {
    using here = stage();
    const ids = ["a", "b", "c"];
    for (const id of ids) here.store.admitAgent(newAgent(id));
    const anyUses = fc.array(fc.tuple(fc.constantFrom(...ids), fc.nat(1_000)));
    fc.assert(
      fc.property(anyUses, (uses) => {
        here.store.recordDiskUse(uses.map(([id, bytes]) => use(id, bytes)));
        const sum = ids.reduce((all, id) => all + (here.store.agent(id)?.diskBytes ?? 0), 0);
        expect(here.store.diskUse("T1")).toBe(sum);
        expect(here.store.diskUse()).toBe(sum);
      }),
      { numRuns: 50 },
    );
  });
});

describe("an agent is due for a look", () => {
  test("once it has ended, until it was looked at", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    here.store.recordDiskUse([use("a", 5)]);
    expect(due(here.store)).toEqual([]);
    here.store.settle("a", settlement());
    expect(due(here.store)).toEqual(["a"]);
    here.store.recordDiskUse([use("a", 4, { isFinal: true })]);
    expect(due(here.store)).toEqual([]);
  });

  test("again when the ledger gives back or keeps something of it", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    here.store.settle("a", settlement());
    here.store.recordDiskUse([use("a", 4, { isFinal: true })]);
    ended(here.store, "a");
    expect(due(here.store)).toEqual(["a"]);
  });
});

test("live agents are told with their caps, their task's use and its cap", () => {
  using here = stage({ disk: 500 });
  here.store.admitAgent(newAgent("a", { outputLimit: 7, diskLimit: 8 }));
  here.store.admitAgent(newAgent("b", { taskId: "T2" }));
  here.store.admitAgent(newAgent("c"));
  here.store.recordDiskUse([use("a", 5), use("c", 6)]);
  here.store.recordStop("b", stopRecord());
  here.store.settle("c", settlement());
  const common = { outputBytes: 1, diskBytes: 5, outputLimit: 7, diskLimit: 8 };
  expect(here.store.liveDisks()).toMatchObject([
    { id: "a", ...common, isStopping: false, taskBytes: 11, taskLimit: 500 },
    { id: "b", outputLimit: null, isStopping: true, taskBytes: 0, taskLimit: null },
  ]);
});

test("the list of live agents is worked out once as long as nothing is written, and never of what came to nothing", () => {
  using here = stage();
  here.store.admitAgent(newAgent("a"));
  const { liveDisks, unfinishedAgents } = here.store;
  const [before, unfinished] = [liveDisks(), unfinishedAgents()];
  expect(liveDisks()).toBe(before);
  expect(unfinishedAgents()).toBe(unfinished);
  const ids = (): string[] => liveDisks().map(({ id }) => id);
  const undone = (): void =>
    here.store.atomically(() => {
      here.store.settle("a", settlement());
      expect(ids()).toEqual([]);
      throw new Error("undone");
    });
  expect(undone).toThrow("undone");
  expect(ids()).toEqual(["a"]);
  here.store.settle("a", settlement());
  expect(ids()).toEqual([]);
});

test("a task whose files have reached its cap gets no agent, and one of before caps does", () => {
  using here = stage({ disk: 100 });
  here.store.admitAgent(newAgent("a"));
  here.store.admitAgent(newAgent("b", { taskId: "T2" }));
  here.store.recordDiskUse([use("a", 100), use("b", 1e12)]);
  expect(() => here.store.admitAgent(newAgent("c"))).toThrow(
    expect.objectContaining({ code: "LIMIT_REACHED" }),
  );
  expect(here.store.agent("c")).toBe(null);
  expect(here.store.admitAgent(newAgent("d", { taskId: "T2" })).isNew).toBe(true);
});

describe("room inside the database", () => {
  const SIZE = 512 * 1_024;

  function freeBytes(path: string): number {
    using database = new DatabaseSync(path);
    const count = Number(database.prepare("PRAGMA freelist_count").get()?.["freelist_count"]);
    return count * Number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
  }

  test("is free pages that are on the disk, and asked for again changes nothing", () => {
    using here = stage();
    here.store.keepRoom(SIZE);
    const free = freeBytes(here.path);
    expect(free).toBeGreaterThanOrEqual(SIZE);
    const { blocks, size } = statSync(here.path);
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
    here.store.keepRoom(SIZE);
    expect(freeBytes(here.path)).toBe(free);
  });

  test.skipIf(!canMount())(
    "takes the ends of many agents on a full disk that gives nothing",
    () => {
      using here = stage();
      const folder = dirname(here.path);
      const place = join(folder, "disk");
      using disk = mountSmallDisk(place, 8);
      const path = join(place, "corral.db");
      const store = openStore(path, here.clock, { hex: () => "00000001" });
      store.addTask(task("T1", { running: 500, total: 500 }));
      const ids = Array.from({ length: 200 }, (_, nth) => `a${nth}`);
      for (const id of ids) store.admitAgent(newAgent(id));
      // A log that has grown is room by itself: this one begins anew.
      const beside = new DatabaseSync(path);
      beside.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      beside.close();
      store.keepRoom(SIZE);
      disk.fill();
      const ends = storeOfEnds(store, { spend: () => false });
      for (const id of ids) {
        ends.atomically(() => {
          ends.recordStop(id, stopRecord());
          ends.settle(id, settlement());
        });
        const rows = ends.resourcesOf(id);
        ends.beginRelease(rows.map((row) => row.id));
        ended(ends, id);
      }
      expect(store.countLive()).toBe(0);
      expect(store.countHeld()).toBe(0);
      store.close();
    },
  );

  test.skipIf(!canMount())(
    "a store that was closed is opened on a full disk with a ballast",
    async () => {
      using here = stage();
      const place = join(dirname(here.path), "disk");
      using disk = mountSmallDisk(place, 8);
      const open = () => openStore(join(place, "corral.db"), here.clock, { hex: () => "00000001" });
      open().close();
      const reserve = ballast(join(place, "ballast"));
      while (!(await reserve.fill(SIZE)));
      disk.fill();
      // Its log and the index of it are gone with the last who had it open.
      expect(open).toThrow(expect.objectContaining({ code: "DISK_FULL" }));
      const store = withRoom({ ballast: reserve }, open);
      expect(store.world.epoch).toBe(2);
      store.close();
    },
  );
});
