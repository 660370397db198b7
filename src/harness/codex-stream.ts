/**
 * Codex's `exec --json`, line by line, in Corral's words.
 *
 *   thread.started            started
 *   turn.completed, .failed   usage and result; the last words are in a text event
 *   error                     "Reconnecting… 2/5 (…)" is a retry, or rate_limited; else an error
 *   item.started, .completed  a tool call and its result, each once; texts when they are complete
 *   any other JSON object     unknown      passed through
 *   anything else             plain
 */
import type { Usage } from "../contract/agent.ts";
import type { StreamEvent } from "./harness.ts";
import { asList, asNumber, asObject, asText, objectOfLine, type JsonObject } from "./json.ts";
import { resetOf } from "./reset-time.ts";
import { troubleOf } from "./troubles.ts";

/** Tells nothing that another line does not tell. */
const SILENT: ReadonlySet<unknown> = new Set(["turn.started", "item.updated"]);

/**
 * The events of one whole line of Codex's stdout.
 *
 * @param line  Without its newline. Any length, any content.
 * @returns     In the order of the line; empty for a line that tells nothing. Never throws.
 */
export function codexEvents(line: string): readonly StreamEvent[] {
  const message = objectOfLine(line);
  if (message === null) return line.trim() === "" ? [] : [{ type: "plain", line }];
  const { type } = message;
  if (SILENT.has(type)) return [];
  switch (type) {
    case "thread.started":
      return [{ type: "started", sessionId: asText(message["thread_id"]), model: null }];
    case "turn.completed":
      return [{ type: "usage", usage: usageOf(message) }, resultEvent(null)];
    case "turn.failed":
      return [resultEvent(errorText(message["error"]))];
    case "error":
      return [errorEvent(errorText(message))];
    case "item.started":
      return startedItem(message, asObject(message["item"]) ?? {});
    case "item.completed":
      return completedItem(message, asObject(message["item"]) ?? {});
    default:
      return [{ type: "unknown", raw: message }];
  }
}

function resultEvent(failure: string | null): StreamEvent {
  return {
    type: "result",
    isError: failure !== null,
    text: failure ?? "",
    usage: null,
    permissionDenials: null,
  };
}

/** Cached tokens are part of the input here; reasoning is part of the output. */
function usageOf(message: JsonObject): Usage {
  const usage = asObject(message["usage"]);
  return {
    input_tokens: asNumber(usage?.["input_tokens"]),
    cached_tokens: asNumber(usage?.["cached_input_tokens"]),
    output_tokens: asNumber(usage?.["output_tokens"]),
    cost_usd: null,
    turns: 1,
  };
}

const RECONNECTING = /^Reconnecting\.\.\. (?:(\d+)\/\d+|waiting for network) ?(?:\((.*)\))?$/s;

function errorEvent(text: string): StreamEvent {
  const again = RECONNECTING.exec(text);
  if (again === null) return { type: "error", message: text };
  const attempt = again[1] === undefined ? null : Number(again[1]);
  const error = again[2] ?? text;
  return troubleOf(error) === "rate_limited"
    ? { type: "rate_limited", message: error, attempt, ...resetOf(error) }
    : { type: "retry", error, attempt };
}

function startedItem(message: JsonObject, item: JsonObject): readonly StreamEvent[] {
  const call = callOf(item);
  if (call !== null) return item["type"] === "file_change" ? [] : [call];
  // Texts, thoughts and plans are told when they are complete.
  return isTold(item) ? [] : [{ type: "unknown", raw: message }];
}

function completedItem(message: JsonObject, item: JsonObject): readonly StreamEvent[] {
  const text = asText(item["text"]) ?? "";
  switch (item["type"]) {
    case "agent_message":
      return [{ type: "text", text }];
    case "reasoning":
      return [{ type: "thinking", text }];
    case "error":
      return [noticeEvent(asText(item["message"]) ?? "unknown")];
    case "todo_list":
      return [{ type: "thinking", text: todoText(item) }];
  }
  const call = callOf(item);
  if (call === null) return [{ type: "unknown", raw: message }];
  const result = toolResult(item);
  // A change of files is told once, when it is done.
  return item["type"] === "file_change" ? [call, ...result] : result;
}

/** Said of every model that is not OpenAI's own; it is no failure and must not be taken for one. */
function noticeEvent(message: string): StreamEvent {
  return message.startsWith("Model metadata for ")
    ? { type: "plain", line: message }
    : { type: "error", message };
}

function isTold(item: JsonObject): boolean {
  return ["agent_message", "reasoning", "todo_list", "error"].includes(asText(item["type"]) ?? "");
}

function callOf(item: JsonObject): StreamEvent | null {
  const id = asText(item["id"]) ?? "";
  switch (item["type"]) {
    case "command_execution":
      return { type: "tool_call", id, name: "shell", input: { command: item["command"] } };
    case "mcp_tool_call":
      return { type: "tool_call", id, name: mcpName(item), input: item["arguments"] ?? null };
    case "file_change":
      return { type: "tool_call", id, name: "apply_patch", input: { changes: item["changes"] } };
    case "web_search":
      return { type: "tool_call", id, name: "web_search", input: { query: item["query"] } };
    default:
      return null;
  }
}

/** As other CLIs spell the tool of a server, so that one reader knows them all. */
function mcpName(item: JsonObject): string {
  return `mcp__${asText(item["server"]) ?? "unknown"}__${asText(item["tool"]) ?? "unknown"}`;
}

function toolResult(item: JsonObject): readonly StreamEvent[] {
  const id = asText(item["id"]) ?? "";
  const { status } = item;
  const code = asNumber(item["exit_code"]);
  const isError =
    status === "failed" ||
    status === "declined" ||
    (code !== null && code !== 0) ||
    item["error"] != null;
  const text = resultText(item);
  const result: StreamEvent = { type: "tool_result", id, text, isError };
  if (status !== "declined") return [result];
  const tool = asText(item["type"]) ?? "unknown";
  const message = asText(item["command"]) ?? tool;
  return [{ type: "permission_needed", tool, message, isDenied: true }, result];
}

function resultText(item: JsonObject): string {
  const output = asText(item["aggregated_output"]);
  if (output !== null) return output;
  if (item["error"] != null) return errorText(item["error"]);
  if (item["type"] === "file_change") return asList(item["changes"]).map(changeText).join("\n");
  const content = asList(asObject(item["result"])?.["content"]).map(asObject);
  return content
    .map((part) => asText(part?.["text"]) ?? `[${asText(part?.["type"]) ?? "part"}]`)
    .join("\n");
}

function changeText(change: unknown): string {
  const { kind, path } = asObject(change) ?? {};
  return [kind, path].filter((word) => typeof word === "string").join(" ");
}

function todoText(item: JsonObject): string {
  const items = asList(item["items"]).map(asObject);
  return items
    .map((one) => `[${one?.["completed"] === true ? "x" : " "}] ${asText(one?.["text"]) ?? ""}`)
    .join("\n");
}

function errorText(error: unknown): string {
  if (typeof error === "string") return error;
  return asText(asObject(error)?.["message"]) ?? JSON.stringify(error ?? "unknown");
}
