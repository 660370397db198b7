/**
 * What a stream amounts to, read on as it grows.
 *
 * The state is plain JSON: keep it, and the next call goes on where the last one stopped.
 */
import type { Activity, Usage } from "../contract/agent.ts";
import type { Harness, StreamEvent, StreamOutcome } from "../harness/harness.ts";
import { heardAfter, NOTHING_HEARD } from "./heard.ts";
import { BLOCK_SIZES, forwardBlocks, wholeLinesEnd, type BlockSizes } from "./blocks.ts";
import { linesOf } from "./lines.ts";
import type { OutputFile } from "./ports.ts";

export interface OutcomeState {
  /** Behind the last whole line that was judged. Byte offset. */
  readonly cursor: number;
  /** How far a newline has been looked for; >= cursor. Byte offset. */
  readonly scanned: number;
  readonly outcome: StreamOutcome;
  /** Derived from the last event that says something; null before the first. */
  readonly activity: Activity | null;
}

/** Kept of the last thing that an agent said. Characters. */
const LAST_TEXT_CHARS = 2_000;

export const NO_OUTCOME: OutcomeState = {
  cursor: 0,
  scanned: 0,
  outcome: {
    result: null,
    sessionId: null,
    usage: null,
    answers: null,
    turnsCounted: [],
    lastError: null,
    denials: 0,
    lastText: "",
    isTextOpen: false,
    unknown: 0,
    heard: NOTHING_HEARD,
  },
  activity: null,
};

/**
 * Reads what came since the last call and folds it into the state.
 *
 * Bytes before `state.cursor` are never read again, and an unfinished line is not read
 * twice to look for its end. Calls for one stream must follow each other.
 *
 * @param state  {@link NO_OUTCOME} the first time, then what the last call answered.
 * @param ended  True once nothing more will be written: the last line then needs no newline.
 * @throws {Fault} PROBE_FAILED when the stream could not be read; the state stays good.
 */
export async function streamOutcome(
  state: OutcomeState,
  file: OutputFile,
  harness: Pick<Harness, "events">,
  ended: boolean,
  sizes: BlockSizes = BLOCK_SIZES,
): Promise<OutcomeState> {
  const size = await file.size();
  const found = await wholeLinesEnd(
    file,
    Math.max(state.scanned, state.cursor),
    size,
    ended,
    sizes,
  );
  // No newline in what is new: the line that was open is still open.
  const hasNewEnd = ended ? size > state.cursor : found > state.scanned;
  if (!hasNewEnd) return { ...state, scanned: Math.max(state.scanned, size) };
  let { outcome, activity } = state;
  for await (const block of forwardBlocks(file, state.cursor, found, sizes)) {
    for (const event of linesOf(block).flatMap(({ text }) => harness.events(text))) {
      outcome = foldEvent(outcome, event);
      activity = activityAfter(event) ?? activity;
    }
  }
  return { cursor: found, scanned: Math.max(found, size), outcome, activity };
}

/** One more event. A later result replaces an earlier one; errors that were got over stay told. */
export function foldEvent(outcome: StreamOutcome, event: StreamEvent): StreamOutcome {
  const heard = heardAfter(outcome.heard, event);
  const after = foldSaid(outcome, event);
  return heard === after.heard ? after : { ...after, heard };
}

function foldSaid(outcome: StreamOutcome, event: StreamEvent): StreamOutcome {
  switch (event.type) {
    case "started":
      return { ...outcome, sessionId: event.sessionId ?? outcome.sessionId };
    case "result":
      return withResult(outcome, event);
    case "usage":
      return withTurn(outcome, event);
    case "error":
      return { ...outcome, lastError: event.message };
    case "retry":
      return { ...outcome, lastError: event.error };
    case "rate_limited":
      return { ...outcome, lastError: event.message };
    case "permission_needed":
      return event.isDenied ? { ...outcome, denials: outcome.denials + 1 } : outcome;
    case "text":
      return { ...outcome, ...textAfter(outcome, event) };
    case "unknown":
      return { ...outcome, unknown: outcome.unknown + 1 };
    case "thinking":
    case "tool_call":
    case "tool_result":
      return outcome.isTextOpen ? { ...outcome, isTextOpen: false } : outcome;
    case "plain":
    case "input":
      return outcome;
  }
}

/** Its totals are of all so far; the turns that it counts began after the result before it. */
function withResult(
  outcome: StreamOutcome,
  event: Extract<StreamEvent, { type: "result" }>,
): StreamOutcome {
  const before = outcome.result?.usage?.turns ?? null;
  const { usage } = event;
  if (usage === null) return { ...outcome, result: event };
  const turns = before === null || usage.turns === null ? usage.turns : before + usage.turns;
  const total = { ...usage, turns };
  return { ...outcome, result: { ...event, usage: total }, usage: total };
}

function textAfter(
  { isTextOpen, lastText }: StreamOutcome,
  { partial, text }: Extract<StreamEvent, { type: "text" }>,
): Pick<StreamOutcome, "lastText" | "isTextOpen"> {
  const isPart = partial === true;
  const before = isPart && isTextOpen ? lastText : "";
  return { lastText: `${before}${text}`.slice(0, LAST_TEXT_CHARS), isTextOpen: isPart };
}

/** Lines of one turn come close together, those of agents inside the agent between them. */
const TURNS_KEPT = 64;

function withTurn(
  outcome: StreamOutcome,
  { turn, usage }: Extract<StreamEvent, { type: "usage" }>,
): StreamOutcome {
  const counted = outcome.turnsCounted;
  if (turn !== undefined && counted.includes(turn)) return outcome;
  const turnsCounted = turn === undefined ? counted : [...counted, turn].slice(-TURNS_KEPT);
  const answers = addUsage(outcome.answers, usage);
  return { ...outcome, usage: addUsage(outcome.usage, usage), answers, turnsCounted };
}

/** What one more turn used up on top of the turns before; a fact that neither told stays null. */
function addUsage(before: Usage | null, turn: Usage): Usage {
  const sum = (key: keyof Usage): number | null => {
    const [one, other] = [before?.[key] ?? null, turn[key]];
    return one === null && other === null ? null : (one ?? 0) + (other ?? 0);
  };
  return {
    input_tokens: sum("input_tokens"),
    cached_tokens: sum("cached_tokens"),
    output_tokens: sum("output_tokens"),
    cost_usd: sum("cost_usd"),
    turns: sum("turns"),
  };
}

function activityAfter(event: StreamEvent): Activity | null {
  switch (event.type) {
    case "rate_limited":
      return "rate_limited";
    case "permission_needed":
      return event.isDenied ? null : "waiting_permission";
    case "retry":
      return "working";
    case "result":
      return "result_but_not_exited";
    case "unknown":
    case "plain":
    case "usage":
    case "error":
    case "input":
      return null;
    case "started":
    case "text":
    case "thinking":
    case "tool_call":
    case "tool_result":
      return "working";
  }
}
