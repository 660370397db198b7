/**
 * A scripted model: the Anthropic Messages API on loopback, so that the real agent CLIs run
 * without a network, an account or chance.
 *
 * A script answers each request from the conversation so far, so it needs no state of its own
 * and several agents may talk to one server at once.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ToolUse {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** How a request can go wrong, as agent CLIs meet it. */
export type ModelFault =
  | { readonly status: 401 | 429 | 500 | 529; readonly retryAfterS?: number }
  /** The stream begins, then the connection is closed in the middle of a block. */
  | { readonly cut: true }
  /** The connection is accepted and nothing is ever answered. */
  | { readonly silent: true };

/** One answer of the model. With tool uses it stops for them; without, the conversation's turn ends. */
export interface Turn {
  readonly text?: string;
  readonly toolUses?: readonly ToolUse[];
  readonly fault?: ModelFault;
}

/** What a script sees of a request. */
export interface Conversation {
  /** All text of the first user message: the agent's prompt and what its CLI put around it. */
  readonly prompt: string;
  /** How many times the model has answered already; 0 at the first request. */
  readonly answered: number;
  /** Text of the tool results in the last message, in order. */
  readonly results: readonly string[];
  /** Names of the tools that the model may use; empty in the CLI's side requests (titles, quota). */
  readonly tools: readonly string[];
}

export type Script = (conversation: Conversation) => Turn;

export interface RecordedRequest {
  readonly path: string;
  readonly conversation: Conversation;
  readonly model: string;
}

export interface ModelServer extends AsyncDisposable {
  /** For ANTHROPIC_BASE_URL. */
  readonly url: string;
  /** Every request for a message, in order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** `METHOD path` of everything else that was asked. */
  readonly others: readonly string[];
  /** Bugs of scripts and bad requests; assert that it is empty. */
  readonly errors: readonly string[];
}

/**
 * A script of fixed turns per agent, chosen by a text that its prompt contains.
 *
 * A conversation that no key fits, or that has no tools, is a side request of the CLI and is
 * answered with "ok". One that goes on after its last turn gets an empty last word.
 *
 * @param turns  For each key the turns in order; a function gets the conversation.
 */
export function scripted(turns: Readonly<Record<string, readonly (Turn | Script)[]>>): Script {
  return (conversation) => {
    const key = Object.keys(turns).find((text) => conversation.prompt.includes(text));
    if (key === undefined || conversation.tools.length === 0) return { text: "ok" };
    const turn = turns[key]?.[conversation.answered] ?? { text: "Nothing more to do." };
    return typeof turn === "function" ? turn(conversation) : turn;
  };
}

/** Starts the server on a free loopback port; disposing ends it and every connection. */
export async function startModelServer(script: Script): Promise<ModelServer> {
  const requests: RecordedRequest[] = [];
  const others: string[] = [];
  const errors: string[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      errors.push(String(error));
      response.destroy();
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const text = await readAll(request);
    if (request.method === "POST" && path === "/v1/messages/count_tokens") {
      sendJson(response, 200, { input_tokens: Math.ceil(text.length / 4) });
      return;
    }
    if (request.method !== "POST" || path !== "/v1/messages") {
      others.push(`${request.method ?? "?"} ${path}`);
      answerOther(request, response);
      return;
    }
    const body = JSON.parse(text) as MessageBody;
    const conversation = conversationOf(body);
    requests.push({ path, conversation, model: body.model });
    sendTurn(response, script(conversation), body);
  }

  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    others,
    errors,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

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
  if (fault !== undefined && "silent" in fault) return;
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
  const id = crypto.randomUUID().replaceAll("-", "").slice(0, 20);
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

/** CLIs ask for odds and ends (a HEAD of the root, feature flags); none of it may matter to a test. */
function answerOther(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === "HEAD") response.writeHead(200).end();
  else sendJson(response, 404, { type: "error", error: { type: "not_found_error", message: "" } });
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(JSON.stringify(body));
}

async function readAll(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
