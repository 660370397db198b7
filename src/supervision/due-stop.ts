/** Whether a running agent is to be stopped for what it does, or does not do. Pure. */
import type { AgentTrouble, StopCause } from "../agents/record.ts";
import type { TroubleKind } from "../contract/agent.ts";
import type { Doing, Surroundings } from "../harness/doing.ts";
import { explained } from "../harness/verdict.ts";
import { type EpochMs, humanDuration, isoTime } from "../kernel/units.ts";

/** Milliseconds each; 0 never stops. */
export interface WatchPolicy {
  /** From the result to the stop of an agent that does not leave. */
  readonly resultMs: number;
  /** From the first sight of a trouble to the stop. */
  readonly troubleMs: Readonly<Record<TroubleKind, number>>;
  /** Without a word, an open tool call, processor time or IO. */
  readonly idleMs: number;
  /** Why it may spend no more; null while it may. */
  readonly overBudget: string | null;
}

export interface DueStop {
  readonly cause: Extract<StopCause, "finished" | "idle" | "budget" | TroubleKind>;
  readonly reason: string;
}

/** After a provider's own reset, a CLI gets so long to be answered. */
const AFTER_RESET_MS = 60_000;

/**
 * Judges one agent.
 *
 * Silence alone stops nobody: an idle limit counts only from when the agent's processes were seen
 * to do nothing, and not while a tool call is open or a child lives.
 *
 * @param trouble  What keeps it from its model, when that is certain.
 * @param login    How to log in to its CLI.
 * @returns        Null when nothing is due. Never throws.
 */
export function dueStop(
  doing: Doing,
  trouble: AgentTrouble | null,
  around: Surroundings,
  policy: WatchPolicy,
  login: string,
): DueStop | null {
  const { now } = around;
  if (doing.finishedAt !== null) {
    const late = now - doing.finishedAt;
    if (policy.resultMs === 0 || late < policy.resultMs) return null;
    const reason = `It had not left ${humanDuration(late)} after its result and was stopped.`;
    return { cause: "finished", reason };
  }
  // A result that is out has cost what it has cost: then there is nothing left to save.
  if (policy.overBudget !== null) return { cause: "budget", reason: policy.overBudget };
  if (trouble !== null) {
    // What it waits for is known, and has its own time.
    const isOver = now >= endOf(trouble, policy.troubleMs[trouble.kind]);
    return isOver ? { cause: trouble.kind, reason: troubleReason(trouble, now, login) } : null;
  }
  return idleStop(doing, around, policy.idleMs);
}

/** A reset that comes within the time that a trouble may last is waited for, and a little longer. */
function endOf({ since, until }: AgentTrouble, limitMs: number): EpochMs {
  if (limitMs === 0) return Number.POSITIVE_INFINITY;
  const isSoon = until !== null && until <= since + limitMs;
  return Math.max(since + limitMs, isSoon ? until + AFTER_RESET_MS : 0);
}

function troubleReason(trouble: AgentTrouble, now: EpochMs, login: string): string {
  const { attempts, kind, message, since, until } = trouble;
  const what =
    kind === "rate_limited" && until !== null
      ? `rate limited by the model's provider until ${isoTime(until)} (${message})`
      : (explained(message, { login }) ?? `the model's end point does not answer (${message})`);
  const tried = attempts > 1 ? `, ${attempts} attempts` : "";
  return `Stopped after ${humanDuration(now - since)}${tried}: ${what}.`;
}

function idleStop(
  { asksFor, openCalls, saidAt }: Doing,
  { busyAt, liveChildren, now }: Surroundings,
  idleMs: number,
): DueStop | null {
  if (idleMs === 0 || openCalls.length > 0 || asksFor !== null || liveChildren > 0) return null;
  // Never looked at: whether its processes do anything is not known.
  if (busyAt === null) return null;
  const quietMs = now - Math.max(saidAt, busyAt);
  if (quietMs < idleMs) return null;
  const reason = `It was idle for ${humanDuration(quietMs)}: no word, no open tool call, no processor time, no IO.`;
  return { cause: "idle", reason };
}
