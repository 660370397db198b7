/**
 * How an end is judged, for every CLI that says what came of its work.
 *
 * The exit code alone proves nothing: an interrupted Claude Code exits 0, and so does a Gemini
 * that was told to terminate. What counts is a result without error, and an end that does not
 * contradict it.
 */
import { isoTime } from "../kernel/units.ts";
import { describeExit, endingSignal } from "./endings.ts";
import type { ExitFacts, StreamOutcome } from "./harness.ts";
import { resetOf } from "./reset-time.ts";
import { type Trouble, troubleOf } from "./troubles.ts";

export interface Verdict {
  readonly ok: boolean;
  /** For people: what happened, and where it is known what to do about it. */
  readonly reason: string;
}

/** What differs from CLI to CLI in the words of a reason. */
export interface VerdictWords {
  /** How to log in, imperative, no full stop. */
  readonly login: string;
  /** Exit codes that mean the same as the result's error, so that they are not repeated. */
  readonly isPlainFailure?: (code: number) => boolean;
}

/** Judges an end by the exit and by what the stream came to. Never throws. */
export function verdictOf(exit: ExitFacts, outcome: StreamOutcome, words: VerdictWords): Verdict {
  const { result } = outcome;
  if (result === null) return { ok: false, reason: withoutResult(exit, outcome, words) };
  if (result.isError) return { ok: false, reason: failed(exit, result.text, words) };
  return succeeded(exit, result.permissionDenials ?? outcome.denials);
}

function succeeded(exit: ExitFacts, denials: number): Verdict {
  const denied = denials === 0 ? "" : `; ${deniedCalls(denials)}`;
  if (exit.code === 0) return { ok: true, reason: `completed${denied}` };
  // The result was out before the signal came, so the work itself was finished.
  if (endingSignal(exit) !== null) {
    return { ok: true, reason: `completed${denied}, then ${describeExit(exit)}` };
  }
  return { ok: false, reason: `${describeExit(exit)} after a successful result${denied}` };
}

function failed(exit: ExitFacts, text: string, words: VerdictWords): string {
  const cause = explained(text, words) ?? text;
  const { code } = exit;
  const isPlain = code !== null && (code <= 1 || words.isPlainFailure?.(code) === true);
  return isPlain ? cause : `${cause}; ${describeExit(exit)}`;
}

function withoutResult(
  exit: ExitFacts,
  { denials, lastError, sessionId }: StreamOutcome,
  words: VerdictWords,
): string {
  const how = exit.code === 0 ? "ended without a result" : `${describeExit(exit)} without a result`;
  const denied = denials === 0 ? "" : `; ${deniedCalls(denials)}`;
  if (lastError !== null) {
    return `${how}; ${explained(lastError, words) ?? `last error: ${lastError}`}${denied}`;
  }
  if (denied !== "" || sessionId !== null) return `${how}${denied}`;
  return `${how}, before its first word: its stderr says why`;
}

function deniedCalls(denials: number): string {
  return `${denials} tool ${denials === 1 ? "call was" : "calls were"} denied`;
}

/** What a failure means and what to do about it; null when the text has to speak for itself. */
export function explained(text: string, { login }: VerdictWords): string | null {
  const trouble = troubleOf(text);
  if (trouble === null) return null;
  return trouble === "auth_failed" ? `not logged in: ${login}` : EXPLANATIONS[trouble](text);
}

const EXPLANATIONS: Readonly<Record<Exclude<Trouble, "auth_failed">, (text: string) => string>> = {
  rate_limited: (text) => {
    const { until } = resetOf(text);
    const ends = until === null ? "" : ` until ${isoTime(until)}`;
    return `rate limited by the model's provider${ends} (${text})`;
  },
  model_unknown: (text) => `the model is not known there: deploy with another model (${text})`,
  context_full: (text) =>
    `the conversation no longer fits the model's context: give it a smaller mission (${text})`,
  overloaded: (text) => `the model's provider is overloaded: try again later (${text})`,
  no_answer: (text) => `the model's end point does not answer (${text})`,
};
