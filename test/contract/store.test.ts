/** The `Store` port on real SQLite. G1, G3, G9 rest on these promises. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StopRecord } from "../../src/agents/record.ts";
import type { CorralEvent } from "../../src/contract/events.ts";
import { MIGRATIONS } from "../../src/adapters/sqlite/migrations.ts";
import { openStore } from "../../src/adapters/sqlite/store.ts";
import { machineChance } from "../../src/adapters/time/machine-time.ts";
import { Fault } from "../../src/kernel/fault.ts";
import type { Undone } from "../../src/ledger/ports.ts";
import type { Resource } from "../../src/ledger/resource.ts";
import type { Store } from "../../src/supervision/store.ts";
import { newAgent, settlement, stopRecord, storeStage, task } from "../helpers/fault-store.ts";

const ADMIT = join(import.meta.dirname, "../helpers/fault-admit.ts");
const GONE: Undone = { gone: true, seen: "absent" };

/** A store with one task. */
function stage(limits = {}) {
  const all = storeStage();
  const store = all.open();
  store.addTask(task("T1", limits));
  return { ...all, store, [Symbol.dispose]: () => all[Symbol.dispose]() };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
  return "no fault";
}

function released(store: Store, resource: Resource): void {
  store.beginRelease([resource.id]);
  store.recordReleases([{ resource, error: null, undone: GONE }]);
}

describe("admission", () => {
  test("writes the agent and its intents at once, and tells it", () => {
    using here = stage();
    const { agent, isNew } = here.store.admitAgent(newAgent("a"));
    expect(isNew).toBe(true);
    expect(agent).toMatchObject({ id: "a", status: "starting", endedAt: null, stop: null });
    const rows = here.store.resourcesOf("a");
    expect(rows.map(({ kind, state }) => [kind, state])).toEqual([
      ["prompt_file", "intended"],
      ["process_set", "intended"],
    ]);
    expect(rows[1]?.identity).toEqual({ slot: agent.slot });
    expect(here.store.eventsAfter(0, 9).map(({ kind }) => kind)).toEqual([
      "task.created",
      "agent.starting",
    ]);
  });

  test("an intent that cannot be written leaves no agent, no row, no event and no used slot", () => {
    using here = stage();
    const told: CorralEvent[] = [];
    here.store.onEvent((event) => told.push(event));
    const broken = newAgent("a", {
      intents: () => {
        throw new Error("injected");
      },
    });
    expect(() => here.store.admitAgent(broken)).toThrow("injected");
    expect(here.store.agent("a")).toBeNull();
    expect([here.store.countHeld(), here.store.countLive(), told]).toEqual([0, 0, []]);
    expect(here.store.admitAgent(newAgent("b")).agent.slot).toBe(0);
  });

  test("50 admits from 5 processes at once: exactly 20, each with a slot of its own", async () => {
    using here = stage();
    here.store.close();
    const runs = await Promise.all(
      ["a", "b", "c", "d", "e"].map(async (prefix) => {
        const argv = [ADMIT, here.path, prefix, "10"];
        const { stdout } = await promisify(execFile)(process.execPath, argv);
        return JSON.parse(stdout) as { slots: number[]; refused: number };
      }),
    );
    const slots = runs.flatMap((run) => run.slots);
    expect(slots).toHaveLength(20);
    expect(new Set(slots).size).toBe(20);
    expect(runs.reduce((sum, { refused }) => sum + refused, 0)).toBe(30);
    const again = here.open();
    expect(again.countLive()).toBe(20);
    expect(again.countHeld()).toBe(40);
  });

  test("each limit refuses by name, and an ended agent frees a running place but not a total one", () => {
    using here = stage({ running: 1, total: 2, depth: 2 });
    here.store.admitAgent(newAgent("a"));
    expect(codeOf(() => here.store.admitAgent(newAgent("b")))).toBe("LIMIT_REACHED");
    here.store.settle("a", settlement());
    here.store.admitAgent(newAgent("b"));
    here.store.settle("b", settlement());
    expect(() => here.store.admitAgent(newAgent("c"))).toThrow("limit_total");
    expect(() => here.store.admitAgent(newAgent("c", { depth: 3 }))).toThrow("limit_depth");
    expect(here.store.agent("c")).toBeNull();
  });

  test("the same idempotency key is the same agent, also when it has ended; other tasks have their own", () => {
    using here = stage({ running: 1 });
    here.store.addTask(task("T2"));
    const key = { idempotencyKey: "once" };
    here.store.admitAgent(newAgent("a", key));
    const again = here.store.admitAgent(newAgent("b", key));
    expect(again).toMatchObject({ isNew: false, agent: { id: "a" } });
    here.store.settle("a", settlement());
    expect(here.store.admitAgent(newAgent("c", key)).agent.id).toBe("a");
    expect(here.store.admitAgent(newAgent("d", { ...key, taskId: "T2" })).isNew).toBe(true);
    expect(here.store.agentsBy({ all: true, limit: 9 }).agents.map(({ id }) => id)).toEqual([
      "a",
      "d",
    ]);
  });

  test("a slot is unique while its set is held, and is used again as late as can be", () => {
    using here = stage({ running: 500, total: 500 });
    const slotOf = (id: string) => here.store.admitAgent(newAgent(id)).agent.slot;
    expect([slotOf("a"), slotOf("b"), slotOf("c")]).toEqual([0, 1, 2]);
    here.store.settle("a", settlement());
    for (const resource of here.store.resourcesOf("a")) released(here.store, resource);
    expect(slotOf("d")).toBe(3);
    const database = new DatabaseSync(here.path);
    database.exec("UPDATE world SET value = '189998' WHERE key = 'next_slot'");
    database.close();
    // It goes round: 0 is free again, 1 to 3 are held still.
    expect([slotOf("e"), slotOf("f"), slotOf("g")]).toEqual([189_998, 0, 4]);
  });
});

describe("looks over everything", () => {
  test("the latest events come oldest first, of some kinds or all", () => {
    using here = stage();
    here.store.addEvent({ kind: "alert", facts: { alert: "one" } });
    here.store.admitAgent(newAgent("a"));
    here.store.addEvent({ kind: "alert", facts: { alert: "two" } });
    const all = here.store.eventsAfter(0, 100);
    expect(here.store.latestEvents(2)).toEqual(all.slice(-2));
    expect(here.store.latestEvents(100)).toEqual(all);
    const alerts = here.store.latestEvents(10, ["alert"]);
    expect(alerts.map(({ facts }) => facts["alert"])).toEqual(["one", "two"]);
    expect(here.store.latestEvents(10, ["agent.stuck"])).toEqual([]);
  });
});

describe("ends", () => {
  test("settle happens once; the first stays, and is told once", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    const first = settlement({ status: "failed", exitCode: 7, reason: "it crashed" });
    expect(here.store.settle("a", first)).toBe(true);
    expect(here.store.settle("a", settlement({ status: "killed", exitCode: 0 }))).toBe(false);
    expect(here.store.agent("a")).toMatchObject(first);
    const told = here.store.eventsAfter(0, 99).filter(({ kind }) => kind === "agent.settled");
    expect(told.map(({ facts }) => facts["exit_code"])).toEqual([7]);
  });

  test("a settled agent never revives, whatever comes late", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    here.store.settle("a", settlement());
    here.store.markRunning("a", 6_000, []);
    here.store.recordStop("a", stopRecord());
    expect(here.store.agent("a")?.status).toBe("completed");
    expect(here.store.countLive()).toBe(0);
    expect(here.store.eventsAfter(0, 99).map(({ kind }) => kind)).not.toContain("agent.stopping");
  });

  test("markRunning takes only a starting agent", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    here.store.recordStop("a", stopRecord());
    here.store.markRunning("a", 6_000, []);
    expect(here.store.agent("a")?.status).toBe("stopping");
  });

  test("stops merge: the first cause stays, the grace only shrinks, a step is taken once", () => {
    const maybe = fc.option(fc.nat(9_999), { nil: null });
    const anyStop = fc.record<StopRecord>({
      cause: fc.constantFrom("kill", "timeout", "claimed", "shutdown"),
      reason: fc.string(),
      graceMs: fc.nat(600_000),
      requestedAt: fc.nat(9_999),
      intAt: maybe,
      termAt: maybe,
      killAt: maybe,
    });
    using here = stage({ running: 500, total: 10_000 });
    let number = 0;
    const property = fc.property(fc.array(anyStop, { minLength: 1, maxLength: 6 }), (stops) => {
      const id = `s${(number += 1)}`;
      here.store.admitAgent(newAgent(id));
      for (const stop of stops) here.store.recordStop(id, stop);
      const firstOf = (step: "intAt" | "termAt" | "killAt") =>
        stops.map((stop) => stop[step]).find((at) => at !== null) ?? null;
      expect(here.store.agent(id)?.stop).toEqual({
        cause: stops[0]!.cause,
        reason: stops[0]!.reason,
        requestedAt: stops[0]!.requestedAt,
        graceMs: Math.min(...stops.map(({ graceMs }) => graceMs)),
        intAt: firstOf("intAt"),
        termAt: firstOf("termAt"),
        killAt: firstOf("killAt"),
      });
    });
    fc.assert(property, { numRuns: 40 });
  });

  test("a linger only shortens", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    for (const until of [500, 900, 300]) here.store.recordLinger("a", until);
    expect(here.store.agent("a")?.lingerUntil).toBe(300);
  });

  test("what an agent does is told when it changes, and a settled agent does nothing", () => {
    using here = stage();
    const { store } = here;
    store.admitAgent(newAgent("a"));
    const doing = { activity: "working", trouble: null, usage: null, cliSession: "s" } as const;
    const trouble = {
      kind: "rate_limited",
      message: "429",
      since: 1,
      until: 9,
      attempts: 1,
    } as const;
    store.recordDoing("a", doing);
    store.recordDoing("a", { ...doing, cliSession: null });
    store.recordDoing("a", { ...doing, activity: "rate_limited", trouble });
    store.recordDoing("a", {
      ...doing,
      activity: "rate_limited",
      trouble: { ...trouble, attempts: 2 },
    });
    expect(store.agent("a")).toMatchObject({
      activity: "rate_limited",
      trouble: { ...trouble, attempts: 2 },
      cliSession: "s",
    });
    store.recordDoing("a", doing);
    const told = store.eventsAfter(0, 99).filter(({ kind }) => /activity|trouble/.test(kind));
    expect(told.map(({ kind, facts }) => [kind, facts["activity"] ?? facts["trouble"]])).toEqual([
      ["agent.activity", "working"],
      ["agent.activity", "rate_limited"],
      ["agent.trouble", "rate_limited"],
      ["agent.activity", "working"],
      ["agent.trouble", null],
    ]);
    expect(told[2]?.facts).toMatchObject({ until: "1970-01-01T00:00:00.009Z" });
    store.recordDoing("a", { ...doing, trouble });
    store.settle("a", settlement());
    store.recordDoing("a", { ...doing, trouble });
    expect(store.agent("a")).toMatchObject({ activity: null, trouble: null });
  });

  test("a task has spent what each of its agents has, once, and also what forgotten ones had", () => {
    using here = stage();
    const { store } = here;
    const used = (tokens: number, cost: number | null) => ({
      input_tokens: tokens,
      cached_tokens: null,
      output_tokens: 1,
      cost_usd: cost,
      turns: 1,
    });
    const spend = (id: string, usage: ReturnType<typeof used>) =>
      store.recordDoing(id, { activity: null, trouble: null, usage, cliSession: null });
    store.admitAgent(newAgent("a"));
    // A child is an agent of its own: nothing of it is in its parent's row.
    store.admitAgent(newAgent("b", { parent: "a", depth: 2 }));
    expect(store.taskSpent("T1")).toEqual({ tokens: 0, costUsd: 0, untold: 0 });
    spend("a", used(9, null));
    spend("a", used(19, null));
    spend("b", used(99, 0.1));
    expect(store.taskSpent("T1")).toEqual({ tokens: 120, costUsd: 0.1, untold: 1 });
    store.settle("b", settlement({ usage: used(99, 0.3) }));
    store.settle("b", settlement({ usage: used(999, 3) }));
    store.settle("a", settlement({ usage: used(9, 0.2) }));
    expect(store.agent("a")?.usage).toEqual(used(19, 0.2));
    const spent = { tokens: 120, costUsd: 0.5, untold: 0 };
    expect(store.taskSpent("T1")).toEqual(spent);
    expect(store.tasksBy({ status: "all", limit: 9 })[0]?.spent).toEqual(spent);
  });

  test("an agent that waits counts, holds nothing, and is started once, unless it was stopped", () => {
    using here = stage();
    const { store } = here;
    store.addTask(task("T2", { running: 2 }));
    const waiting = (id: string) =>
      newAgent(id, { taskId: "T2", waits: { prompt: `do ${id}`, until: 9_000 } });
    store.admitAgent(waiting("a"));
    store.admitAgent(waiting("b"));
    expect(store.agent("a")).toMatchObject({ status: "queued" });
    expect(store.resourcesOf("a")).toEqual([]);
    expect(store.agentByToken("hash of a")).toBeNull();
    expect(
      store.queuedAgents().map(({ agent, prompt, until }) => [agent.id, prompt, until]),
    ).toEqual([
      ["a", "do a", 9_000],
      ["b", "do b", 9_000],
    ]);
    expect(() => store.admitAgent(newAgent("c", { taskId: "T2" }))).toThrow(
      expect.objectContaining({ code: "LIMIT_REACHED" }),
    );
    store.recordStop("b", stopRecord());
    expect(store.startQueued(newAgent("b", { taskId: "T2" }))).toBeNull();
    expect(store.startQueued(newAgent("a", { taskId: "T2" }))).toMatchObject({
      status: "starting",
    });
    expect(store.startQueued(newAgent("a", { taskId: "T2" }))).toBeNull();
    expect(store.resourcesOf("a")).toHaveLength(2);
    expect(store.agentByToken("hash of a")?.id).toBe("a");
    expect(store.queuedAgents()).toEqual([]);
  });

  test("a task that has spent its budget takes no agent more", () => {
    using here = stage();
    const { store } = here;
    store.addTask(task("T2", { tokens: 100 }));
    store.admitAgent(newAgent("a", { taskId: "T2", tokenLimit: 7, costLimit: 0.5 }));
    expect(store.agent("a")).toMatchObject({ tokenLimit: 7, costLimit: 0.5 });
    const usage = {
      input_tokens: 100,
      cached_tokens: null,
      output_tokens: null,
      cost_usd: null,
      turns: null,
    };
    store.settle("a", settlement({ usage }));
    expect(() => store.admitAgent(newAgent("b", { taskId: "T2" }))).toThrow(
      expect.objectContaining({ code: "BUDGET_SPENT" }),
    );
    expect(store.agent("b")).toBeNull();
  });

  test("a token opens until it is revoked", () => {
    using here = stage();
    here.store.admitAgent(newAgent("a"));
    expect(here.store.agentByToken("hash of a")?.id).toBe("a");
    here.store.revokeToken("a");
    here.store.revokeToken("a");
    expect(here.store.agentByToken("hash of a")).toBeNull();
  });
});

describe("the ledger", () => {
  const oneRow = (store: Store) => store.intend("owner", [{ kind: "bell", locator: "/b" }])[0]!;
  const now = (store: Store) => store.resourcesOf("owner")[0]!;

  test("intended → held → releasing → released", () => {
    using here = stage();
    const { store } = here;
    const { id, state } = oneRow(store);
    expect(state).toBe("intended");
    store.confirmResource(id, { inode: 5 });
    expect(now(store)).toMatchObject({ state: "held", identity: { inode: 5 } });
    store.beginRelease([id]);
    expect(now(store)).toMatchObject({ state: "releasing", identity: { inode: 5 } });
    released(store, now(store));
    expect(now(store)).toMatchObject({ state: "released", seen: "absent", error: null });
    expect([store.countHeld(), store.heldResources()]).toEqual([0, []]);
  });

  test("released is final: no failure, release or confirmation of another brings it back", () => {
    using here = stage();
    const { store } = here;
    const resource = oneRow(store);
    released(store, resource);
    const before = now(store);
    store.beginRelease([resource.id]);
    store.failRelease(resource.id, "late");
    store.confirmResource(resource.id, "late");
    const late = { resource, error: "late", undone: null };
    const kept = { gone: false, seen: "late", retainUntil: 9 } as const;
    store.recordReleases([late, { resource, error: null, undone: kept }]);
    expect(now(store)).toEqual(before);
  });

  test("what is held can be asked for by kind", () => {
    using here = stage();
    const { store } = here;
    const { id, kind } = oneRow(store);
    expect(store.heldOf([kind, "token"]).map((row) => row.id)).toEqual([id]);
    expect(store.heldOf(["ballast"])).toEqual([]);
    released(store, now(store));
    expect(store.heldOf([kind])).toEqual([]);
  });

  test("a process set in a control group is found while it is held, one without is not", () => {
    using here = stage();
    const { store } = here;
    const added = (agentId: string, groups: object): void => {
      const identity = { agentId, ...groups };
      const set = { kind: "process_set", locator: agentId, identity } as const;
      store.admitAgent(newAgent(agentId, { intents: () => [set] }));
    };
    added("without", { cgroup: null, pidsCgroup: null });
    expect(store.heldInGroup()).toBeNull();
    added("within", { cgroup: null, pidsCgroup: "/groups/within" });
    expect(store.heldInGroup()?.locator).toBe("within");
    store.beginRelease([store.heldInGroup()!.id]);
    expect(store.heldInGroup()?.state).toBe("releasing");
    released(store, store.heldInGroup()!);
    expect(store.heldInGroup()).toBeNull();
  });

  test("a failed release is counted, explained and held", () => {
    using here = stage();
    const { store } = here;
    const resource = oneRow(store);
    store.failRelease(resource.id, "busy");
    store.recordReleases([{ resource, error: "busier", undone: null }]);
    expect(now(store)).toMatchObject({ state: "releasing", attempts: 2, error: "busier" });
    expect(store.heldResources()).toHaveLength(1);
    released(store, resource);
    expect(now(store)).toMatchObject({ state: "released", attempts: 2, error: null });
  });

  test("retained until its date, then due", () => {
    using here = stage();
    const { store } = here;
    const resource = oneRow(store);
    const undone = { gone: false, seen: "5 B", retainUntil: 7_000 } as const;
    store.recordReleases([{ resource, error: null, undone }]);
    expect([store.countHeld(), store.expiredResources(6_999)]).toEqual([0, []]);
    expect(store.expiredResources(7_000).map(({ id }) => id)).toEqual([resource.id]);
    released(store, resource);
    expect(store.expiredResources(9_999)).toEqual([]);
  });

  test("the same thing written down again is one row, held again", () => {
    using here = stage();
    const { store } = here;
    const first = oneRow(store);
    released(store, first);
    const second = oneRow(store);
    expect(second).toMatchObject({ id: first.id, state: "intended", attempts: 0, seen: null });
  });

  test("an agent is unfinished until its last row is given back", () => {
    using here = stage();
    const { store } = here;
    store.admitAgent(newAgent("a"));
    store.settle("a", settlement());
    for (const resource of store.resourcesOf("a")) {
      expect(store.unfinishedAgents().map(({ id }) => id)).toEqual(["a"]);
      released(store, resource);
    }
    expect(store.unfinishedAgents()).toEqual([]);
  });

  test("an agent is told as it is now, inside a transaction and after one that failed", () => {
    using here = stage();
    const { store } = here;
    store.admitAgent(newAgent("a"));
    const status = (): unknown => store.agent("a")?.status;
    expect([status(), status(), store.agent("b")]).toEqual(["starting", "starting", null]);
    const failing = (): void =>
      store.atomically(() => {
        expect(status()).toBe("starting");
        store.markRunning("a", 2_000, []);
        expect([status(), status()]).toEqual(["running", "running"]);
        throw new Error("injected");
      });
    expect(failing).toThrow("injected");
    expect(status()).toBe("starting");
    store.markRunning("a", 2_000, []);
    store.admitAgent(newAgent("b"));
    expect([status(), store.agent("b")?.status]).toEqual(["running", "starting"]);
  });
});

describe("events", () => {
  test("are told after the commit, in order, and not at all when it fails", () => {
    using here = stage();
    const { store } = here;
    const told: string[] = [];
    let isInside = false;
    store.onEvent(({ agent_id }) => told.push(`${isInside ? "inside " : ""}${agent_id}`));
    const add = (agentId: string) => store.addEvent({ kind: "alert", agentId });
    store.atomically(() => {
      isInside = true;
      add("1");
      store.atomically(() => add("2"));
      expect(told).toEqual([]);
      isInside = false;
    });
    expect(told).toEqual(["1", "2"]);
    const failing = () =>
      store.atomically(() => {
        add("3");
        store.intend("owner", [{ kind: "bell", locator: "/b" }]);
        throw new Error("injected");
      });
    expect(failing).toThrow("injected");
    add("4");
    expect(told).toEqual(["1", "2", "4"]);
    expect(store.eventsAfter(0, 99).map(({ agent_id }) => agent_id)).toEqual([null, "1", "2", "4"]);
    expect(store.resourcesOf("owner")).toEqual([]);
  });

  test("a listener may add one, and one that left hears nothing", () => {
    using here = stage();
    const { store } = here;
    const told: unknown[] = [];
    const forget = store.onEvent(({ facts }) => {
      told.push(facts["n"]);
      if (facts["n"] === 1) store.addEvent({ kind: "alert", facts: { n: 2 } });
    });
    store.addEvent({ kind: "alert", facts: { n: 1 } });
    forget();
    store.addEvent({ kind: "alert", facts: { n: 3 } });
    expect(told).toEqual([1, 2]);
  });

  test("their numbers go on after a restart", () => {
    using here = stage();
    const [first] = here.store.eventsAfter(0, 1);
    here.store.close();
    const again = here.open();
    again.addEvent({ kind: "alert" });
    expect(again.eventsAfter(first!.seq, 9)).toHaveLength(1);
  });
});

describe("opening", () => {
  test("an empty file becomes a whole database; the world stays, the epoch grows", () => {
    using here = stage();
    const { mark, seal, name, epoch, salt } = here.store.world;
    expect(mark).toBeGreaterThanOrEqual(780_000);
    expect(mark).toBeLessThanOrEqual(819_199);
    here.store.keepPort(4_711);
    here.store.close();
    const again = here.open();
    expect(again.world).toEqual({ mark, seal, name, epoch: epoch + 1, salt });
    expect(again.port()).toBe(4_711);
    expect(again.task("T1")).toEqual(task("T1"));
  });

  test("a newer database is refused and its file left as it is", () => {
    using here = storeStage();
    here.open().close();
    const database = new DatabaseSync(here.path);
    database.exec("PRAGMA user_version = 999");
    database.close();
    expect(codeOf(() => here.open())).toBe("STATE_NEWER");
    const after = new DatabaseSync(here.path);
    expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 999 });
    expect(after.prepare("SELECT value FROM world WHERE key = 'epoch'").get()).toEqual({
      value: "1",
    });
    after.close();
  });

  test("what is no database is STATE_UNUSABLE", () => {
    using here = storeStage();
    writeFileSync(here.path, "This is no database. ".repeat(100));
    const before = readFileSync(here.path);
    expect(codeOf(() => here.open())).toBe("STATE_UNUSABLE");
    expect(readFileSync(here.path).equals(before)).toBe(true);
  });
});

describe("plans of sweeps", () => {
  const target = (subject: number) => ({
    is: "process" as const,
    key: `key ${subject}`,
    kind: "process",
    locator: `sleep (${subject})`,
    owner: null,
    why: "w",
    subject,
  });

  test("are kept over a restart, and the oldest go when there are many", () => {
    using here = stage();
    for (let plan = 0; plan < 40; plan += 1) here.store.keepSweepPlan(`p${plan}`, [target(plan)]);
    here.store.keepSweepPlan("p39", [target(39)]);
    here.store.close();
    const again = here.open();
    expect(again.sweepPlan("p39")).toEqual([target(39)]);
    expect(again.sweepPlan("p0")).toBeNull();
    const kept = Array.from({ length: 40 }, (_, plan) => again.sweepPlan(`p${plan}`)).filter(
      (plan) => plan !== null,
    );
    expect(kept).toHaveLength(32);
  });

  test("made again are the latest", () => {
    using here = stage();
    here.store.keepSweepPlan("first", []);
    for (let plan = 0; plan < 31; plan += 1) here.store.keepSweepPlan(`p${plan}`, []);
    here.store.keepSweepPlan("first", []);
    here.store.keepSweepPlan("last", []);
    expect([here.store.sweepPlan("first"), here.store.sweepPlan("p0")]).toEqual([[], null]);
  });
});

test.for(MIGRATIONS.map((_, version) => version).slice(1))(
  "a full database of version %d is taken over with all its rows",
  (version) => {
    using here = storeStage();
    const old = new DatabaseSync(here.path);
    for (const step of MIGRATIONS.slice(0, version)) old.exec(step);
    old.exec(`PRAGMA user_version = ${version}`);
    old.exec("INSERT INTO world VALUES ('mark', '790000'), ('name', 'abcd1234'), ('epoch', '4')");
    old.exec(
      `INSERT INTO tasks (id, description, priority, workspace, limits, context, created_at)
       VALUES ('T1', 'An old task.', 'P2', '/w', '{"running":1,"total":1,"depth":1}', '{}', 5)`,
    );
    old.close();
    const store = here.open();
    expect(store.world).toMatchObject({ mark: 790_000, name: "abcd1234", epoch: 5 });
    expect(store.world.salt).toMatch(/^[0-9a-f]{32}$/);
    expect(store.task("T1")).toMatchObject({ description: "An old task.", createdAt: 5 });
    expect(store.admitAgent(newAgent("a")).isNew).toBe(true);
  },
);

test("a world is sealed at once; one of before when it holds nothing, and where a seal can be set", () => {
  using here = storeStage();
  const open = (mostLocks: number | null) =>
    openStore(here.path, here.clock, machineChance, true, { mostLocks });
  const sealOf = (mostLocks: number | null) => {
    const store = open(mostLocks);
    const { seal } = store.world;
    store.close();
    return seal;
  };
  const unseal = () => {
    const database = new DatabaseSync(here.path);
    database.exec("DELETE FROM world WHERE key = 'seal'");
    database.close();
  };
  const first = sealOf(null);
  expect(first).toBeGreaterThanOrEqual(2 ** 40);
  expect(first).toBeLessThan(2 ** 48);
  expect(sealOf(null)).toBe(first);

  unseal();
  expect(sealOf(1_000)).toBe(null);
  const most = 2 ** 42;
  expect(sealOf(most)).toBeLessThanOrEqual(most);

  const store = open(null);
  store.intend("daemon", [{ kind: "tmux_server", locator: "/socket" }]);
  store.close();
  unseal();
  expect(sealOf(null)).toBe(null);
});

test("a new world draws no mark that a living process bears, and keeps its own", () => {
  using here = storeStage();
  const drawn = ["00000001", "00000002"];
  const chance = { hex: (bytes: number) => drawn.shift() ?? "ab".repeat(bytes) };
  const open = () =>
    openStore(here.path, here.clock, chance, true, {
      isBorne: (hard) => hard === 780_001,
    });
  const first = open();
  expect(first.world.mark).toBe(780_002);
  first.close();
  const again = openStore(here.path, here.clock, chance, true, { isBorne: () => true });
  expect(again.world.mark).toBe(780_002);
  again.close();
});
