/**
 * opencode's `run --format json`, line by line, in Corral's words.
 *
 *   step_start             started: each step of the conversation says whose session it is
 *   text, reasoning        text, thinking
 *   tool_use               a tool call and its result: it is printed when the call is over
 *   step_finish            usage of the step; one that calls no more tools is the result
 *   error                  error
 *   any other JSON object  unknown      passed through
 *   anything else          plain
 *
 * Retries are told on stderr only, with `--print-logs`.
 */
import type { StreamEvent } from "./harness.ts";
import { asNumber, asObject, asText, objectOfLine, type JsonObject } from "./json.ts";
import { resetOf } from "./reset-time.ts";
import { troubleOf } from "./troubles.ts";

/**
 * The events of one whole line of opencode's stdout.
 *
 * @param line  Without its newline. Any length, any content.
 * @returns     In the order of the line; empty for a blank line. Never throws.
 */
export function opencodeEvents(line: string): readonly StreamEvent[] {
  const message = objectOfLine(line);
  if (message === null) return line.trim() === "" ? [] : [{ type: "plain", line }];
  const part = asObject(message["part"]) ?? {};
  switch (message["type"]) {
    case "step_start":
      return [{ type: "started", sessionId: asText(message["sessionID"]), model: null }];
    case "text":
      return [{ type: "text", text: asText(part["text"]) ?? "" }];
    case "reasoning":
      return [{ type: "thinking", text: asText(part["text"]) ?? "" }];
    case "tool_use":
      return toolEvents(part);
    case "step_finish":
      return finishEvents(part);
    case "error":
      return [{ type: "error", message: errorText(asObject(message["error"])) }];
    default:
      return [{ type: "unknown", raw: message }];
  }
}

/** What opencode logs to stderr: only failures of its model matter. */
export function opencodeStderrEvents(line: string): readonly StreamEvent[] {
  if (!/^(?:timestamp=\S+ )?(?:level=)?(?:ERROR|WARN)\b/.test(line)) return [];
  const trouble = troubleOf(line);
  if (trouble === null || !/llm|session|provider|api|model|stream/i.test(line)) return [];
  const error = line.slice(0, 1_000);
  return trouble === "rate_limited"
    ? [{ type: "rate_limited", message: error, attempt: null, ...resetOf(error) }]
    : [{ type: "retry", error, attempt: null }];
}

const DENIED =
  /rejected permission|user has specified a rule which prevents|permission.{0,40}(?:denied|rejected)/i;

function toolEvents(part: JsonObject): readonly StreamEvent[] {
  const id = asText(part["callID"]) ?? "";
  const name = nameOf(asText(part["tool"]) ?? "unknown");
  const state = asObject(part["state"]) ?? {};
  const call: StreamEvent = { type: "tool_call", id, name, input: state["input"] ?? null };
  const isError = state["status"] === "error";
  const text = asText(isError ? state["error"] : state["output"]) ?? "";
  const exit = asNumber(asObject(state["metadata"])?.["exit"]);
  const failed = isError || (exit !== null && exit !== 0);
  const result: StreamEvent = { type: "tool_result", id, text, isError: failed };
  if (!isError || !DENIED.test(text)) return [call, result];
  return [call, { type: "permission_needed", tool: name, message: text, isDenied: true }, result];
}

/** `corral_report` → `mcp__corral__report`, as other CLIs spell it; of other servers the border is not known. */
function nameOf(name: string): string {
  return name.replace(/^corral_/, "mcp__corral__");
}

/** Reasons for which the conversation goes on. */
const GOES_ON: ReadonlySet<unknown> = new Set(["tool-calls", "unknown", "other"]);

const BAD_ENDS: Readonly<Record<string, string>> = {
  length: "the model's output limit was reached in the middle of its answer",
  "content-filter": "the model's provider withheld the answer (content filter)",
  error: "the model's answer ended in an error",
};

function finishEvents(part: JsonObject): readonly StreamEvent[] {
  const tokens = asObject(part["tokens"]);
  const cache = asObject(tokens?.["cache"]);
  const cached = asNumber(cache?.["read"]);
  const usage: StreamEvent = {
    type: "usage",
    usage: {
      // What came from the cache, or went into it, is not in `input` here.
      input_tokens: sum([asNumber(tokens?.["input"]), cached, asNumber(cache?.["write"])]),
      cached_tokens: cached,
      output_tokens: sum([asNumber(tokens?.["output"]), asNumber(tokens?.["reasoning"])]),
      cost_usd: asNumber(part["cost"]),
      turns: 1,
    },
  };
  if (GOES_ON.has(part["reason"])) return [usage];
  const failure = BAD_ENDS[asText(part["reason"]) ?? ""];
  const result: StreamEvent = {
    type: "result",
    isError: failure !== undefined,
    text: failure ?? "",
    usage: null,
    permissionDenials: null,
  };
  return [usage, result];
}

function sum(numbers: readonly (number | null)[]): number | null {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : known.reduce((all, number) => all + number, 0);
}

function errorText(error: JsonObject | null): string {
  const facts = asObject(error?.["data"]);
  const words = [asText(error?.["name"]), asText(facts?.["message"]) ?? asText(error?.["message"])];
  const status = asNumber(facts?.["statusCode"]);
  const text = words.filter((word) => word !== null).join(": ");
  if (text === "") return JSON.stringify(error);
  return status === null ? text : `${text} (status ${status})`;
}
