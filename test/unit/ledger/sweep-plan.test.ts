import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Resource, RESOURCE_KINDS } from "../../../src/ledger/resource.ts";
import {
  type Holdings,
  planSweep,
  type SweepTarget,
  type WorldSighting,
} from "../../../src/ledger/sweep-plan.ts";
import { row } from "./memory-ledger.ts";

const NOTHING: WorldSighting = {
  processes: [],
  infrastructure: [],
  server: null,
  sessions: [],
  leaves: [],
};
const holdings = (over: Partial<Holdings> = {}): Holdings => ({
  held: [],
  ended: new Set(),
  slots: new Set(),
  keepers: new Set(),
  expired: [],
  unsettled: [],
  ...over,
});
const session = (name: string) => ({ name, panePid: 7, paneTicks: 1 });
const leaf = (agentId: string) => ({ agentId, path: `/cg/${agentId}`, inode: "1:2" });
const process = (slot: number, pid = 100 + slot) => ({ pid, startTicks: 1, name: "sleep", slot });

describe("one of each", () => {
  test("rows of an ended agent are released, those of a live one are not", () => {
    const rows = [row(1, "token", { owner: "ended" }), row(2, "token", { owner: "live" })];
    const plan = planSweep(holdings({ held: rows, ended: new Set(["ended"]) }), NOTHING);
    expect(plan).toEqual([{ is: "row", resource: rows[0], why: "its agent has ended" }]);
  });

  test("a marked process is a stray only when no held set has its slot", () => {
    const world = { ...NOTHING, processes: [process(3), process(4)] };
    const plan = planSweep(holdings({ slots: new Set([3]) }), world);
    expect(plan).toMatchObject([{ is: "process", process: { slot: 4 } }]);
  });

  test("a process that changed its mark is no stray while it sits in the group of a held set", () => {
    const held = [row(1, "process_set", { owner: "live" })];
    const inGroup = (pid: number, cgroupAgentId: string) => ({ ...process(9, pid), cgroupAgentId });
    const world = { ...NOTHING, processes: [inGroup(1, "live"), inGroup(2, "gone")] };
    expect(planSweep(holdings({ held }), world)).toMatchObject([{ process: { pid: 2 } }]);
  });

  test("a session and a control group are strays only when no row holds them", () => {
    const held = [
      row(1, "tmux_session", { locator: "agent_live" }),
      row(2, "process_set", { owner: "live" }),
    ];
    const world: WorldSighting = {
      ...NOTHING,
      sessions: [session("agent_live"), session("agent_stray")],
      leaves: [leaf("live"), leaf("stray")],
    };
    expect(planSweep(holdings({ held }), world)).toMatchObject([
      { is: "session", session: { name: "agent_stray" } },
      { is: "leaf", leaf: { path: "/cg/stray" } },
    ]);
  });

  test("the infrastructure's mark spares its own and nobody else", () => {
    const bearer = (pid: number, ppid: number, sessionId: number | null, name = "sleep") => ({
      pid,
      startTicks: 1,
      name,
      slot: null,
      ppid,
      sessionId,
    });
    const server = bearer(10, 1, 10, "tmux: server");
    const ours = [
      server,
      bearer(20, 10, 20, "sh"), // a pane: a runner or a viewer
      bearer(21, 20, 20), // what runs in its session
      bearer(30, 1, 30, "sh"), // a detached runner of a held row
      bearer(31, 30, 30), // its wall clock
      bearer(40, 50, 50, "tmux"), // a client that we have just started
      bearer(60, 1, null), // a platform that tells no sessions
    ];
    const taken = [bearer(70, 1, 70), bearer(71, 1, 99, "tmux: server")];
    const plan = planSweep(holdings({ keepers: new Set([30, 50]) }), {
      ...NOTHING,
      infrastructure: [...ours, ...taken],
    });
    expect(plan).toMatchObject([
      { is: "process", process: { pid: 70 } },
      { is: "process", process: { pid: 71 } },
    ]);
  });

  test.for([
    { server: 10, strays: [11] },
    { server: "none" as const, strays: [10, 11] },
    { server: null, strays: [] },
  ])("a tmux server is a stray unless it listens on our socket: $server", ({ server, strays }) => {
    const bearer = (pid: number, ppid: number, name: string) => ({
      pid,
      startTicks: 1,
      name,
      slot: null,
      ppid,
      sessionId: pid,
    });
    const infrastructure = [
      bearer(10, 1, "tmux: server"),
      bearer(11, 1, "tmux: server"),
      bearer(20, 11, "sh"), // its pane
    ];
    const world = { ...NOTHING, infrastructure, server };
    expect(planSweep(holdings(), world)).toMatchObject(
      strays.map((pid) => ({ is: "process", process: { pid } })),
    );
  });

  test("when a runner could not be read, every bearer of the infrastructure's mark is spared", () => {
    const taken = { pid: 70, startTicks: 1, name: "sleep", slot: null, ppid: 1, sessionId: 70 };
    const world = { ...NOTHING, infrastructure: [taken] };
    expect(planSweep(holdings(), world)).toHaveLength(1);
    expect(planSweep(holdings({ keepers: null }), world)).toEqual([]);
  });

  test("an agent that ended behind a dead daemon's back goes first", () => {
    const unsettled = [{ agentId: "a1", status: "running" }];
    const held = [row(2, "tmux_server", { owner: "daemon" })];
    const plan = planSweep(holdings({ unsettled, held, ended: new Set(["daemon"]) }), NOTHING);
    expect(plan.map(({ is }) => is)).toEqual(["agent", "row"]);
  });

  test("what could not be looked at is left alone", () => {
    const world: WorldSighting = {
      processes: null,
      infrastructure: null,
      server: null,
      sessions: null,
      leaves: null,
    };
    expect(planSweep(holdings(), world)).toEqual([]);
  });

  test("a retained row whose date has passed is released", () => {
    const expired = [row(5, "stream_log", { state: "retained", retainUntil: 1 })];
    expect(planSweep(holdings({ expired }), NOTHING)).toMatchObject([{ is: "row" }]);
  });

  test("rows go newest first, and the daemon's own after everything that lives in them", () => {
    const held = [
      row(1, "cgroup_root", { owner: "daemon" }),
      row(2, "tmux_server", { owner: "daemon" }),
      row(3, "prompt_file"),
      row(4, "tmux_session"),
    ];
    const world = { ...NOTHING, processes: [process(9)] };
    const plan = planSweep(holdings({ held, ended: new Set(["daemon", "a1"]) }), world);
    expect(plan.map((target) => (target.is === "row" ? target.resource.id : target.is))).toEqual([
      4,
      3,
      "process",
      2,
      1,
    ]);
  });
});

const owners = ["a1", "a2", "a3", "daemon"];
const anyRow = fc.record({
  id: fc.nat(50),
  kind: fc.constantFrom(...RESOURCE_KINDS),
  owner: fc.constantFrom(...owners),
  locator: fc.constantFrom("s1", "s2", "s3"),
});
const anyHoldings = fc
  .record({
    rows: fc.uniqueArray(anyRow, { selector: ({ id }) => id }),
    ended: fc.subarray(owners),
    slots: fc.uniqueArray(fc.nat(5)),
  })
  .map(({ rows, ended, slots }) =>
    holdings({
      held: rows.map(({ id, kind, owner, locator }) => row(id, kind, { owner, locator })),
      ended: new Set(ended),
      slots: new Set(slots),
    }),
  );
const anyWorld = fc.record({
  infrastructure: fc.constant([]),
  server: fc.constant(null),
  processes: fc.option(fc.array(fc.nat(9).map((slot) => process(slot))), { nil: null }),
  sessions: fc.option(
    fc
      .uniqueArray(fc.constantFrom("s1", "s2", "s3", "s4"))
      .map((names) => names.map((name) => session(name))),
    { nil: null },
  ),
  leaves: fc.option(
    fc.uniqueArray(fc.constantFrom("a1", "a2", "a9")).map((ids) => ids.map((id) => leaf(id))),
    { nil: null },
  ),
});

test("nothing that a live owner holds, and nothing unseen, is ever planned", () => {
  fc.assert(
    fc.property(anyHoldings, anyWorld, (given, world) => {
      for (const target of planSweep(given, world)) expect(isFair(target, given, world)).toBe(true);
    }),
  );
});

test("a second plan over what the first has released is empty", () => {
  fc.assert(
    fc.property(anyHoldings, anyWorld, (given, world) => {
      const plan = planSweep(given, world);
      const gone = new Set<unknown>(plan.map(subjectOf));
      const after = {
        ...given,
        held: given.held.filter((resource) => !gone.has(resource)),
      };
      const rest: WorldSighting = {
        infrastructure: [],
        server: null,
        processes: world.processes?.filter((one) => !gone.has(one)) ?? null,
        sessions: world.sessions?.filter((one) => !gone.has(one)) ?? null,
        leaves: world.leaves?.filter(({ path }) => !gone.has(path)) ?? null,
      };
      // What a row had explained until now may show as a stray once more, and never more than that.
      const again = planSweep(after, rest).filter(({ is }) => is === "row" || is === "process");
      expect(again).toEqual([]);
    }),
  );
});

function subjectOf(target: SweepTarget): unknown {
  switch (target.is) {
    case "row":
      return target.resource;
    case "process":
      return target.process;
    case "session":
      return target.session;
    case "leaf":
      return target.leaf.path;
    case "agent":
      return target.agent;
  }
}

function isFair(target: SweepTarget, { held, ended, slots }: Holdings, world: WorldSighting) {
  const isHeldAs = (fits: (resource: Resource) => boolean) => held.some(fits);
  switch (target.is) {
    case "row":
      return ended.has(target.resource.owner);
    case "process":
      return !slots.has(target.process.slot ?? -1) && world.processes?.includes(target.process);
    case "session":
      return (
        world.sessions?.includes(target.session) &&
        !isHeldAs(({ kind, locator }) => kind === "tmux_session" && locator === target.session.name)
      );
    case "leaf":
      return !isHeldAs(
        ({ kind, owner }) => kind === "process_set" && owner === target.leaf.agentId,
      );
    case "agent":
      return false;
  }
}
