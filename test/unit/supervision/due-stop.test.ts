import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AgentTrouble } from "../../../src/agents/record.ts";
import { type Doing, nothingSaid } from "../../../src/harness/doing.ts";
import { dueStop, type WatchPolicy } from "../../../src/supervision/due-stop.ts";

const POLICY: WatchPolicy = {
  resultMs: 30_000,
  idleMs: 60_000,
  overBudget: null,
  troubleMs: {
    auth_failed: 20_000,
    rate_limited: 900_000,
    overloaded: 900_000,
    no_answer: 600_000,
  },
};
const quiet: Doing = nothingSaid(0);
const at = (now: number, busyAt: number | null = 0, liveChildren = 0) => ({
  now,
  busyAt,
  liveChildren,
});
const trouble = (over: Partial<AgentTrouble>): AgentTrouble => ({
  kind: "auth_failed",
  message: "401",
  since: 0,
  until: null,
  attempts: 3,
  ...over,
});
const due = (
  doing: Doing,
  seen: AgentTrouble | null,
  around: ReturnType<typeof at>,
  policy = POLICY,
) => dueStop(doing, seen, around, policy, "run `x login`");

describe("a result", () => {
  const finished = { ...quiet, finishedAt: 1_000 };
  test("gives the agent its time to leave", () => {
    expect(due(finished, null, at(30_999))).toBeNull();
    expect(due(finished, null, at(31_000))).toMatchObject({ cause: "finished" });
  });
  test("without a limit it may stay", () => {
    expect(due(finished, null, at(1e9), { ...POLICY, resultMs: 0 })).toBeNull();
  });
});

describe("a budget that is spent", () => {
  const spent = { ...POLICY, overBudget: "It has spent its budget." };
  test("stops at once, whatever else the agent is in", () => {
    const stop = { cause: "budget", reason: "It has spent its budget." };
    expect(due(quiet, null, at(1), spent)).toEqual(stop);
    expect(due(quiet, trouble({}), at(1), spent)).toEqual(stop);
  });
  test("spares a result that is out: it has its usual time to leave", () => {
    const finished = { ...quiet, finishedAt: 1_000 };
    expect(due(finished, null, at(2_000), spent)).toBeNull();
    expect(due(finished, null, at(40_000), spent)).toMatchObject({ cause: "finished" });
  });
});

describe("a trouble", () => {
  test("is ended after its own time, with a reason that says what to do", () => {
    expect(due(quiet, trouble({}), at(19_999))).toBeNull();
    expect(due(quiet, trouble({}), at(20_000))).toEqual({
      cause: "auth_failed",
      reason: "Stopped after 20.0 s, 3 attempts: not logged in: run `x login`.",
    });
  });
  test("a reset in time is waited for, and one that comes too late is not", () => {
    const soon = trouble({ kind: "rate_limited", message: "429", until: 890_000 });
    expect(due(quiet, soon, at(900_000))).toBeNull();
    expect(due(quiet, soon, at(950_000))).toMatchObject({ cause: "rate_limited" });
    const late = trouble({ kind: "rate_limited", message: "429", until: 9e6 });
    expect(due(quiet, late, at(900_000))?.reason).toContain("until 1970-01-01T02:30:00.000Z");
  });
  test("with its limit at 0 it may go on", () => {
    const policy = { ...POLICY, idleMs: 0, troubleMs: { ...POLICY.troubleMs, auth_failed: 0 } };
    expect(due(quiet, trouble({}), at(1e9), policy)).toBeNull();
  });
});

describe("silence", () => {
  test("stops only what does nothing at all", () => {
    expect(due(quiet, null, at(60_000))).toMatchObject({ cause: "idle" });
    expect(due(quiet, null, at(59_999))).toBeNull();
    expect(due(quiet, null, at(90_000, 40_000)), "its processes worked").toBeNull();
    expect(due(quiet, null, at(90_000, null)), "nobody has looked").toBeNull();
    expect(due(quiet, null, at(90_000, 0, 1)), "a child lives").toBeNull();
  });
  test("never stops an agent with an open tool call, whatever else is so", () => {
    const calling = { ...quiet, openCalls: [{ id: "1", name: "Bash" }] };
    fc.assert(
      fc.property(fc.nat(1e9), fc.option(fc.nat(1e9)), fc.nat(3), (now, busyAt, children) => {
        expect(due(calling, null, at(now, busyAt, children))).toBeNull();
      }),
    );
  });
});
