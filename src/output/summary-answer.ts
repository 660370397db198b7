/** The answer that a summary is: read from the beginning of a stream and its end. */
import { MIB } from "../kernel/units.ts";
import { shortenEntry, type OutputEntry } from "./entries.ts";
import { linesFrom, tailLines, type LinesPage } from "./lines.ts";
import {
  budgetOf,
  END_BYTES,
  metadataOf,
  outputOf,
  range,
  type OutputPart,
  type Reading,
} from "./reading.ts";
import { renderSummary, summarizing } from "./summary.ts";
import { LINE_LIMITS } from "./truncate.ts";

/** A longer stream is summarized from this much of its beginning and END_BYTES of its end. */
const SUMMARY_BYTES = 64 * MIB;
/** Read and judged at a time for a summary: the daemon does other things in between. */
const SUMMARY_STEP_BYTES = MIB;

/** Counts and results of the whole, without its lines. */
export async function summarized(reading: Reading): Promise<OutputPart> {
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
