/** OpenAI's Chat Completions, as opencode speaks it to compatible providers. */
import type { ServerResponse } from "node:http";
import type { Conversation, Turn } from "../model-server.ts";
import { type Asked, type Dialect, freshId, retryAfter, sendEvents, sendJson } from "./dialect.ts";

interface Message {
  readonly role: string;
  readonly content?: string | readonly { readonly text?: string }[] | null;
}

interface Body {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly Message[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

export const chatDialect: Dialect = {
  asked(path, text): Asked | null {
    if (path !== "/v1/chat/completions") return null;
    const body = JSON.parse(text) as Body;
    return {
      conversation: conversationOf(body),
      model: body.model,
      answer: (response, turn) => answer(response, turn, body),
    };
  },
  side: () => false,
};

function conversationOf({ messages, tools = [] }: Body): Conversation {
  const lastModels = messages.findLastIndex(({ role }) => role === "assistant");
  return {
    prompt: messages
      .filter(({ role }) => role === "user")
      .map(textOf)
      .join("\n"),
    answered: messages.filter(({ role }) => role === "assistant").length,
    results: messages
      .slice(lastModels + 1)
      .filter(({ role }) => role === "tool")
      .map(textOf),
    tools: tools.map(({ function: { name } }) => name),
  };
}

function textOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return (content ?? []).map(({ text }) => text ?? "").join("\n");
}

const USAGE = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };

function answer(response: ServerResponse, { text, toolUses = [], fault }: Turn, body: Body): void {
  if (fault !== undefined && "status" in fault) {
    const error = { type: "scripted", code: fault.status, message: `scripted ${fault.status}` };
    sendJson(response, fault.status, { error }, retryAfter(fault.retryAfterS));
    return;
  }
  const id = freshId();
  const calls = toolUses.map(({ name, input }, index) => ({
    index,
    id: `call_${id}${index}`,
    type: "function",
    function: { name, arguments: JSON.stringify(input) },
  }));
  const reason = calls.length > 0 ? "tool_calls" : "stop";
  const base = { id: `chatcmpl-${id}`, created: 1_764_000_000, model: body.model };
  const message = {
    role: "assistant",
    ...(text === undefined ? {} : { content: text }),
    tool_calls: calls,
  };
  if (body.stream !== true) {
    const choices = [{ index: 0, message: { content: null, ...message }, finish_reason: reason }];
    sendJson(response, 200, { ...base, object: "chat.completion", choices, usage: USAGE });
    return;
  }
  const chunk = (choices: readonly unknown[], more: object = {}) =>
    `data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices, ...more })}\n\n`;
  const delta = (content: object, finish: string | null = null) =>
    chunk([{ index: 0, delta: content, finish_reason: finish }]);
  sendEvents(
    response,
    [
      delta({ role: "assistant", content: text ?? "" }),
      ...calls.map((call) => delta({ tool_calls: [call] })),
      delta({}, reason),
      chunk([], { usage: USAGE }),
      "data: [DONE]\n\n",
    ],
    { cut: fault !== undefined },
  );
}
