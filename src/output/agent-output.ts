/**
 * The answer to get_agent_output.
 *
 *   filter → tail or page → one form → line limits → byte budget
 *
 * Four ways to choose lines:
 *
 *   tail, or recent           the last n that match, read from the end
 *   before                    a page back: as much as fits of what ends there; nothing is left out,
 *                             and prev_cursor is where the page begins
 *   cursor, or no max_bytes   a page: from there on as much as fits; nothing is left out, and
 *                             next_cursor is where the page ends
 *   max_bytes alone           the whole stream, sampled: first, last, errors, results, newest
 */
import { wholeLinesEnd } from "./blocks.ts";
import { entriesOf, gapText, shortenEntry, type EntryForm, type OutputEntry } from "./entries.ts";
import { openFilter } from "./filter.ts";
import { paged, pagedBack } from "./page.ts";
import { pickEnds, pickTail, type Picked } from "./pick.ts";
import {
  ANSWER_MAX_BYTES,
  beginOf,
  budgetOf,
  END_BYTES,
  metadataOf,
  type OutputContext,
  outputOf,
  type OutputPart,
  type OutputRequest,
  range,
  type Reading,
} from "./reading.ts";
import { fitEntries, type Gap } from "./sample.ts";
import { summarized } from "./summary-answer.ts";
import { AGGRESSIVE_LIMITS, LINE_LIMITS } from "./truncate.ts";

const RECENT_LINES = 20;

/**
 * Reads an agent's output as it was asked for.
 *
 * Reads no more of the stream than the request needs, and holds a bounded part of it.
 * While the agent runs, an unfinished last line is left for the next call.
 *
 * @returns `truncated` when a line was shortened, something was left out, or more follows.
 * @throws {Fault} FILTER_INVALID; PROBE_FAILED when the stream could not be read.
 */
export async function agentOutput(
  request: OutputRequest,
  context: OutputContext,
): Promise<OutputPart> {
  const size = await context.file.size();
  const from = Math.min(request.cursor ?? 0, size);
  const filter =
    request.filter === undefined ? null : await openFilter(request.filter, context.matcher);
  try {
    const end = Math.min(request.before ?? size, size);
    // Elsewhere than at the end of the stream, an offset within a line means the line's begin.
    const isWhole = end === size && context.ended;
    const to = await wholeLinesEnd(context.file, from, end, isWhole, context.sizes);
    const reading = { ...context, request, from, to, size, filter };
    return request.response_format === "summary" ? await summarized(reading) : await shown(reading);
  } finally {
    await filter?.close();
  }
}

async function shown(reading: Reading): Promise<OutputPart> {
  const { request } = reading;
  const form = formOf(reading);
  if (request.tail !== undefined || request.response_format === "recent") {
    const maxLines = request.tail ?? RECENT_LINES;
    const wanted = { ...range(reading), maxLines, maxBytes: ANSWER_MAX_BYTES };
    return sampled(reading, form, await pickTail(reading.file, wanted));
  }
  if (request.before !== undefined) return pagedBack(reading, form);
  if (request.cursor === undefined && request.max_bytes !== undefined) {
    const wanted = { ...range(reading), maxBytes: Math.max(END_BYTES, request.max_bytes) };
    return sampled(reading, form, await pickEnds(reading.file, wanted));
  }
  return paged(reading, form);
}

function formOf({ request, harness }: Reading): EntryForm {
  const isEvents = request.response_format === "compact" || request.response_format === "recent";
  return {
    format: request.format,
    unit: isEvents ? "event" : "line",
    limits: request.aggressive_truncate ? AGGRESSIVE_LIMITS : LINE_LIMITS,
    harness,
    tellsPlain: request.format !== "text" || request.include_metadata,
  };
}

/** Everything that was picked, fitted into the budget. */
function sampled(reading: Reading, form: EntryForm, picked: Picked): OutputPart {
  const budget = budgetOf(reading);
  const hole: readonly OutputEntry[] = picked.hole === 0 ? [] : [holeEntry(picked.hole, form)];
  const entries = [
    ...picked.head.flatMap((line) => entriesOf(line, form)),
    ...hole,
    ...picked.rest.flatMap((line) => entriesOf(line, form)),
  ];
  const fitted = fitEntries({
    entries,
    maxBytes: budget,
    gapText: (gap) => gapText(gap, form.format),
    shorten: (entry, maxBytes) => shortenEntry(entry, maxBytes, form.limits),
  });
  const kept = fitted.parts.filter((part): part is OutputEntry => "weight" in part);
  const isCut = kept.some((entry) => entry.isCut);
  return {
    output: outputOf(
      fitted.parts.map(({ text }) => text),
      form.format,
    ),
    next_cursor: reading.to,
    prev_cursor: beginOf([...picked.head, ...picked.rest]),
    truncated: isCut || fitted.dropped > 0 || picked.leftOut,
    metadata: metadataOf(reading, picked.linesRead, picked.head.length + picked.rest.length, kept),
  };
}

/** Kept before everything else: without it the answer would look whole. */
function holeEntry(bytes: number, form: EntryForm): OutputEntry {
  const gap: Gap = { entries: 0, bytes };
  const text =
    form.format === "text"
      ? `…[${bytes} bytes in the middle not read; use cursor to page through them]`
      : gapText(gap, form.format);
  return { text, isCut: false, isPlain: false, weight: () => Number.MAX_SAFE_INTEGER };
}
