/** How an agent ended, worked out once from what is known. Pure. */
import type { Settlement, StopRecord } from "../agents/record.ts";
import type { Usage } from "../contract/agent.ts";
import type { Harness, StreamOutcome } from "../harness/harness.ts";
import type { EpochMs } from "../kernel/units.ts";
import { ownUsage, toldTotal } from "../output/own-usage.ts";

/** What the runner wrote down when the agent's process ended. */
export interface ExitRecord {
  readonly code: number | null;
  readonly signal: string | null;
  readonly endedAt: EpochMs;
  /** True when the runner itself enforced the wall clock. */
  readonly timedOut: boolean;
  /** True when the runner itself ended it because no daemon had come back in time. */
  readonly daemonGone: boolean;
}

export interface End {
  /** Null when the runner died without writing one. */
  readonly exit: ExitRecord | null;
  readonly outcome: StreamOutcome;
  readonly stop: StopRecord | null;
  /** The agent's last word about itself, when it gave one. */
  readonly reported: string | null;
  /** The end of its stderr; "" when it wrote none. */
  readonly stderrTail: string;
  /** True when the machine was started anew since the deploy. */
  readonly rebooted: boolean;
  /** The last total of its conversation that was told to the runs before it; absent or null for none. */
  readonly usageBefore?: Usage | null;
  /** For an end without a record. */
  readonly now: EpochMs;
}

const STDERR_IN_REASON = 600;

/**
 * Judges an end. The first cause wins: a stop that Corral began before the end names it;
 * otherwise the exit and the parsed result do; the agent's own word never does.
 */
export function judgeEnd(end: End, harness: Pick<Harness, "judge" | "resume">): Settlement {
  const counts = harness.resume?.counts;
  const facts = {
    exitCode: end.exit?.code ?? null,
    signal: end.exit?.signal ?? null,
    endedAt: end.exit?.endedAt ?? end.now,
    usage: ownUsage(end.outcome, counts, end.usageBefore ?? null),
    usageTold: toldTotal(end.outcome, counts),
    cliSession: end.outcome.sessionId,
    result: end.outcome.result?.text || end.outcome.lastText,
  };
  const { status, reason } = statusAndReason(end, harness);
  return { ...facts, status, reason: FAILURES.has(status) ? withStderr(reason, end) : reason };
}

/** What is told with the end of its stderr: whoever hears of it wants to know why, and asked for none of it. */
const FAILURES: ReadonlySet<Settlement["status"]> = new Set(["failed", "timed_out", "lost"]);

function statusAndReason(
  end: End,
  harness: Pick<Harness, "judge">,
): Pick<Settlement, "status" | "reason"> {
  if (end.stop !== null) return byStop(end.stop, end, harness);
  if (end.exit === null) return lost(end.rebooted);
  if (end.exit.timedOut) {
    return { status: "timed_out", reason: "Its wall clock ran out and its runner stopped it." };
  }
  if (end.exit.daemonGone) {
    return {
      status: "killed",
      reason: "No daemon came back in the time that on_daemon_gone allows; its runner stopped it.",
    };
  }
  const { ok, reason } = harness.judge(end.exit, end.outcome);
  if (ok) return { status: "completed", reason };
  return { status: "failed", reason };
}

function byStop(
  stop: StopRecord,
  end: End,
  harness: Pick<Harness, "judge">,
): Pick<Settlement, "status" | "reason"> {
  switch (stop.cause) {
    case "kill":
    case "limit":
    case "budget":
    case "shutdown":
    case "closed":
      return { status: "killed", reason: stop.reason };
    case "timeout":
    case "idle":
      return { status: "timed_out", reason: stop.reason };
    case "claimed":
      return { status: "completed", reason: stop.reason };
    case "finished":
      return finished(stop, end, harness);
    case "launch_failed":
    case "auth_failed":
    case "rate_limited":
    case "overloaded":
    case "no_answer":
      return { status: "failed", reason: stop.reason };
  }
}

/** Its result was out before it was stopped: that is what it came to, whatever the signals made of its exit. */
function finished(
  { reason: stopped }: StopRecord,
  { outcome }: End,
  harness: Pick<Harness, "judge">,
): Pick<Settlement, "status" | "reason"> {
  const { ok, reason } = harness.judge({ code: 0, signal: null }, outcome);
  return { status: ok ? "completed" : "failed", reason: `${reason}. ${stopped}` };
}

function lost(rebooted: boolean): Pick<Settlement, "status" | "reason"> {
  return {
    status: "lost",
    reason: rebooted
      ? "The machine was restarted while it ran; how it ended is not known."
      : "Its runner died without writing how it ended; what was left of it was stopped.",
  };
}

function withStderr(reason: string, { stderrTail }: Pick<End, "stderrTail">): string {
  const tail = stderrTail.trim().slice(-STDERR_IN_REASON);
  // A failed deploy has said it already.
  return tail === "" || reason.includes(tail)
    ? reason
    : `${reason.replace(/[.]?$/, ".")} Its stderr ends: ${tail}`;
}
