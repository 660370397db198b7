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
import type { AgentOutputAnswer, AgentOutputInput } from "../contract/tools.ts";
import type { Harness } from "../harness/harness.ts";
import { MIB } from "../kernel/units.ts";
import { BLOCK_SIZES, wholeLinesEnd, type BlockSizes } from "./blocks.ts";
import { entriesOf, gapText, shortenEntry, type EntryForm, type OutputEntry } from "./entries.ts";
import { openFilter, type LineFilter } from "./filter.ts";
import { linesFrom, tailLines, type LinesPage } from "./lines.ts";
import { pickEnds, pickTail, type Picked } from "./pick.ts";
import type { LineMatcher, OutputFile } from "./ports.ts";
import { fitEntries, type Gap } from "./sample.ts";
import { renderSummary, summarizing } from "./summary.ts";
import { AGGRESSIVE_LIMITS, LINE_LIMITS } from "./truncate.ts";

/** What of the tool's input matters here. */
export type OutputRequest = Pick<
  AgentOutputInput,
  | "tail"
  | "filter"
  | "format"
  | "include_metadata"
  | "max_bytes"
  | "aggressive_truncate"
  | "response_format"
  | "cursor"
  | "before"
>;

export interface OutputContext {
  readonly file: OutputFile;
  readonly harness: Pick<Harness, "events">;
  readonly matcher: LineMatcher;
  /** True when nothing more will be written. */
  readonly ended: boolean;
  /** For the metadata. */
  readonly path: string;
  /** How long the agent ran, for a summary of a stream that does not say it; null while it runs. Milliseconds. */
  readonly ranMs?: number | null;
  /** For tests; absent means the usual. */
  readonly sizes?: BlockSizes;
}

export type OutputPart = Pick<
  AgentOutputAnswer,
  "output" | "next_cursor" | "prev_cursor" | "truncated" | "metadata"
>;

/** Most that one answer holds, and most of a stream that is held for it at once. */
const ANSWER_MAX_BYTES = 16 * MIB;
/** A longer stream is sampled from this much of each end, or the whole budget if that is more. */
const END_BYTES = MIB;
/** A longer stream is summarized from this much of its beginning and END_BYTES of its end. */
const SUMMARY_BYTES = 64 * MIB;
/** Read and judged at a time for a summary: the daemon does other things in between. */
const SUMMARY_STEP_BYTES = MIB;
const RECENT_LINES = 20;

interface Reading extends OutputContext {
  readonly request: OutputRequest;
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly filter: LineFilter | null;
}

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

function range({ from, to, filter, sizes = BLOCK_SIZES, request }: Reading) {
  return { from, to, filter, sizes, countsLines: request.include_metadata };
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

/** As many entries as fit, from the cursor on; the next page starts where this one ends. */
async function paged(reading: Reading, form: EntryForm): Promise<OutputPart> {
  const budget = budgetOf(reading);
  const page = await linesFrom(reading.file, { ...range(reading), maxBytes: budget });
  const taken: OutputEntry[] = [];
  let used = 0;
  let cursor = page.cursor;
  let lines = 0;
  for (const line of page.lines) {
    const entries = entriesOf(line, form);
    const bytes = entries.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
    if (used + bytes - 1 > budget) {
      // One line that is alone too long is shortened: a page always goes on.
      if (lines === 0) taken.push(...shortenAll(entries, budget, form));
      cursor = lines === 0 ? line.next : line.from;
      lines += lines === 0 ? 1 : 0;
      break;
    }
    taken.push(...entries);
    used += bytes;
    lines += 1;
  }
  const isWhole = page.complete && lines === page.lines.length;
  return {
    output: outputOf(
      taken.map(({ text }) => text),
      form.format,
    ),
    next_cursor: cursor,
    prev_cursor: beginOf(page.lines),
    truncated: taken.some(({ isCut }) => isCut) || (!isWhole && cursor < reading.to),
    metadata: metadataOf(reading, page.linesRead, page.lines.length, taken),
  };
}

/** As many entries as fit, up to the offset, the newest first to be taken; the next page back ends where this one begins. */
async function pagedBack(reading: Reading, form: EntryForm): Promise<OutputPart> {
  const budget = budgetOf(reading);
  const page = await tailLines(reading.file, { ...range(reading), maxBytes: budget });
  const taken: (readonly OutputEntry[])[] = [];
  let used = 0;
  let begin: number | null = null;
  for (const line of page.lines.toReversed()) {
    const entries = entriesOf(line, form);
    const bytes = entries.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
    const isFull = used + bytes - 1 > budget;
    // One line that is alone too long is shortened: a page always goes on.
    if (!isFull || begin === null) {
      taken.push(isFull ? shortenAll(entries, budget, form) : entries);
      begin = line.from;
    }
    if (isFull) break;
    used += bytes;
  }
  const entries = taken.toReversed().flat();
  const isWhole = page.complete && taken.length === page.lines.length;
  return {
    output: outputOf(
      entries.map(({ text }) => text),
      form.format,
    ),
    next_cursor: reading.to,
    prev_cursor: begin === 0 ? null : begin,
    truncated: entries.some(({ isCut }) => isCut) || !isWhole,
    metadata: metadataOf(reading, page.linesRead, page.lines.length, entries),
  };
}

/** Where the first of these lines begins; null when nothing can come before it. */
function beginOf(lines: readonly { readonly from: number }[]): number | null {
  const from = lines[0]?.from ?? 0;
  return from === 0 ? null : from;
}

function shortenAll(
  entries: readonly OutputEntry[],
  maxBytes: number,
  form: EntryForm,
): readonly OutputEntry[] {
  const fitted = fitEntries({
    entries,
    maxBytes,
    gapText: (gap) => gapText(gap, form.format),
    shorten: (entry, most) => shortenEntry(entry, most, form.limits),
  });
  return fitted.parts.map(({ text }) => ({ text, isCut: true, isPlain: false, weight: () => 0 }));
}

async function summarized(reading: Reading): Promise<OutputPart> {
  const gathered = summarizing();
  const tally = { read: 0, matched: 0 };
  const add = (page: LinesPage) => {
    for (const { text } of page.lines) gathered.add(text, reading.harness.events(text));
    tally.read += page.linesRead;
    tally.matched += page.linesMatched;
  };
  let at = reading.from;
  const headEnd = Math.min(reading.to, reading.from + SUMMARY_BYTES);
  while (at < headEnd) {
    const wanted = { ...range(reading), from: at, maxBytes: SUMMARY_STEP_BYTES };
    const page = await linesFrom(reading.file, wanted);
    add(page);
    at = page.cursor;
  }
  const rest = { ...range(reading), from: at, maxBytes: END_BYTES };
  const end = await tailLines(reading.file, rest);
  add(end);
  const skipped = end.cursor - at;
  const summary = gathered.summary(reading.to - reading.from, skipped, reading.ranMs);
  const { format } = reading.request;
  const text = format === "text" ? renderSummary(summary) : JSON.stringify(summary);
  const whole: OutputEntry = { text, isCut: false, isPlain: false, weight: () => 0 };
  const entry = shortenEntry(whole, budgetOf(reading), LINE_LIMITS);
  return {
    output: outputOf([entry.text], format),
    next_cursor: reading.to,
    prev_cursor: reading.from > 0 ? reading.from : null,
    truncated: entry.isCut || skipped > 0,
    metadata: metadataOf(reading, tally.read, tally.matched, [entry]),
  };
}

function outputOf(texts: readonly string[], format: OutputRequest["format"]): OutputPart["output"] {
  return format === "parsed" ? texts.map((text) => JSON.parse(text) as unknown) : texts.join("\n");
}

/** A list of values costs its two brackets more than the values and what joins them. */
function budgetOf({ request }: Reading): number {
  const most = request.max_bytes ?? ANSWER_MAX_BYTES;
  return request.format === "parsed" ? most - 2 : most;
}

function metadataOf(
  { request, size, path }: Reading,
  linesRead: number,
  linesMatched: number,
  entries: readonly OutputEntry[],
): OutputPart["metadata"] {
  if (!request.include_metadata) return null;
  return {
    size_bytes: size,
    lines_read: linesRead,
    lines_matched: linesMatched,
    lines_returned: entries.length,
    lines_truncated: entries.filter(({ isCut }) => isCut).length,
    parse_errors: entries.filter(({ isPlain }) => isPlain).length,
    path,
  };
}
