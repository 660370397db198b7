/**
 * Claude Code's stream-json, line by line, in Corral's words.
 *
 *   system/init                 started      may come again after a result
 *   system/api_retry            retry, or rate_limited: 401 and 429 are retried for minutes
 *   command_lifecycle           input: it has what came by its stdin, then it is told to its model
 *   user, as a replay           input: the same, in the words that its documentation promises
 *   system/permission_denied    permission_needed: the run goes on and still ends in "success"
 *   assistant, user             their content blocks, and of an answer what it used up so far
 *   result                      result       may come twice; the last one counts
 *   any other JSON object       unknown      passed through
 *   anything else               plain
 */
import type { Usage } from "../contract/agent.ts";
import { messageOfUuid } from "../kernel/ids.ts";
import { isoTime, SECOND_MS } from "../kernel/units.ts";
import type { StreamEvent } from "./harness.ts";
import { asList, asNumber, asObject, asText, objectOfLine, type JsonObject } from "./json.ts";

/**
 * The events of one whole line of Claude Code's stdout.
 *
 * @param line  Without its newline. Any length, any content.
 * @returns     In the order of the line; empty for a blank line. Never throws.
 */
export function claudeEvents(line: string): readonly StreamEvent[] {
  const message = objectOfLine(line);
  if (message === null) return line.trim() === "" ? [] : [{ type: "plain", line }];
  switch (message["type"]) {
    case "system":
      return [systemEvent(message)];
    case "assistant":
      return [
        ...assistantError(message),
        ...blocksOf(message).map(assistantBlock),
        ...turnUsage(message),
      ];
    case "user":
      return message["isReplay"] === true ? [replayEvent(message)] : userEvents(message);
    case "command_lifecycle":
      return lifecycleEvents(message);
    case "result":
      return [resultEvent(message)];
    case "rate_limit_event":
      return [rateLimitEvent(message)];
    case "error":
      return [{ type: "error", message: errorText(message) }];
    default:
      return [{ type: "unknown", raw: message }];
  }
}

function systemEvent(message: JsonObject): StreamEvent {
  switch (message["subtype"]) {
    case "init":
      return {
        type: "started",
        sessionId: asText(message["session_id"]),
        model: asText(message["model"]),
      };
    case "api_retry":
      return retryEvent(message);
    case "permission_denied":
      return {
        type: "permission_needed",
        tool: asText(message["tool_name"]) ?? "unknown",
        message: asText(message["message"]) ?? "a tool call was denied",
        isDenied: true,
      };
    default:
      return { type: "unknown", raw: message };
  }
}

function retryEvent(message: JsonObject): StreamEvent {
  const error = asText(message["error"]) ?? "unknown";
  const attempt = asNumber(message["attempt"]);
  if (error !== "rate_limit") return { type: "retry", error, attempt };
  const waitMs = asNumber(message["retry_delay_ms"]);
  return { type: "rate_limited", message: error, attempt, until: null, waitMs };
}

/** Some API failures come as an assistant message that carries only `error`. */
function assistantError(message: JsonObject): readonly StreamEvent[] {
  const error = asText(message["error"]);
  return error === null ? [] : [{ type: "error", message: error }];
}

function assistantBlock(block: JsonObject): StreamEvent {
  switch (block["type"]) {
    case "text":
      return { type: "text", text: asText(block["text"]) ?? "" };
    case "thinking":
      return { type: "thinking", text: asText(block["thinking"]) ?? "" };
    case "tool_use":
    case "server_tool_use":
      return {
        type: "tool_call",
        id: asText(block["id"]) ?? "",
        name: asText(block["name"]) ?? "unknown",
        input: block["input"] ?? null,
      };
    default:
      return { type: "unknown", raw: block };
  }
}

/** What it was told by its stdin, said again when it stands in the conversation. */
function replayEvent(message: JsonObject): StreamEvent {
  const id = messageOfUuid(asText(message["uuid"]) ?? "");
  const text = blocksOf(message).map((block) => asText(block["text"]) ?? "");
  // Its prompt stands in no summary and no page: whoever wrote it has it.
  return { type: "input", id, isTold: true, text: id === null ? "" : text.join("\n") };
}

/** The steps of what came by its stdin: queued, started, completed or cancelled. */
function lifecycleEvents(message: JsonObject): readonly StreamEvent[] {
  const id = messageOfUuid(asText(message["command_uuid"]) ?? "");
  const state = asText(message["state"]);
  if (id === null || (state !== "queued" && state !== "started")) return [];
  return [{ type: "input", id, isTold: state === "started", text: "" }];
}

function userEvents(message: JsonObject): readonly StreamEvent[] {
  const events = blocksOf(message).map(userBlock);
  return events.length > 0 ? events : [{ type: "unknown", raw: message }];
}

function userBlock(block: JsonObject): StreamEvent {
  if (block["type"] === "tool_result") {
    return {
      type: "tool_result",
      id: asText(block["tool_use_id"]) ?? "",
      text: toolResultText(block["content"]),
      isError: block["is_error"] === true,
    };
  }
  const text = asText(block["text"]);
  // This is how an interrupt shows: in the user's place, before a result that may say success.
  if (text?.startsWith("[Request interrupted")) {
    return { type: "error", message: text.replaceAll(/^\[|\]$/g, "") };
  }
  return { type: "unknown", raw: block };
}

function toolResultText(content: unknown): string {
  if (typeof content === "string") return content;
  return asList(content).map(partText).join("\n");
}

function partText(part: unknown): string {
  const object = asObject(part);
  if (object === null) return String(part);
  const name = asText(object["tool_name"]);
  return (
    asText(object["text"]) ??
    `[${asText(object["type"]) ?? "part"}${name === null ? "" : ` ${name}`}]`
  );
}

function resultEvent(message: JsonObject): StreamEvent {
  const subtype = asText(message["subtype"]) ?? "unknown";
  const isError = message["is_error"] === true || subtype !== "success";
  return {
    type: "result",
    isError,
    text: isError ? failureText(message, subtype) : (asText(message["result"]) ?? ""),
    usage: usageOf(message),
    permissionDenials: asList(message["permission_denials"]).length,
  };
}

function failureText(message: JsonObject, subtype: string): string {
  const ending = asText(message["terminal_reason"]);
  if (ending?.startsWith("aborted")) return `interrupted (${ending})`;
  const said = asText(message["result"]) ?? asList(message["errors"]).map(errorText).join("; ");
  if (said === "") return subtype;
  return subtype === "success" ? said : `${subtype}: ${said}`;
}

/**
 * `modelUsage` covers the whole session and every model; `usage` only the main one. Tokens
 * read from or written to the prompt cache went in as well, so they count.
 */
function usageOf(message: JsonObject): Usage {
  const perModel = Object.values(asObject(message["modelUsage"]) ?? {}).map(asObject);
  const usage = asObject(message["usage"]);
  const input = ["inputTokens", "cacheCreationInputTokens", "cacheReadInputTokens"];
  const inputOfOne = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
  return {
    input_tokens: sumOf(perModel, input) ?? sumOf([usage], inputOfOne),
    cached_tokens:
      sumOf(perModel, ["cacheReadInputTokens"]) ?? sumOf([usage], ["cache_read_input_tokens"]),
    output_tokens: sumOf(perModel, ["outputTokens"]) ?? sumOf([usage], ["output_tokens"]),
    cost_usd: asNumber(message["total_cost_usd"]),
    turns: integer(asNumber(message["num_turns"])),
  };
}

/**
 * What an answer has used up: of its output only what was counted when it began. Its blocks come in
 * lines of their own, with the same id; the result at the end takes the place of all of it.
 */
function turnUsage(message: JsonObject): readonly StreamEvent[] {
  const answer = asObject(message["message"]);
  const turn = asText(answer?.["id"]);
  if (turn === null || asText(message["error"]) !== null) return [];
  const usage = usageOf({ usage: answer?.["usage"] });
  const used = (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0);
  return used === 0 ? [] : [{ type: "usage", turn, usage: { ...usage, turns: 1 } }];
}

function sumOf(objects: readonly (JsonObject | null)[], keys: readonly string[]): number | null {
  const numbers = objects.flatMap((object) => keys.map((key) => asNumber(object?.[key])));
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : integer(known.reduce((sum, number) => sum + number, 0));
}

function integer(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}

function rateLimitEvent(message: JsonObject): StreamEvent {
  const limit = asObject(message["rate_limit_info"]);
  if (limit?.["status"] !== "rejected") return { type: "unknown", raw: message };
  const resetsAt = asNumber(limit["resetsAt"]);
  return {
    type: "rate_limited",
    // The time is in the words as well: an end is judged by those alone.
    message:
      resetsAt === null ? "usage limit" : `usage limit, resets at ${isoTime(resetsAt * SECOND_MS)}`,
    attempt: null,
    until: resetsAt === null ? null : resetsAt * SECOND_MS,
    waitMs: null,
  };
}

function errorText(error: unknown): string {
  if (typeof error === "string") return error;
  const object = asObject(error);
  const inner = object?.["error"];
  return (
    asText(object?.["message"]) ??
    asText(inner) ??
    asText(asObject(inner)?.["message"]) ??
    JSON.stringify(error)
  );
}

function blocksOf(message: JsonObject): readonly JsonObject[] {
  const content = asObject(message["message"])?.["content"];
  if (typeof content === "string") return [{ type: "text", text: content }];
  return asList(content)
    .map(asObject)
    .filter((block) => block !== null);
}
