/** Questions over many tasks and agents, on real SQLite: bounded, exact, and in one transaction with the records. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MIGRATIONS } from "../../src/adapters/sqlite/migrations.ts";
import { SEARCH_KINDS } from "../../src/contract/tools.ts";
import { Fault } from "../../src/kernel/fault.ts";
import { parseSearch } from "../../src/output/search-query.ts";
import { listTasks, searchHistory, taskFindings } from "../../src/supervision/history-tools.ts";
import type { Store } from "../../src/supervision/store.ts";
import { newAgent, settlement, storeStage, task } from "../helpers/fault-store.ts";

const OPENER = join(import.meta.dirname, "../helpers/fault-opener.ts");

function stage() {
  const all = storeStage();
  const store = all.open();
  store.addTask(task("T1", { running: 500, total: 500 }));
  return { ...all, store, [Symbol.dispose]: () => all[Symbol.dispose]() };
}

const finding = (store: Store, message: string, over: object = {}, taskId = "T1") =>
  store.addFinding(
    {
      agentId: "a",
      findingType: "issue",
      severity: "high",
      message,
      details: null,
      at: 5,
      ...over,
    },
    taskId,
  );
const progress = (store: Store, message: string, agentId = "a") =>
  store.addProgress(
    { agentId, status: "working", message, progress: 40, at: 6, validation: null },
    "T1",
  );
const found = (store: Store, query: string, over: object = {}) =>
  searchHistory(store, { query, limit: 50, ...over }).hits;
const kindsOf = (store: Store, query: string) => found(store, query).map(({ kind }) => kind);

describe("search", () => {
  test("finds findings, reports and results by their words, newest first", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    finding(here.store, "The lock in src/store.ts is taken twice", {
      details: { file: "wörker.ts" },
    });
    progress(here.store, "looking at the lock");
    here.store.settle("a", settlement({ result: "The lock is fixed." }));
    expect(found(here.store, "lock")).toMatchObject([
      { kind: "result", what: "completed", excerpt: "The lock is fixed.", agent_id: "a" },
      { kind: "progress", what: "working 40 %", task_id: "T1" },
      { kind: "finding", what: "high issue", seq: 1 },
    ]);
    expect(kindsOf(here.store, "LOCK twice")).toEqual(["finding"]);
    expect(kindsOf(here.store, '"lock is"')).toEqual(["result"]);
    expect(kindsOf(here.store, '"lock in src"')).toEqual(["finding"]);
    expect(kindsOf(here.store, "worker.ts")).toEqual(["finding"]);
    expect(kindsOf(here.store, "loo*")).toEqual(["progress"]);
    expect(kindsOf(here.store, "lock -fixed -twice")).toEqual(["progress"]);
    expect(kindsOf(here.store, "loc")).toEqual([]);
  });

  test("an agent without words of its own is found by how it ended", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    here.store.settle("a", settlement({ status: "failed", reason: "exited with code 3" }));
    expect(found(here.store, '"code 3"')).toMatchObject([{ kind: "result", what: "failed" }]);
  });

  test("filters are exact, pages hold every hit once", () => {
    using here = stage();
    here.store.addTask(task("T1-2"));
    for (let at = 0; at < 25; at += 1) {
      finding(here.store, `needle ${at}`, { at, agentId: at % 2 === 0 ? "x-a" : "a" });
      finding(here.store, `needle elsewhere ${at}`, { at }, "T1-2");
    }
    expect(found(here.store, "needle", { task_id: "T1" })).toHaveLength(25);
    expect(found(here.store, "needle", { task_id: "T1", agent_id: "a" })).toHaveLength(12);
    expect(found(here.store, "needle", { kinds: ["progress"] })).toEqual([]);
    const since = new Date(20).toISOString();
    expect(found(here.store, "needle", { task_id: "T1", since })).toHaveLength(5);
    const seen: string[] = [];
    let cursor: number | null = Number.MAX_SAFE_INTEGER;
    while (cursor !== null) {
      const page = searchHistory(here.store, { query: "needle", limit: 7, cursor });
      seen.push(...page.hits.map(({ seq }) => String(seq)));
      cursor = page.next_cursor;
    }
    expect(seen).toHaveLength(50);
    expect(new Set(seen).size).toBe(50);
  });

  test("nothing that anybody types is an error", () => {
    using here = stage();
    finding(here.store, "Hello AND OR NOT NEAR world");
    const nasty = fc.oneof(
      fc.string({ maxLength: 40, unit: "binary" }),
      fc
        .array(
          fc.constantFrom(
            '"',
            "*",
            "-",
            "^",
            ":",
            "(",
            ")",
            "AND",
            "NOT",
            "NEAR(",
            "body:",
            "\0",
            " ",
            "a",
            "\ud800",
            "{",
            "+",
          ),
          { maxLength: 20 },
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(nasty, (query) => {
        expect(Array.isArray(found(here.store, query))).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(kindsOf(here.store, "hello AND")).toEqual(["finding"]);
    expect(kindsOf(here.store, "hello - ! ()")).toEqual(["finding"]);
    expect(kindsOf(here.store, "-hello")).toEqual([]);
    expect(kindsOf(here.store, "scope:T1")).toEqual([]);
  });

  test("a record that is rolled back is not found, one that is deleted is forgotten", () => {
    using here = stage();
    const fail = (): void =>
      here.store.atomically(() => {
        finding(here.store, "never happened");
        throw new Error("injected");
      });
    expect(fail).toThrow("injected");
    expect(found(here.store, "happened")).toEqual([]);
    finding(here.store, "happened after all");
    expect(found(here.store, "happened")).toHaveLength(1);
    here.store.close();
    const raw = new DatabaseSync(here.path);
    raw.exec("DELETE FROM findings");
    expect(raw.prepare("SELECT count(*) AS n FROM search_rows").get()).toEqual({ n: 0 });
    raw.close();
    expect(found(here.open(), "happened")).toEqual([]);
  });

  test("long texts are shown around what was looked for", () => {
    using here = stage();
    finding(here.store, `${"before ".repeat(200)}the needle${" after".repeat(200)}`);
    const [hit] = found(here.store, "needle");
    expect(hit?.excerpt).toMatch(/^….*the needle.*…$/);
    expect(hit?.excerpt.length).toBeLessThan(310);
  });
});

describe("a database of before the search", () => {
  const OLD_AGENT = `INSERT INTO agents (id, task_id, type, harness, permission, parent, depth, slot, status, host, session,
    containment, directory, cwd, created_at, wall_until, ended_at, reason)
    VALUES ('old', 'T0', 'w', 'claude', 'default', 'orchestrator', 1, 0, 'failed', 'tmux', 's', 'c', '/d', '/', 1, 2, 3, 'ran into a wall')`;

  function oldDatabase(path: string, findings: number): void {
    const raw = new DatabaseSync(path);
    raw.exec(MIGRATIONS[0]!);
    raw.exec("PRAGMA user_version = 1; BEGIN");
    raw.exec(`INSERT INTO tasks VALUES ('T0', 'An old task.', 'P2', '/w', NULL, '{}', '{}', 1)`);
    raw.exec(OLD_AGENT);
    raw.exec("INSERT INTO progress VALUES (7, 'T0', 'old', 'working', 'old progress words', 5, 4)");
    const add = raw.prepare(
      "INSERT INTO findings VALUES (NULL, 'T0', 'old', 'issue', 'low', ?, NULL, ?)",
    );
    for (let at = 0; at < findings; at += 1) add.run(`old finding ${at}`, at);
    raw.exec("COMMIT");
    raw.close();
  }

  test("is searched like a new one once it is opened", () => {
    using all = storeStage();
    oldDatabase(all.path, 3);
    const store = all.open();
    expect(
      found(store, "old")
        .map(({ kind }) => kind)
        .toSorted(),
    ).toEqual(["finding", "finding", "finding", "progress"]);
    expect(found(store, "wall")).toMatchObject([{ kind: "result", what: "failed" }]);
    expect(store.task("T0")).toMatchObject({ status: "open", closedAt: null });
    expect(store.progress("T0", 5)).toMatchObject([{ seq: 7, validation: null }]);
  });

  test("is whole after a death in the middle of its migration", { timeout: 60_000 }, async () => {
    using all = storeStage();
    oldDatabase(all.path, 20_000);
    for (const delayMs of [20, 60, 100, 140, 180, 220]) {
      const argv = [OPENER, all.path];
      const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
      const closed = once(child, "close");
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      child.kill("SIGKILL");
      await closed;
    }
    const store = all.open();
    expect(store.findingCounts({ taskId: "T0" }).total).toBe(20_000);
    expect(found(store, '"old finding 19999"')).toHaveLength(1);
    expect(found(store, "wall")).toHaveLength(1);
    const terms = parseSearch("old");
    const hits = store.search({ terms, kinds: SEARCH_KINDS, limit: 100_000 });
    expect(hits).toHaveLength(20_001);
  });
});

describe("findings of a task", () => {
  test("come by page, oldest first, and the cursor shows later only what is new", () => {
    using here = stage();
    for (let at = 0; at < 5; at += 1) finding(here.store, `number ${at}`, { at });
    const ask = (over: object = {}) =>
      taskFindings(here.store, { task_id: "T1", limit: 2, ...over });
    const first = ask();
    expect(first.findings.map(({ message }) => message)).toEqual(["number 0", "number 1"]);
    expect(first).toMatchObject({ more: true, counts: { total: 5, by_severity: { high: 5 } } });
    const last = ask({ cursor: 4 });
    expect(last).toMatchObject({
      more: false,
      next_cursor: 5,
      findings: [{ message: "number 4" }],
    });
    expect(ask({ cursor: 5 })).toMatchObject({ more: false, next_cursor: 5, findings: [] });
    finding(here.store, "news");
    expect(ask({ cursor: 5 }).findings).toMatchObject([{ message: "news" }]);
  });

  test("are chosen by agent, type, severity and time with an offset; counts are of all that fit", () => {
    using here = stage();
    finding(here.store, "one", { at: 1_000 });
    finding(here.store, "two", { at: 2_000, severity: "low", findingType: "insight" });
    finding(here.store, "three", { at: 3_000, agentId: "b" });
    finding(here.store, "four", { at: 4_000, severity: "critical" });
    const said = (over: object) =>
      taskFindings(here.store, { task_id: "T1", limit: 9, ...over }).findings.map(
        ({ message }) => message,
      );
    expect(said({ agent_id: "b" })).toEqual(["three"]);
    expect(said({ severity: "low" })).toEqual(["two"]);
    expect(said({ finding_type: "insight" })).toEqual(["two"]);
    expect(said({ since: "1970-01-01T01:00:02.000+01:00" })).toEqual(["two", "three", "four"]);
    const { counts } = taskFindings(here.store, { task_id: "T1", limit: 1, agent_id: "a" });
    expect(counts).toEqual({
      total: 3,
      by_severity: { critical: 1, high: 1, low: 1 },
      by_type: { insight: 1, issue: 2 },
    });
  });
});

describe("lists", () => {
  test("tasks come newest first, each once over the pages, also those of one moment", () => {
    using here = stage();
    for (let at = 0; at < 20; at += 1) here.store.addTask({ ...task(`L${at}`), createdAt: 5 });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = listTasks(here.store, { status: "open", limit: 6, ...(cursor && { cursor }) });
      seen.push(...page.tasks.map(({ task_id }) => task_id));
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toHaveLength(21);
    expect(new Set(seen).size).toBe(21);
    expect(seen.at(-1)).toBe("T1");
    expect(() => listTasks(here.store, { status: "all", limit: 5, cursor: "x" })).toThrow(Fault);
  });

  test("tasks are chosen by status, project and the beginning of their id, with their agents counted", () => {
    using here = stage();
    here.store.addTask({ ...task("P_1"), clientCwd: "/p" });
    here.store.admitAgent(newAgent("a"));
    here.store.admitAgent(newAgent("b"));
    here.store.settle("b", settlement());
    const ids = (filter: object) =>
      listTasks(here.store, { status: "open", limit: 9, ...filter }).tasks.map(
        (one) => one.task_id,
      );
    expect(ids({ client_cwd: "/p" })).toEqual(["P_1"]);
    expect(ids({ prefix: "P_" })).toEqual(["P_1"]);
    expect(ids({ prefix: "%" })).toEqual([]);
    expect(ids({ status: "cancelled" })).toEqual([]);
    expect(listTasks(here.store, { status: "open", limit: 9, prefix: "T1" }).tasks).toMatchObject([
      { agents: 2, agents_live: 1, closed_at: null },
    ]);
  });

  test("of many agents those that hold something are listed, then the newest", () => {
    using here = stage();
    for (const id of ["a", "b", "c", "d"]) here.store.admitAgent(newAgent(id));
    for (const id of ["a", "b", "d"]) {
      here.store.settle(id, settlement());
      if (id === "a") continue;
      const outcomes = here.store.resourcesOf(id).map((resource) => ({
        resource,
        error: null,
        undone: { gone: true, seen: "absent" } as const,
      }));
      here.store.recordReleases(outcomes);
    }
    const { agents, leftOut } = here.store.agentsBy({ taskId: "T1", all: true, limit: 3 });
    expect(agents.map(({ id }) => id)).toEqual(["a", "c", "d"]);
    expect(leftOut).toBe(1);
    expect(here.store.agentsBy({ all: false, limit: 9 }).agents.map(({ id }) => id)).toEqual([
      "a",
      "c",
    ]);
    expect(here.store.agentsBy({ all: true, prefix: "d", limit: 9 }).agents).toHaveLength(1);
  });
});

describe("closing a task", () => {
  test("refuses what comes after it, and begins the stop of every live agent at once", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    here.store.admitAgent(newAgent("b"));
    here.store.settle("b", settlement());
    const close = { status: "cancelled", reason: "not needed", at: 77 } as const;
    expect(here.store.closeTask("T1", close, 500)).toEqual(["a"]);
    expect(here.store.task("T1")).toMatchObject({
      status: "cancelled",
      closedAt: 77,
      closeReason: "not needed",
    });
    expect(here.store.agent("a")).toMatchObject({
      status: "stopping",
      stop: { cause: "closed", graceMs: 500, reason: "Its task was closed: not needed" },
    });
    expect(() => here.store.admitAgent(newAgent("c"))).toThrow("closed");
    expect(here.store.closeTask("T1", { ...close, status: "completed" }, 500)).toEqual([]);
    expect(here.store.task("T1")?.status).toBe("cancelled");
    const kinds = here.store.taskEvents("T1", 0, 99).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "task.closed")).toHaveLength(1);
  });
});
