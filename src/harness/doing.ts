/**
 * What a running agent is doing, as far as its stream tells. Pure: a fold over its events, and
 * judgements over what the fold came to.
 */
import type { AgentTrouble } from "../agents/record.ts";
import type { Activity, TroubleKind } from "../contract/agent.ts";
import { type EpochMs, humanDuration } from "../kernel/units.ts";
import type { StreamEvent } from "./harness.ts";
import { resetAt } from "./reset-time.ts";
import { troubleOf } from "./troubles.ts";

export interface Doing {
  /** Tool calls without a result, oldest first; the newest OPEN_CALLS_MOST. */
  readonly openCalls: readonly { readonly id: string; readonly name: string }[];
  /** When the stream last said anything. */
  readonly saidAt: EpochMs;
  /** The tool whose call waits for somebody's permission. */
  readonly asksFor: string | null;
  /** When the result came with nothing behind it. */
  readonly finishedAt: EpochMs | null;
  readonly trouble: AgentTrouble | null;
}

const OPEN_CALLS_MOST = 100;
const MESSAGE_CHARS = 500;
/** The pseudo call of a CLI that prints its tool calls only when they are over. */
const STEP = "a step of its conversation";

/** The beginning: nothing was said yet. */
export function nothingSaid(at: EpochMs): Doing {
  return { openCalls: [], saidAt: at, asksFor: null, finishedAt: null, trouble: null };
}

/**
 * One more event.
 *
 * @param at          When it was said, or as early as that can be known.
 * @param hidesCalls  True for a CLI that prints a tool call when it is over: each step counts as one.
 */
export function doingAfter(
  before: Doing,
  event: StreamEvent,
  at: EpochMs,
  hidesCalls: boolean,
): Doing {
  const doing = { ...before, saidAt: at };
  switch (event.type) {
    case "started":
      return {
        ...doing,
        finishedAt: null,
        openCalls: hidesCalls ? [{ id: STEP, name: STEP }] : [],
      };
    case "tool_call":
      return { ...answered(doing), openCalls: opened(doing.openCalls, event) };
    case "tool_result":
      return { ...answered(doing), openCalls: doing.openCalls.filter(({ id }) => id !== event.id) };
    case "usage":
      return { ...answered(doing), openCalls: hidesCalls ? [] : doing.openCalls };
    case "text":
    case "thinking":
      return answered(doing);
    case "permission_needed":
      return event.isDenied ? doing : { ...doing, asksFor: event.tool };
    case "retry":
      return { ...doing, trouble: merged(doing.trouble, retryTrouble(event, at)) };
    case "rate_limited":
      return { ...doing, trouble: merged(doing.trouble, limitTrouble(event, at)) };
    case "error":
      return { ...doing, trouble: merged(doing.trouble, errorTrouble(event.message, at)) };
    case "result": {
      const trouble = event.isError ? doing.trouble : null;
      return { ...doing, openCalls: [], asksFor: null, finishedAt: at, trouble };
    }
    case "input":
      // It goes on with what it was told.
      return event.isTold ? { ...doing, finishedAt: null } : doing;
    case "unknown":
    case "plain":
      return doing;
  }
}

/** The model has answered: what kept the agent from it is over. */
function answered(doing: Doing): Doing {
  return { ...doing, asksFor: null, finishedAt: null, trouble: null };
}

function opened(
  calls: Doing["openCalls"],
  { id, name }: Extract<StreamEvent, { type: "tool_call" }>,
): Doing["openCalls"] {
  return [...calls.filter((call) => call.id !== id), { id, name }].slice(-OPEN_CALLS_MOST);
}

function retryTrouble(
  { error, attempt }: Extract<StreamEvent, { type: "retry" }>,
  at: EpochMs,
): AgentTrouble {
  // A CLI that asks again and does not say why has had no answer.
  return seen(kindOf(error) ?? "no_answer", error, at, attempt);
}

function limitTrouble(
  { attempt, message, until, waitMs }: Extract<StreamEvent, { type: "rate_limited" }>,
  at: EpochMs,
): AgentTrouble {
  const trouble = seen("rate_limited", message, at, attempt);
  return { ...trouble, until: until ?? (waitMs === null ? trouble.until : at + waitMs) };
}

function errorTrouble(message: string, at: EpochMs): AgentTrouble | null {
  const kind = kindOf(message);
  return kind === null ? null : seen(kind, message, at, null);
}

function kindOf(text: string): TroubleKind | null {
  const trouble = troubleOf(text);
  return trouble === "model_unknown" || trouble === "context_full" ? null : trouble;
}

function seen(
  kind: TroubleKind,
  text: string,
  since: EpochMs,
  attempt: number | null,
): AgentTrouble {
  return {
    kind,
    message: text.slice(0, MESSAGE_CHARS).toWellFormed(),
    since,
    until: resetAt(text, since),
    attempts: attempt ?? 1,
  };
}

/** The same trouble again goes on from its beginning. */
function merged(before: AgentTrouble | null, now: AgentTrouble | null): AgentTrouble | null {
  if (now === null || before?.kind !== now.kind) return now ?? before;
  const attempts = Math.max(before.attempts + 1, now.attempts);
  return { ...now, since: before.since, until: now.until ?? before.until, attempts };
}

/** What else is known of an agent. */
export interface Surroundings {
  readonly now: EpochMs;
  /** When its processes were last seen to use the processor or to read and write; null: never looked at. */
  readonly busyAt: EpochMs | null;
  /** Agents below it that live. */
  readonly liveChildren: number;
}

/** A model may think for so long before its silence means anything. */
export const QUIET_MS = 30_000;
/** Tools that an agent waits in for its children. */
const WAITS = /wait_for_agents|get_real_task_status/;
/** So many failures in a row are no hiccup. */
const CERTAIN_ATTEMPTS = 2;

/** What an agent is doing, in one word. Never throws. */
export function activityOf(doing: Doing, { now, busyAt, liveChildren }: Surroundings): Activity {
  const { asksFor, finishedAt, openCalls, saidAt } = doing;
  if (finishedAt !== null) return "result_but_not_exited";
  if (asksFor !== null) return "waiting_permission";
  const trouble = certainTrouble(doing);
  if (trouble?.kind === "rate_limited") return "rate_limited";
  if (liveChildren > 0 && openCalls.some(({ name }) => WAITS.test(name))) return "waiting_children";
  const isQuiet = now - Math.max(saidAt, busyAt ?? 0) >= QUIET_MS;
  if (openCalls.length > 0 || !isQuiet) return "working";
  return liveChildren > 0 ? "waiting_children" : "idle";
}

/** The trouble of an agent once it is no hiccup; null while there is none. A refused key is one at once. */
export function certainTrouble({ trouble }: Doing): AgentTrouble | null {
  if (trouble === null) return null;
  const isCertain = trouble.kind === "auth_failed" || trouble.kind === "rate_limited";
  return isCertain || trouble.attempts >= CERTAIN_ATTEMPTS ? trouble : null;
}

/**
 * The trouble of an agent whose model says nothing: no open tool call, no result, nothing said, and
 * its processes do nothing either.
 *
 * @param afterMs  How long a silence must have lasted; 0 never takes it for one.
 */
export function silentTrouble(
  doing: Doing,
  { now, busyAt, liveChildren }: Surroundings,
  afterMs: number,
): AgentTrouble | null {
  const since = Math.max(doing.saidAt, busyAt ?? 0);
  const isWaiting = doing.finishedAt === null && doing.asksFor === null && liveChildren === 0;
  if (afterMs === 0 || !isWaiting || doing.openCalls.length > 0 || busyAt === null) return null;
  if (now - since < afterMs) return null;
  const message = `nothing has come from its model for ${humanDuration(now - since)}`;
  return { kind: "no_answer", message, since, until: null, attempts: 1 };
}
