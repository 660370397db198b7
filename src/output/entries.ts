/** Turns lines of a stream into the entries of an answer, in the form that was asked for. */
import type { AgentOutputInput } from "../contract/tools.ts";
import type { Harness, StreamEvent } from "../harness/harness.ts";
import type { Line } from "./lines.ts";
import { renderLine } from "./render.ts";
import type { Entry, Gap } from "./sample.ts";
import { grouped, truncateLine, type LineLimits } from "./truncate.ts";

export interface OutputEntry extends Entry {
  /** True when the line it shows was shortened. */
  readonly isCut: boolean;
  /** True when the line was no JSON. */
  readonly isPlain: boolean;
}

/** How lines become entries. */
export interface EntryForm {
  readonly format: AgentOutputInput["format"];
  /** `line`: as it was printed; `event`: one entry per event. */
  readonly unit: "line" | "event";
  readonly limits: LineLimits;
  /** True when it matters which lines are no JSON. */
  readonly tellsPlain: boolean;
  readonly harness: Pick<Harness, "events">;
}

const REPORTS = /(?:^|__)(?:update_agent_progress|report_agent_finding)$/;
const ALARMING = /\b(?:error|exception|fatal|panic|failed|failure|traceback)\b/i;

/**
 * The entries of one line: one, or one per event.
 *
 * As text a line stands as it was printed; as jsonl and parsed every entry is a JSON value,
 * a line that was none as `{"type":"plain","line":…}`.
 */
export function entriesOf(line: Line, form: EntryForm): readonly OutputEntry[] {
  if (form.unit === "line") return [lineEntry(line, form)];
  return form.harness.events(line.text).map((event) => eventEntry(event, line, form));
}

/** Shortens an entry to a budget; JSON stays JSON. */
export function shortenEntry(
  entry: OutputEntry,
  maxBytes: number,
  limits: LineLimits,
): OutputEntry {
  const { text, isCut } = truncateLine(entry.text, { ...limits, lineBytes: maxBytes });
  return { ...entry, text, isCut: entry.isCut || isCut };
}

/** A gap as an entry of the same format. */
export function gapText(gap: Gap, format: EntryForm["format"]): string {
  if (format !== "text") return JSON.stringify({ type: "gap", ...gap });
  return `…[${grouped(gap.entries)} lines, ${grouped(gap.bytes)} bytes left out]`;
}

function lineEntry(line: Line, form: EntryForm): OutputEntry {
  const isPlain = form.tellsPlain && (line.hiddenBytes > 0 || !isJson(line.text));
  const weight = () => weightOf(form.harness.events(line.text));
  if (form.format === "text" || !isPlain) {
    return { ...truncated(line.text, form, line.hiddenBytes), isPlain, weight };
  }
  // Cut first and wrapped then, with room for the quotes; so the wrapped line is JSON in any case.
  const inner = truncateLine(
    line.text,
    { ...form.limits, lineBytes: form.limits.lineBytes - WRAP_BYTES },
    line.hiddenBytes,
  );
  const wrapped = truncateLine(JSON.stringify({ type: "plain", line: inner.text }), form.limits);
  return { text: wrapped.text, isCut: inner.isCut || wrapped.isCut, isPlain, weight };
}

const WRAP_BYTES = Buffer.byteLength(JSON.stringify({ type: "plain", line: "" }));

function eventEntry(event: StreamEvent, line: Line, form: EntryForm): OutputEntry {
  const isPlain = event.type === "plain";
  const weight = () => weightOf([event]);
  if (form.format === "text") {
    // A rendered line says itself what it left out.
    return { text: renderLine(event), isCut: line.hiddenBytes > 0, isPlain, weight };
  }
  return { ...truncated(jsonOf(event), form, 0), isPlain, weight };
}

function truncated(text: string, { limits }: EntryForm, hiddenBytes: number) {
  return truncateLine(text, limits, hiddenBytes);
}

function jsonOf(event: StreamEvent): string {
  try {
    return JSON.stringify(event);
  } catch {
    return JSON.stringify({ type: event.type, raw: "nested too deeply to show" });
  }
}

function weightOf(events: readonly StreamEvent[]): number {
  return Math.max(0, ...events.map(weightOfEvent));
}

function weightOfEvent(event: StreamEvent): number {
  switch (event.type) {
    case "result":
      return 4;
    case "error":
      return 3;
    case "tool_result":
      return event.isError ? 3 : 0;
    case "tool_call":
      return REPORTS.test(event.name) ? 2 : 0;
    case "plain":
      return ALARMING.test(event.line) ? 3 : 0;
    case "text":
      return 1;
    case "permission_needed":
    case "rate_limited":
      return 2;
    case "started":
    case "thinking":
    case "retry":
    case "usage":
    case "unknown":
      return 0;
    case "input":
      return event.isTold && event.id !== null ? 1 : 0;
  }
}

function isJson(text: string): boolean {
  if (!/^\s*[[{"\d\-tfn]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
