/** Anthropic's Messages, as Claude Code speaks it. */
import type { ServerResponse } from "node:http";
import type { Conversation, ModelFault, Turn } from "../model-server.ts";
import { type Asked, type Dialect, freshId, sendJson } from "./dialect.ts";

export const anthropicDialect: Dialect = {
  asked(path, text): Asked | null {
    if (path !== "/v1/messages") return null;
    const body = JSON.parse(text) as MessageBody;
    return {
      conversation: conversationOf(body),
      model: body.model,
      answer: (response, turn) => sendTurn(response, turn, body),
    };
  },
  side(path, text, response) {
    if (path !== "/v1/messages/count_tokens") return false;
    sendJson(response, 200, { input_tokens: Math.ceil(text.length / 4) });
    return true;
  },
};

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly content?: string | readonly Block[];
}

interface MessageBody {
  readonly model: string;
  readonly stream?: boolean;
  readonly tools?: readonly { readonly name: string }[];
  readonly messages: readonly {
    readonly role: string;
    readonly content: string | readonly Block[];
  }[];
}

function conversationOf(body: MessageBody): Conversation {
  const first = body.messages.find(({ role }) => role === "user");
  const last = body.messages.findLast(
    ({ content }) =>
      typeof content !== "string" && content.some(({ type }) => type === "tool_result"),
  );
  const lastBlocks = last === undefined || typeof last.content === "string" ? [] : last.content;
  return {
    prompt: first === undefined ? "" : textOf(first.content),
    answered: body.messages.filter(({ role }) => role === "assistant").length,
    results: lastBlocks
      .filter(({ type }) => type === "tool_result")
      .map(({ content }) => textOf(content ?? "")),
    tools: (body.tools ?? []).map(({ name }) => name),
  };
}

function textOf(content: string | readonly Block[]): string {
  if (typeof content === "string") return content;
  return content.map(({ text, content: inner }) => text ?? textOf(inner ?? "")).join("\n");
}

function sendTurn(response: ServerResponse, turn: Turn, body: MessageBody): void {
  const { fault } = turn;
  if (fault !== undefined && "status" in fault) {
    sendFailure(response, fault);
    return;
  }
  const message = messageOf(turn, body.model);
  if (body.stream !== true) {
    sendJson(response, 200, message);
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const events = streamEvents(message);
  if (fault !== undefined) {
    response.write(events.slice(0, 2).map(sse).join(""), () => response.destroy());
    return;
  }
  response.end(events.map(sse).join(""));
}

type OutBlock =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "tool_use";
      readonly id: string;
      readonly name: string;
      readonly input: unknown;
    };

function messageOf({ text, toolUses = [] }: Turn, model: string) {
  const id = freshId();
  const content: OutBlock[] = toolUses.map(({ name, input }, index) => ({
    type: "tool_use",
    id: `toolu_${id}${index}`,
    name,
    input,
  }));
  if (text !== undefined || content.length === 0)
    content.unshift({ type: "text", text: text ?? "" });
  return {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: toolUses.length > 0 ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 100, output_tokens: 20 },
  };
}

type StreamEvent = { readonly type: string; readonly [key: string]: unknown };

function streamEvents(message: ReturnType<typeof messageOf>): readonly StreamEvent[] {
  const { content, stop_reason: stopReason, usage } = message;
  return [
    { type: "message_start", message: { ...message, content: [], stop_reason: null } },
    ...content.flatMap(blockEvents),
    { type: "ping" },
    {
      type: "message_delta",
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { output_tokens: usage.output_tokens },
    },
    { type: "message_stop" },
  ];
}

function blockEvents(block: OutBlock, index: number): readonly StreamEvent[] {
  const [start, delta] =
    block.type === "text"
      ? [
          { type: "text", text: "" },
          { type: "text_delta", text: block.text },
        ]
      : [
          { ...block, input: {} },
          { type: "input_json_delta", partial_json: JSON.stringify(block.input) },
        ];
  return [
    { type: "content_block_start", index, content_block: start },
    { type: "content_block_delta", index, delta },
    { type: "content_block_stop", index },
  ];
}

function sse(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

const FAILURES = {
  401: "authentication_error",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
} as const;

function sendFailure(
  response: ServerResponse,
  { status, retryAfterS }: Extract<ModelFault, { status: number }>,
): void {
  const headers = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) };
  const error = { type: FAILURES[status], message: `scripted ${status}` };
  sendJson(response, status, { type: "error", error }, headers);
}
