/**
 * A scripted model on loopback, so that the real agent CLIs run without a network, an account or
 * chance. It speaks Anthropic's Messages, OpenAI's Responses and Chat Completions, and Gemini's
 * streamGenerateContent (`model-dialects/`).
 *
 * A script answers each request from the conversation so far, so it needs no state of its own
 * and several agents may talk to one server at once.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { anthropicDialect } from "./model-dialects/anthropic.ts";
import { chatDialect } from "./model-dialects/chat.ts";
import { type Dialect, sendJson } from "./model-dialects/dialect.ts";
import { geminiDialect } from "./model-dialects/gemini.ts";
import { responsesDialect } from "./model-dialects/responses.ts";

const DIALECTS: readonly Dialect[] = [
  anthropicDialect,
  responsesDialect,
  chatDialect,
  geminiDialect,
];

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
  /** As it came. */
  readonly body: string;
}

export interface ModelServer extends AsyncDisposable {
  /** For ANTHROPIC_BASE_URL and GOOGLE_GEMINI_BASE_URL; with `/v1` behind it for OpenAI's. */
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
    const isPost = request.method === "POST";
    if (isPost && DIALECTS.some((dialect) => dialect.side(path, text, response))) return;
    const asked = isPost
      ? DIALECTS.map((dialect) => dialect.asked(path, text)).find((one) => one !== null)
      : undefined;
    if (asked === undefined) {
      others.push(`${request.method ?? "?"} ${path}`);
      answerOther(request, response);
      return;
    }
    const { conversation, model } = asked;
    requests.push({ path, conversation, model, body: text });
    const turn = script(conversation);
    if (turn.fault !== undefined && "silent" in turn.fault) return;
    asked.answer(response, turn);
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

/** CLIs ask for odds and ends (a HEAD of the root, feature flags); none of it may matter to a test. */
function answerOther(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === "HEAD") response.writeHead(200).end();
  else sendJson(response, 404, { type: "error", error: { type: "not_found_error", message: "" } });
}

async function readAll(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
