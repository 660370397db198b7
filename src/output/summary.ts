/** The whole of a stream on one page. Bounded, however long the stream was. */
import type { Usage } from "../contract/agent.ts";
import type { StreamEvent, StreamOutcome } from "../harness/harness.ts";
import { humanBytes, humanDuration } from "../kernel/units.ts";
import { foldEvent, NO_OUTCOME } from "./outcome.ts";
import { describeUsage, renderLine, toolName } from "./render.ts";
import { cutText } from "./truncate.ts";

const RESULT_MAX_BYTES = 2_000;
const ERROR_MAX_BYTES = 300;
const ERRORS_KEPT = 5;
const FILES_KEPT = 50;
const TOOLS_KEPT = 30;
const PLAIN_KEPT = 10;
/** Calls whose result is still awaited; more than any CLI runs at once. */
const OPEN_CALLS_MAX = 1_000;

/** Tools that change a file, as the CLIs call them. */
const WRITERS = new Set([
  "Write",
  "Edit",
  "MultiEdit",
  "NotebookEdit",
  "write",
  "edit",
  "write_file",
  "replace",
  "apply_patch",
  "patch",
]);

export interface StreamSummary {
  readonly result: { readonly is_error: boolean; readonly text: string } | null;
  /** What it said last, where its stream has no result; else "". */
  readonly last_words: string;
  /** Calls by tool, the most used first. */
  readonly tools: Readonly<Record<string, number>>;
  readonly tool_errors: number;
  /** Files that a writing tool changed, in the order of the first change. */
  readonly files_changed: readonly string[];
  readonly files_changed_count: number;
  readonly errors: readonly string[];
  readonly errors_count: number;
  readonly retries: number;
  readonly permission_denials: number;
  readonly usage: Usage | null;
  readonly duration_ms: number | null;
  /** The last lines that were plain output. */
  readonly last_output: readonly string[];
  readonly lines: number;
  readonly bytes: number;
  /** Bytes in the middle of a very long stream that were not read for this. */
  readonly bytes_skipped: number;
}

/** Gathers a summary, event by event. Holds a bounded amount whatever it is given. */
export function summarizing() {
  const tools = new Map<string, number>();
  const files = new Set<string>();
  const writing = new Map<string, readonly string[]>();
  const errors: string[] = [];
  const lastOutput: string[] = [];
  const seen = { toolErrors: 0, errors: 0, retries: 0, lines: 0, files: 0 };
  let outcome: StreamOutcome = NO_OUTCOME.outcome;
  let durationMs: number | null = null;

  const onCall = (event: Extract<StreamEvent, { type: "tool_call" }>) => {
    const name = toolName(event.name);
    if (tools.has(name) || tools.size < TOOLS_KEPT) tools.set(name, (tools.get(name) ?? 0) + 1);
    const paths = WRITERS.has(event.name) ? pathsOf(event.input) : [];
    if (paths.length > 0 && writing.size < OPEN_CALLS_MAX) writing.set(event.id, paths);
  };
  const onResult = (event: Extract<StreamEvent, { type: "tool_result" }>) => {
    const paths = writing.get(event.id) ?? [];
    writing.delete(event.id);
    if (event.isError) {
      seen.toolErrors += 1;
      keepError(event.text);
      return;
    }
    for (const path of paths.filter((one) => !files.has(one))) {
      seen.files += 1;
      if (files.size < FILES_KEPT) files.add(path);
    }
  };
  const keepError = (text: string) => {
    seen.errors += 1;
    keepLast(errors, cutText(text, ERROR_MAX_BYTES), ERRORS_KEPT);
  };

  return {
    /** @param line  The whole line that the events came from. */
    add(line: string, events: readonly StreamEvent[]): void {
      seen.lines += 1;
      for (const event of events) {
        outcome = foldEvent(outcome, event);
        if (event.type === "tool_call") onCall(event);
        else if (event.type === "tool_result") onResult(event);
        else if (event.type === "error") keepError(event.message);
        else if (event.type === "retry" || event.type === "rate_limited") seen.retries += 1;
        else if (event.type === "plain") keepLast(lastOutput, cutText(event.line, 200), PLAIN_KEPT);
        else if (event.type === "result") durationMs = durationOf(line) ?? durationMs;
      }
    },
    /**
     * What was gathered so far; may be asked at any time.
     * @param ranMs  How long the agent ran, for streams that do not say it; null when it still runs.
     */
    summary(bytes: number, bytesSkipped: number, ranMs: number | null = null): StreamSummary {
      const { result } = outcome;
      return {
        last_words: result === null ? cutText(outcome.lastText, RESULT_MAX_BYTES) : "",
        result: result && {
          is_error: result.isError,
          // Some CLIs give their last words in a text event only.
          text: cutText(result.text || outcome.lastText, RESULT_MAX_BYTES),
        },
        tools: Object.fromEntries([...tools].toSorted(([, a], [, b]) => b - a)),
        tool_errors: seen.toolErrors,
        files_changed: [...files],
        files_changed_count: seen.files,
        errors: [...errors],
        errors_count: seen.errors,
        retries: seen.retries,
        permission_denials: result?.permissionDenials ?? outcome.denials,
        usage: outcome.usage,
        duration_ms: durationMs ?? ranMs,
        last_output: [...lastOutput],
        lines: seen.lines,
        bytes,
        bytes_skipped: bytesSkipped,
      };
    },
  };
}

/** A summary for people, one fact a line, the most important first. */
export function renderSummary(summary: StreamSummary): string {
  const { result, tools, usage } = summary;
  const calls = Object.entries(tools).map(([name, count]) => `${name} ×${count}`);
  const lines = [
    result === null
      ? "Result: none yet"
      : `Result: ${result.is_error ? "failed" : "success"}${result.text === "" ? "" : ` — ${result.text}`}`,
    fact("Last words", summary.last_words),
    fact("Usage", usage === null ? "" : describeUsage(usage)),
    fact("Duration", summary.duration_ms === null ? "" : humanDuration(summary.duration_ms)),
    fact("Tools", calls.join(", ")),
    fact("Failed tool calls", summary.tool_errors),
    fact("Denied tool calls", summary.permission_denials),
    fact("Files changed", filesLine(summary)),
    fact("Retries", summary.retries),
    fact("Errors", summary.errors_count),
    ...summary.errors.map((message) => `  ${renderLine({ type: "error", message })}`),
    ...(summary.last_output.length === 0 ? [] : ["Last output:"]),
    ...summary.last_output.map((line) => `  ${renderLine({ type: "plain", line })}`),
    `Stream: ${summary.lines} lines, ${humanBytes(summary.bytes)}${
      summary.bytes_skipped === 0
        ? ""
        : ` (${humanBytes(summary.bytes_skipped)} in the middle not read)`
    }`,
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function filesLine({ files_changed: files, files_changed_count: count }: StreamSummary): string {
  const more = count - files.length;
  return `${files.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function fact(name: string, value: string | number): string {
  return value === "" || value === 0 ? "" : `${name}: ${value}`;
}

function keepLast(list: string[], text: string, most: number): void {
  list.push(text);
  if (list.length > most) list.shift();
}

/** The files that a call names: one, or a list of changes. */
function pathsOf(input: unknown): readonly string[] {
  if (typeof input !== "object" || input === null) return [];
  const facts = input as Readonly<Record<string, unknown>>;
  const { changes } = facts;
  if (Array.isArray(changes)) return changes.flatMap(pathsOf);
  const path = facts["file_path"] ?? facts["filePath"] ?? facts["notebook_path"] ?? facts["path"];
  return typeof path === "string" ? [path] : [];
}

function durationOf(line: string): number | null {
  try {
    const { duration_ms: duration } = JSON.parse(line) as { duration_ms?: unknown };
    return typeof duration === "number" && Number.isFinite(duration) ? duration : null;
  } catch {
    return null;
  }
}
