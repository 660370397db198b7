import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StopCause, StopRecord } from "../../../src/agents/record.ts";
import { commandHarness } from "../../../src/harness/command.ts";
import type { StreamOutcome } from "../../../src/harness/harness.ts";
import { type End, type ExitRecord, judgeEnd } from "../../../src/supervision/judge-end.ts";

const NO_OUTCOME = { usage: null, sessionId: null } as StreamOutcome;
const exit = (over: Partial<ExitRecord> = {}): ExitRecord => ({
  code: 0,
  signal: null,
  endedAt: 5_000,
  timedOut: false,
  daemonGone: false,
  ...over,
});
const stop = (cause: StopCause): StopRecord => ({
  cause,
  reason: `because of ${cause}`,
  graceMs: 0,
  requestedAt: 0,
  intAt: null,
  termAt: null,
  killAt: null,
});
const judged = (over: Partial<End>) =>
  judgeEnd(
    {
      exit: exit(),
      outcome: NO_OUTCOME,
      stop: null,
      reported: null,
      stderrTail: "",
      rebooted: false,
      now: 9_000,
      ...over,
    },
    commandHarness,
  );

describe("an end without a stop", () => {
  test("code 0 is completed, at the time of the record", () => {
    expect(judged({})).toMatchObject({ status: "completed", exitCode: 0, endedAt: 5_000 });
  });

  test("another code is failed, with the end of its stderr", () => {
    const settlement = judged({
      exit: exit({ code: 3 }),
      stderrTail: "x".repeat(900) + "the end\n",
    });
    expect(settlement).toMatchObject({ status: "failed", exitCode: 3 });
    expect(settlement.reason).toMatch(/^exited with code 3\. Its stderr ends: x{593}the end$/);
  });

  test("a signal is failed and named", () => {
    const settlement = judged({ exit: exit({ code: null, signal: "SIGSEGV" }) });
    expect(settlement).toMatchObject({ status: "failed", signal: "SIGSEGV", exitCode: null });
  });

  test("the runner's own wall clock is timed_out, whatever the code", () => {
    expect(judged({ exit: exit({ timedOut: true, code: 0 }) }).status).toBe("timed_out");
  });

  test("a runner that saw no daemon for too long has killed it, whatever the code", () => {
    const settlement = judged({ exit: exit({ daemonGone: true, code: 0 }) });
    expect(settlement).toMatchObject({ status: "killed", exitCode: 0 });
    expect(settlement.reason).toContain("on_daemon_gone");
  });

  test("no record is lost, now, with no code; a reboot says so", () => {
    expect(judged({ exit: null })).toMatchObject({
      status: "lost",
      exitCode: null,
      endedAt: 9_000,
    });
    expect(judged({ exit: null, rebooted: true }).reason).toContain("restarted");
  });
});

test.for([
  ["kill", "killed"],
  ["shutdown", "killed"],
  ["timeout", "timed_out"],
  ["claimed", "completed"],
  ["launch_failed", "failed"],
] as const)("a stop because of %s names the end: %s", ([cause, status]) => {
  const settlement = judged({ stop: stop(cause), exit: exit({ code: 143 }) });
  expect(settlement).toMatchObject({ status, exitCode: 143, reason: `because of ${cause}` });
});

test.for([
  ["failed", { exit: exit({ code: 3 }) }],
  ["failed", { stop: stop("no_answer") }],
  ["timed_out", { stop: stop("timeout") }],
  ["timed_out", { exit: exit({ timedOut: true }) }],
  ["lost", { exit: null }],
] as const)("the reason of every end that is %s has the end of its stderr", ([status, over]) => {
  const settlement = judged({ ...over, stderrTail: "no such table\n" });
  expect(settlement.status).toBe(status);
  expect(settlement.reason).toMatch(/[^.]\. Its stderr ends: no such table$/);
});

test("no stderr is told of an end that somebody wanted, and none twice", () => {
  const stderrTail = "a warning\n";
  expect(judged({ stderrTail }).reason).not.toContain("warning");
  expect(judged({ stop: stop("kill"), stderrTail }).reason).toBe("because of kill");
  const said = { ...stop("launch_failed"), reason: "Its deploy failed: a warning" };
  expect(judged({ stop: said, stderrTail }).reason).toBe("Its deploy failed: a warning");
});

const anyEnd = fc.record({
  exit: fc.option(
    fc.record({
      code: fc.option(fc.nat(255), { nil: null }),
      signal: fc.option(fc.constantFrom("SIGKILL", "SIGTERM"), { nil: null }),
      endedAt: fc.nat(),
      timedOut: fc.boolean(),
      daemonGone: fc.boolean(),
    }),
    { nil: null },
  ),
  stop: fc.option(
    fc
      .constantFrom<StopCause>(
        "kill",
        "timeout",
        "claimed",
        "shutdown",
        "launch_failed",
        "finished",
        "idle",
        "auth_failed",
        "no_answer",
      )
      .map(stop),
    { nil: null },
  ),
  stderrTail: fc.string(),
  rebooted: fc.boolean(),
});

test.for([
  ["idle", "timed_out"],
  ["auth_failed", "failed"],
  ["rate_limited", "failed"],
  ["overloaded", "failed"],
  ["no_answer", "failed"],
] as const)("a stop for %s is %s, with its reason", ([cause, status]) => {
  expect(judged({ stop: stop(cause) })).toMatchObject({ status, reason: `because of ${cause}` });
});

test("one that was reaped behind its result is what its result was", () => {
  const killed = exit({ code: null, signal: "SIGKILL" });
  expect(judged({ stop: stop("finished"), exit: killed })).toMatchObject({
    status: "completed",
    signal: "SIGKILL",
    reason: "completed. because of finished",
  });
});

test("code, signal and time are always the record's own", () => {
  fc.assert(
    fc.property(anyEnd, (over) => {
      const settlement = judged(over);
      expect(settlement.exitCode).toBe(over.exit?.code ?? null);
      expect(settlement.signal).toBe(over.exit?.signal ?? null);
      expect(settlement.endedAt).toBe(over.exit?.endedAt ?? 9_000);
    }),
  );
});

test("the agent's own word never changes how it ended", () => {
  fc.assert(
    fc.property(anyEnd, fc.constantFrom("completed", "failed", "blocked", null), (over, word) => {
      expect(judged({ ...over, reported: word })).toEqual(judged({ ...over, reported: null }));
    }),
  );
});

test("it is lost only without a record and without a stop", () => {
  fc.assert(
    fc.property(anyEnd, (over) => {
      const isUnknown = over.exit === null && over.stop === null;
      expect(judged(over).status === "lost").toBe(isUnknown);
    }),
  );
});
