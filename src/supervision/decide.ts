/**
 * The supervisor's judgement, with no hands.
 *
 * Pure: given what is wanted, what was seen and what time it is, it answers with exactly one
 * action. `agent-pass.ts` performs it, records it, and asks again.
 *
 *   settled   exit record   runner   stop     answer
 *   -------   -----------   ------   ----     ------------------------------------------------
 *   no        there         any      any      settle: it ended; how, is in the record
 *   no        none          gone     any      settle: lost, or ended by the stop
 *   no        none          alive    none     begin a stop when a deadline has passed, else wait
 *   no        none          alive    begun    the ladder: interrupt, terminate, kill
 *   yes       any           any      any      empty its process set, then release the rest
 */
import type { StopCause, StopRecord } from "../agents/record.ts";
import type { EpochMs } from "../kernel/units.ts";

export interface StopPolicy {
  /** TERM to KILL. Milliseconds. */
  readonly termMs: number;
  /** TERM to KILL for what is left behind an agent that ended. Milliseconds. */
  readonly leftoverMs: number;
  /** How long a runner whose set is empty may take to write its record. Milliseconds. */
  readonly runnerMs: number;
}

/** Time between two looks at something that is being ended: short at first, then a quarter of what has passed. */
const POLL_LEAST_MS = 10;
const POLL_MOST_MS = 250;

/** Looks that must find a set empty, one after the other, before it counts as empty. */
export const PROOF_LOOKS = 2;

export interface AgentSighting {
  readonly settled: boolean;
  readonly hasExitRecord: boolean;
  /** "gone" only after a complete look; the exit record was read after that look. */
  readonly runner: "alive" | "gone";
  /** Complete looks in a row that found the process set empty; 0 when it has members or was not looked at. */
  readonly emptyLooks: number;
  /** True when the last complete look found members. */
  readonly hasMembers: boolean;
  /** When the set was first seen empty with the runner still there; null otherwise. */
  readonly emptySince: EpochMs | null;
  readonly stop: Pick<StopRecord, "graceMs" | "intAt" | "termAt" | "killAt"> | null;
  readonly heldCount: number;
  /** After a kill that left survivors, or a failed release: not before. */
  readonly retryAt: EpochMs;
  readonly wallUntil: EpochMs;
  readonly lingerUntil: EpochMs | null;
}

export type Action =
  | {
      readonly do:
        | "settle"
        | "look"
        | "interrupt"
        | "terminate"
        | "kill"
        | "end-runner"
        | "release";
    }
  | { readonly do: "begin-stop"; readonly cause: Extract<StopCause, "timeout" | "claimed"> }
  | { readonly do: "wait"; readonly until: EpochMs | "next-event" }
  /** Settled and everything released: nothing will ever be due again. */
  | { readonly do: "rest" };

/**
 * Chooses the next step for one agent.
 *
 * Level-driven: the answer depends on the sighting alone, so that a missed event or a
 * restarted daemon costs time and never correctness. Stopping is one-way.
 *
 * @returns Exactly one action. Never throws.
 */
export function decide(seen: AgentSighting, policy: StopPolicy, now: EpochMs): Action {
  if (seen.settled) return decideSettled(seen, policy, now);
  if (seen.hasExitRecord || seen.runner === "gone") return { do: "settle" };
  if (seen.stop !== null) return decideStopping(seen, seen.stop, policy, now);
  if (now >= seen.wallUntil) return { do: "begin-stop", cause: "timeout" };
  if (seen.lingerUntil !== null && now >= seen.lingerUntil) {
    return { do: "begin-stop", cause: "claimed" };
  }
  return { do: "wait", until: Math.min(seen.wallUntil, seen.lingerUntil ?? seen.wallUntil) };
}

function decideSettled(seen: AgentSighting, policy: StopPolicy, now: EpochMs): Action {
  if (seen.heldCount === 0) return { do: "rest" };
  if (now < seen.retryAt) return { do: "wait", until: seen.retryAt };
  if (seen.emptyLooks >= PROOF_LOOKS) return { do: "release" };
  if (!seen.hasMembers) return { do: "look" };
  const termAt = seen.stop?.termAt ?? null;
  if (seen.stop?.graceMs === 0) return { do: "kill" };
  if (termAt === null) return { do: "terminate" };
  // An agent that has ended needs no long grace any more: what it left gets the short one.
  const killAt = termAt + Math.min(policy.termMs, policy.leftoverMs);
  return now < killAt ? lookAgain(termAt, killAt, now) : { do: "kill" };
}

function decideStopping(
  seen: AgentSighting,
  stop: NonNullable<AgentSighting["stop"]>,
  policy: StopPolicy,
  now: EpochMs,
): Action {
  if (seen.emptyLooks >= PROOF_LOOKS) {
    const emptySince = seen.emptySince ?? now;
    const recordDue = emptySince + policy.runnerMs;
    return now < recordDue ? lookAgain(emptySince, recordDue, now) : { do: "end-runner" };
  }
  if (!seen.hasMembers) return { do: "look" };
  if (now < seen.retryAt) return { do: "wait", until: seen.retryAt };
  if (stop.graceMs === 0) return { do: "kill" };
  if (stop.intAt === null) return { do: "interrupt" };
  const termDue = stop.intAt + stop.graceMs;
  if (stop.termAt === null) {
    return now < termDue ? lookAgain(stop.intAt, termDue, now) : { do: "terminate" };
  }
  const killDue = stop.termAt + policy.termMs;
  return now < killDue ? lookAgain(stop.termAt, killDue, now) : { do: "kill" };
}

function lookAgain(since: EpochMs, until: EpochMs, now: EpochMs): Action {
  const poll = Math.min(POLL_MOST_MS, Math.max(POLL_LEAST_MS, (now - since) / 4));
  return { do: "wait", until: Math.min(until, now + poll) };
}
