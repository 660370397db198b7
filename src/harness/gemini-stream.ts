/**
 * Gemini CLI's `-o stream-json`, line by line, in Corral's words.
 *
 *   init                   started
 *   message, assistant     text, in pieces that go on in one another
 *   message, user          nothing: the prompt
 *   tool_use, tool_result  the same; a call that its policy denies is permission_needed as well
 *   error                  error
 *   result                 result, with the usage of the whole run
 *   any other JSON object  unknown      passed through
 *   anything else          plain
 *
 * Retries are told on stderr only.
 */
import type { StreamEvent } from "./harness.ts";
import { asNumber, asObject, asText, objectOfLine, type JsonObject } from "./json.ts";
import { resetOf } from "./reset-time.ts";

/**
 * The events of one whole line of Gemini's stdout.
 *
 * @param line  Without its newline. Any length, any content.
 * @returns     In the order of the line; empty for a line that tells nothing. Never throws.
 */
export function geminiEvents(line: string): readonly StreamEvent[] {
  const message = objectOfLine(line);
  if (message === null) return line.trim() === "" ? [] : [{ type: "plain", line }];
  switch (message["type"]) {
    case "init":
      return [
        {
          type: "started",
          sessionId: asText(message["session_id"]),
          model: asText(message["model"]),
        },
      ];
    case "message":
      return messageEvents(message);
    case "tool_use":
      return [
        {
          type: "tool_call",
          id: asText(message["tool_id"]) ?? "",
          name: nameOf(asText(message["tool_name"]) ?? "unknown"),
          input: message["parameters"] ?? null,
        },
      ];
    case "tool_result":
      return toolResult(message);
    case "error":
      return [{ type: "error", message: errorText(message) }];
    case "result":
      return [resultEvent(message)];
    default:
      return [{ type: "unknown", raw: message }];
  }
}

const ATTEMPT = /^Attempt (\d+) failed(?: with status (\d+))?[^.]*\.+ ?Retrying[^.]*\.+ ?(.*)$/;

/** Gemini's stderr: only its retries matter, and its stacks do not. */
export function geminiStderrEvents(line: string): readonly StreamEvent[] {
  const [, count, status, text] = ATTEMPT.exec(line) ?? [];
  if (count === undefined) return [];
  const attempt = Number(count);
  const error = status === undefined ? (text ?? "") : `${status} ${text ?? ""}`;
  return status === "429"
    ? [{ type: "rate_limited", message: error, attempt, ...resetOf(error) }]
    : [{ type: "retry", error, attempt }];
}

function messageEvents(message: JsonObject): readonly StreamEvent[] {
  if (message["role"] === "user") return [];
  const text = asText(message["content"]);
  if (text === null) return [{ type: "unknown", raw: message }];
  return [
    message["delta"] === true ? { type: "text", text, partial: true } : { type: "text", text },
  ];
}

/** `mcp_corral_report` → `mcp__corral__report`: a server's name has no underscore here. */
function nameOf(name: string): string {
  return name.replace(/^mcp_([^_]+)_(?=[^_])/, "mcp__$1__");
}

const DENIED = /denied|not allowed|policy|requires? (?:user )?(?:confirmation|approval)|plan mode/i;

function toolResult(message: JsonObject): readonly StreamEvent[] {
  const id = asText(message["tool_id"]) ?? "";
  const isError = message["status"] === "error";
  const text = isError
    ? errorText(asObject(message["error"]) ?? message)
    : (asText(message["output"]) ?? "");
  const result: StreamEvent = { type: "tool_result", id, text, isError };
  const kind = asText(asObject(message["error"])?.["type"]) ?? "";
  if (!isError || !DENIED.test(`${kind} ${text}`)) return [result];
  // The id begins with the tool's name.
  const tool = nameOf(id.replace(/__?[^_]*_[^_]*$/, "")) || "unknown";
  return [{ type: "permission_needed", tool, message: text, isDenied: true }, result];
}

function resultEvent(message: JsonObject): StreamEvent {
  const isError = message["status"] !== "success";
  const stats = asObject(message["stats"]);
  return {
    type: "result",
    isError,
    text: isError ? errorText(asObject(message["error"]) ?? message) : "",
    usage: {
      input_tokens: asNumber(stats?.["input_tokens"]),
      cached_tokens: asNumber(stats?.["cached"]),
      output_tokens: asNumber(stats?.["output_tokens"]),
      cost_usd: null,
      turns: null,
    },
    permissionDenials: null,
  };
}

function errorText(error: JsonObject): string {
  return asText(error["message"]) ?? asText(error["output"]) ?? JSON.stringify(error);
}
