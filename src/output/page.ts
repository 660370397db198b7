/** Pages of a stream, forwards from a cursor or back from one: as much as fits, and nothing left out. */
import { entriesOf, gapText, shortenEntry, type EntryForm, type OutputEntry } from "./entries.ts";
import { linesFrom, tailLines } from "./lines.ts";
import {
  beginOf,
  budgetOf,
  metadataOf,
  outputOf,
  range,
  type OutputPart,
  type Reading,
} from "./reading.ts";
import { fitEntries } from "./sample.ts";

/** As many entries as fit, from the cursor on; the next page starts where this one ends. */
export async function paged(reading: Reading, form: EntryForm): Promise<OutputPart> {
  const budget = budgetOf(reading);
  const page = await linesFrom(reading.file, { ...range(reading), maxBytes: budget });
  const taken: OutputEntry[] = [];
  let used = 0;
  let cursor = page.cursor;
  let lines = 0;
  for (const line of page.lines) {
    const entries = entriesOf(line, form);
    const bytes = bytesOf(entries);
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
export async function pagedBack(reading: Reading, form: EntryForm): Promise<OutputPart> {
  const budget = budgetOf(reading);
  const page = await tailLines(reading.file, { ...range(reading), maxBytes: budget });
  const taken: (readonly OutputEntry[])[] = [];
  let used = 0;
  let begin: number | null = null;
  for (const line of page.lines.toReversed()) {
    const entries = entriesOf(line, form);
    const bytes = bytesOf(entries);
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

/** With the newline that joins each to the next. */
function bytesOf(entries: readonly OutputEntry[]): number {
  return entries.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
}
