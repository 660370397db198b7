/** Gemini's generateContent and streamGenerateContent, as Gemini CLI speaks them. */
import type { ServerResponse } from "node:http";
import type { Conversation, Turn } from "../model-server.ts";
import { type Asked, type Dialect, retryAfter, sendEvents, sendJson } from "./dialect.ts";

interface Part {
  readonly text?: string;
  readonly functionResponse?: { readonly response?: unknown };
}

interface Body {
  readonly contents: readonly { readonly role?: string; readonly parts?: readonly Part[] }[];
  readonly tools?: readonly {
    readonly functionDeclarations?: readonly { readonly name: string }[];
  }[];
}

const PATH =
  /^\/v1(?:beta)?\/models\/([^/:]+):(generateContent|streamGenerateContent|countTokens)$/;

export const geminiDialect: Dialect = {
  asked(path, text): Asked | null {
    const [, model, verb] = PATH.exec(path) ?? [];
    if (model === undefined || verb === "countTokens") return null;
    const body = JSON.parse(text) as Body;
    return {
      conversation: conversationOf(body),
      model,
      answer: (response, turn) => answer(response, turn, verb === "streamGenerateContent"),
    };
  },
  side(path, text, response) {
    if (PATH.exec(path)?.[2] !== "countTokens") return false;
    sendJson(response, 200, { totalTokens: Math.ceil(text.length / 4) });
    return true;
  },
};

function conversationOf({ contents, tools = [] }: Body): Conversation {
  const lastModels = contents.findLastIndex(({ role }) => role === "model");
  return {
    prompt: contents
      .filter(({ role }) => role !== "model")
      .flatMap(({ parts = [] }) => parts.map(({ text }) => text ?? ""))
      .join("\n"),
    answered: contents.filter(({ role }) => role === "model").length,
    results: contents
      .slice(lastModels + 1)
      .flatMap(({ parts = [] }) => parts)
      .flatMap(({ functionResponse }) =>
        functionResponse === undefined ? [] : [JSON.stringify(functionResponse.response)],
      ),
    tools: tools.flatMap(({ functionDeclarations = [] }) =>
      functionDeclarations.map(({ name }) => name),
    ),
  };
}

const STATUSES = {
  401: "UNAUTHENTICATED",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  529: "UNAVAILABLE",
};

function answer(
  response: ServerResponse,
  { text, toolUses = [], fault }: Turn,
  isStream: boolean,
): void {
  if (fault !== undefined && "status" in fault) {
    const { status, retryAfterS } = fault;
    const details =
      retryAfterS === undefined
        ? []
        : [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${retryAfterS}s` }];
    const error = {
      code: status,
      status: STATUSES[status],
      message: `scripted ${status}`,
      details,
    };
    sendJson(response, status, { error }, retryAfter(retryAfterS));
    return;
  }
  const calls = toolUses.map(({ name, input }) => ({ functionCall: { name, args: input } }));
  const said = text === undefined && calls.length > 0 ? [] : [{ text: text ?? "" }];
  const part = (parts: readonly object[], more: object) => ({
    candidates: [{ index: 0, content: { role: "model", parts }, ...more }],
    usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 20, totalTokenCount: 120 },
  });
  const whole = part([...said, ...calls], { finishReason: "STOP" });
  if (!isStream) {
    sendJson(response, 200, whole);
    return;
  }
  const pieces = fault === undefined ? [whole] : [part(said, {}), part([], {}), whole];
  sendEvents(
    response,
    pieces.map((piece) => `data: ${JSON.stringify(piece)}\n\n`),
    { cut: fault !== undefined },
  );
}
