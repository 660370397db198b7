import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Action,
  type AgentSighting,
  decide,
  PROOF_LOOKS,
  type StopPolicy,
} from "../../../src/supervision/decide.ts";

const POLICY: StopPolicy = { termMs: 500, leftoverMs: 200, runnerMs: 1_000 };
const FAR = 1_000_000;
const STOP = { graceMs: 1_000, intAt: null, termAt: null, killAt: null };

const seen = (over: Partial<AgentSighting> = {}): AgentSighting => ({
  settled: false,
  hasExitRecord: false,
  runner: "alive",
  emptyLooks: 0,
  hasMembers: true,
  emptySince: null,
  stop: null,
  heldCount: 5,
  retryAt: 0,
  wallUntil: FAR,
  lingerUntil: null,
  ...over,
});
const what = (over: Partial<AgentSighting>, now = 0): Action["do"] =>
  decide(seen(over), POLICY, now).do;

const time = fc.integer({ min: 0, max: 2 * FAR });
const maybeTime = fc.option(time, { nil: null });
const anyStop = fc.record({
  graceMs: fc.integer({ min: 0, max: 600_000 }),
  intAt: maybeTime,
  termAt: maybeTime,
  killAt: maybeTime,
});
const anySighting = fc.record<AgentSighting>({
  settled: fc.boolean(),
  hasExitRecord: fc.boolean(),
  runner: fc.constantFrom("alive", "gone"),
  emptyLooks: fc.nat(4),
  hasMembers: fc.boolean(),
  emptySince: maybeTime,
  stop: fc.option(anyStop, { nil: null }),
  heldCount: fc.nat(20),
  retryAt: time,
  wallUntil: time,
  lingerUntil: maybeTime,
});

describe("the table", () => {
  test("an exit record settles, whoever is alive and whatever was begun", () => {
    expect(what({ hasExitRecord: true })).toBe("settle");
    expect(what({ hasExitRecord: true, stop: STOP, runner: "gone" })).toBe("settle");
  });

  test("a runner that is gone without a record settles", () => {
    expect(what({ runner: "gone" })).toBe("settle");
    expect(what({ runner: "gone", stop: STOP })).toBe("settle");
  });

  test("a living agent is left alone until its wall clock, to the millisecond", () => {
    expect(decide(seen(), POLICY, FAR - 1)).toEqual({ do: "wait", until: FAR });
    expect(decide(seen(), POLICY, FAR)).toEqual({ do: "begin-stop", cause: "timeout" });
  });

  test("a claimed completion ends its linger, to the millisecond", () => {
    const claimed = seen({ lingerUntil: 700 });
    expect(decide(claimed, POLICY, 699)).toEqual({ do: "wait", until: 700 });
    expect(decide(claimed, POLICY, 700)).toEqual({ do: "begin-stop", cause: "claimed" });
  });

  test("settled with nothing held is rest; settled with an empty set is release", () => {
    expect(what({ settled: true, heldCount: 0 })).toBe("rest");
    expect(what({ settled: true, emptyLooks: PROOF_LOOKS })).toBe("release");
  });
});

describe("the ladder", () => {
  test("looks, interrupts, waits out the grace, terminates, waits, kills", () => {
    expect(what({ stop: STOP, hasMembers: false })).toBe("look");
    expect(what({ stop: STOP })).toBe("interrupt");
    const interrupted = { ...STOP, intAt: 100 };
    expect(what({ stop: interrupted }, 1_099)).toBe("wait");
    expect(what({ stop: interrupted }, 1_100)).toBe("terminate");
    const terminated = { ...interrupted, termAt: 1_100 };
    expect(what({ stop: terminated }, 1_599)).toBe("wait");
    expect(what({ stop: terminated }, 1_600)).toBe("kill");
  });

  test("without grace it kills at once", () => {
    expect(what({ stop: { ...STOP, graceMs: 0 } })).toBe("kill");
  });

  test("an empty set waits for the runner's record, then ends the runner", () => {
    const empty = { stop: STOP, emptyLooks: PROOF_LOOKS, hasMembers: false, emptySince: 50 };
    expect(what(empty, 1_049)).toBe("wait");
    expect(what(empty, 1_050)).toBe("end-runner");
  });

  test("what an ended agent left behind gets TERM and the short grace", () => {
    expect(what({ settled: true })).toBe("terminate");
    const termed = { settled: true, stop: { ...STOP, graceMs: 1, termAt: 0 } };
    expect(what(termed, POLICY.leftoverMs - 1)).toBe("wait");
    expect(what(termed, POLICY.leftoverMs)).toBe("kill");
  });

  test("survivors of a kill are tried again later, not at once", () => {
    const survivors = seen({ settled: true, retryAt: 900, stop: { ...STOP, termAt: 0 } });
    expect(decide(survivors, POLICY, 899)).toEqual({ do: "wait", until: 900 });
    expect(decide(survivors, POLICY, 900).do).toBe("kill");
  });
});

describe("for every sighting", () => {
  const holds = (says: (view: AgentSighting, action: Action, now: number) => boolean): void => {
    fc.assert(
      fc.property(anySighting, time, (view, now) => says(view, decide(view, POLICY, now), now)),
      { numRuns: 2_000 },
    );
  };
  const LIVE_ONLY = new Set<Action["do"]>(["settle", "begin-stop", "interrupt"]);

  test("the same sighting gets the same answer", () => {
    holds((view, action, now) => {
      expect(decide(structuredClone(view), POLICY, now)).toEqual(action);
      return true;
    });
  });

  test("nothing is begun or settled again for a settled agent", () => {
    holds((view, action) => !view.settled || !LIVE_ONLY.has(action.do));
  });

  test("stopping is one-way: no stop is begun twice", () => {
    holds((view, action) => view.stop === null || action.do !== "begin-stop");
  });

  test("without a stop a live agent is never signalled", () => {
    const blows = new Set<Action["do"]>(["interrupt", "terminate", "kill", "end-runner"]);
    holds((view, action) => view.settled || view.stop !== null || !blows.has(action.do));
  });

  test("TERM comes only after INT and its grace", () => {
    holds(({ settled, stop }, action, now) => {
      if (settled || action.do !== "terminate") return true;
      return stop?.intAt != null && now >= stop.intAt + stop.graceMs;
    });
  });

  test("KILL comes only after TERM and its time, or when there is no grace", () => {
    holds(({ settled, stop }, action, now) => {
      if (action.do !== "kill") return true;
      const least = settled ? Math.min(POLICY.termMs, POLICY.leftoverMs) : POLICY.termMs;
      return stop?.graceMs === 0 || (stop?.termAt != null && now >= stop.termAt + least);
    });
  });

  test("nothing is released before the set was found empty often enough", () => {
    holds((view, action) => action.do !== "release" || view.emptyLooks >= PROOF_LOOKS);
  });

  test("only a settled agent releases, and only one that holds nothing rests", () => {
    holds((view, action) => {
      if (action.do === "release") return view.settled;
      return action.do !== "rest" || (view.settled && view.heldCount === 0);
    });
  });

  test("a wait is never for the past", () => {
    holds((_, action, now) => action.do !== "wait" || Number(action.until) > now);
  });

  test("the runner is ended only when the set is empty", () => {
    holds((view, action) => action.do !== "end-runner" || view.emptyLooks >= PROOF_LOOKS);
  });
});
