/** Stream events for people: one line each, or pretty for a terminal. */
import type { StreamEvent } from "../harness/harness.ts";
import type { Usage } from "../contract/agent.ts";
import { humanDuration, isoTime } from "../kernel/units.ts";

const LINE_MAX_CHARS = 200;
/** The argument that says what a tool call is about, in the order of preference. */
const TELLING = [
  "command",
  "file_path",
  "notebook_path",
  "path",
  "pattern",
  "query",
  "url",
  "message",
  "child_prompt",
  "prompt",
  "description",
];

const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex -- taking them out is the point
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * One readable line for an event, without control characters.
 *
 * @returns Never empty, never longer than 200 characters and its mark; what is cut is marked by `…`.
 */
export function renderLine(event: StreamEvent): string {
  const [label, text] = wordsOf(event);
  const line = clean(text).replaceAll(/\s+/g, " ").trim();
  return line === "" ? `[${label}]` : `[${label}] ${shortened(line)}`;
}

/**
 * An event for `corral logs --pretty`: what the agent says in full, everything else in a line.
 *
 * Control characters are taken out, so that an agent's output cannot steer the terminal.
 */
export function renderPretty(event: StreamEvent): string {
  switch (event.type) {
    case "text":
      return clean(event.text);
    case "plain":
      return clean(event.line);
    case "result":
      return `${renderLine({ ...event, text: "" })}\n${clean(event.text)}`.trimEnd();
    case "tool_result":
      return `  ${renderLine(event)}`;
    case "started":
    case "thinking":
    case "tool_call":
    case "retry":
    case "rate_limited":
    case "permission_needed":
    case "usage":
    case "error":
    case "input":
    case "unknown":
      return renderLine(event);
  }
}

function wordsOf(event: StreamEvent): readonly [label: string, text: string] {
  switch (event.type) {
    case "started":
      return ["started", [event.model, event.sessionId].filter(Boolean).join(" ")];
    case "text":
      return ["text", event.text];
    case "thinking":
      return ["thinking", event.text];
    case "tool_call":
      return [toolName(event.name), telling(event.input)];
    case "tool_result":
      return [event.isError ? "tool error" : "tool result", event.text];
    case "retry":
      return ["retry", `${event.error}${attemptWords(event)}`];
    case "rate_limited":
      return ["rate limited", `${event.message}${attemptWords(event)}${untilWords(event)}`];
    case "permission_needed":
      return [
        event.isDenied ? "denied" : "waits for permission",
        `${event.tool}: ${event.message}`,
      ];
    case "usage":
      return ["usage", describeUsage(event.usage)];
    case "result":
      return [event.isError ? "result: failed" : "result", resultWords(event)];
    case "error":
      return ["error", event.message];
    case "input":
      return [inputLabel(event), event.text];
    case "unknown":
      return [unknownLabel(event.raw), json(event.raw)];
    case "plain":
      return ["output", event.line];
  }
}

function inputLabel({ id, isTold }: Extract<StreamEvent, { type: "input" }>): string {
  if (id === null) return "prompt";
  return isTold ? "message" : `message ${id} taken`;
}

function attemptWords({ attempt }: { readonly attempt: number | null }): string {
  return attempt === null ? "" : `, attempt ${attempt}`;
}

function untilWords({ until, waitMs }: Extract<StreamEvent, { type: "rate_limited" }>): string {
  if (until !== null) return `, until ${isoTime(until)}`;
  return waitMs === null ? "" : `, for ${humanDuration(waitMs)}`;
}

function resultWords(event: Extract<StreamEvent, { type: "result" }>): string {
  const { permissionDenials: denials, text } = event;
  const denied = denials === null || denials === 0 ? "" : `${denials} denied`;
  const usage = event.usage === null ? "" : describeUsage(event.usage);
  const facts = [usage, denied].filter((fact) => fact !== "").join(", ");
  return [facts, text].filter((part) => part !== "").join(" — ");
}

/** `"600 tokens in, 120 out, $0.0036, 6 turns"`; `"usage unknown"` when nothing is known. */
export function describeUsage(usage: Usage): string {
  const words = [
    usage.input_tokens === null ? null : `${usage.input_tokens} tokens in`,
    usage.output_tokens === null ? null : `${usage.output_tokens} out`,
    usage.cost_usd === null ? null : `$${Number(usage.cost_usd.toFixed(4))}`,
    usage.turns === null ? null : `${usage.turns} turns`,
  ].filter((word) => word !== null);
  return words.length === 0 ? "usage unknown" : words.join(", ");
}

/** `mcp__corral__report_agent_finding` → `corral report_agent_finding` */
export function toolName(name: string): string {
  const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? [];
  return clean(server === undefined ? name : `${server} ${tool}`).slice(0, LINE_MAX_CHARS);
}

function telling(input: unknown): string {
  if (typeof input !== "object" || input === null) return json(input);
  const facts = input as Readonly<Record<string, unknown>>;
  const key = TELLING.find((name) => typeof facts[name] === "string");
  if (key === undefined) return json(input);
  const words = ["status", "severity", "progress"].map((name) => facts[name]);
  const before = words.filter((word) => typeof word === "string" || typeof word === "number");
  return [...before, facts[key]].join(" ");
}

function unknownLabel(raw: unknown): string {
  if (typeof raw !== "object" || raw === null) return "unknown";
  const { type, subtype } = raw as { type?: unknown; subtype?: unknown };
  const names = [type, subtype].filter((name) => typeof name === "string");
  return names.length === 0 ? "unknown" : clean(names.join("/")).slice(0, 80);
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    // Nested beyond what JSON.stringify can walk; the stream itself still has it.
    return "(nested too deeply to show)";
  }
}

function shortened(line: string): string {
  if (line.length <= LINE_MAX_CHARS) return line;
  const cut = line.slice(0, LINE_MAX_CHARS).replace(/[\uD800-\uDBFF]$/, "");
  return `${cut}… (${line.length - cut.length} more characters)`;
}

/** Without control characters (but tabs and newlines), C1 controls and bidi overrides. */
function clean(text: string): string {
  return text.replaceAll(UNPRINTABLE, "");
}
