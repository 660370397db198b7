/** OpenAI's Responses, as Codex speaks it. */
import type { ServerResponse } from "node:http";
import type { Conversation, Turn } from "../model-server.ts";
import { type Asked, type Dialect, freshId, retryAfter, sendEvents, sendJson } from "./dialect.ts";

interface Item {
  readonly type?: string;
  readonly role?: string;
  readonly content?: string | readonly { readonly text?: string }[];
  readonly output?: string | readonly { readonly text?: string }[];
}

interface Tool {
  readonly type: string;
  readonly name?: string;
  /** Of a namespace. */
  readonly tools?: readonly { readonly name: string }[];
}

interface Body {
  readonly model: string;
  readonly input: readonly Item[];
  readonly tools?: readonly Tool[];
}

export const responsesDialect: Dialect = {
  asked(path, text): Asked | null {
    if (path !== "/v1/responses") return null;
    const body = JSON.parse(text) as Body;
    return {
      conversation: conversationOf(body),
      model: body.model,
      answer: (response, turn) => answer(response, turn, body),
    };
  },
  side: () => false,
};

function conversationOf({ input, tools = [] }: Body): Conversation {
  const isModels = ({ type, role }: Item) =>
    role === "assistant" || type === "function_call" || type === "custom_tool_call";
  const isOutput = ({ type }: Item) => type?.endsWith("_call_output") === true;
  // Items of one answer stand together.
  const counted = input.filter(({ type }) => type !== "reasoning");
  const answered = counted.filter(
    (item, index) => isModels(item) && !(index > 0 && isModels(counted[index - 1]!)),
  ).length;
  const lastModels = counted.findLastIndex(isModels);
  return {
    prompt: input
      .filter(({ role }) => role === "user")
      .map(({ content }) => textOf(content))
      .join("\n"),
    answered,
    results: counted
      .slice(lastModels + 1)
      .filter(isOutput)
      .map(({ output }) => textOf(output)),
    tools: tools.flatMap((tool) =>
      tool.tools === undefined
        ? [tool.name ?? tool.type]
        : tool.tools.map(({ name }) => `${tool.name ?? ""}${name}`),
    ),
  };
}

function textOf(content: Item["content"]): string {
  if (content === undefined) return "";
  if (typeof content === "string") return content;
  return content.map(({ text }) => text ?? "").join("\n");
}

function answer(response: ServerResponse, { text, toolUses = [], fault }: Turn, body: Body): void {
  if (fault !== undefined && "status" in fault) {
    const message = `scripted ${fault.status}`;
    const error = { type: "scripted", code: CODES[fault.status], message };
    sendJson(response, fault.status, { error }, retryAfter(fault.retryAfterS));
    return;
  }
  const id = freshId();
  const said = text === undefined && toolUses.length > 0 ? [] : [messageItem(id, text ?? "")];
  const output = [...said, ...toolUses.map((use, index) => callItem(`${id}${index}`, use, body))];
  const events = [
    { type: "response.created", response: { id: `resp_${id}` } },
    ...output.flatMap((item, index) => [
      { type: "response.output_item.added", output_index: index, item },
      { type: "response.output_item.done", output_index: index, item },
    ]),
    { type: "response.completed", response: { id: `resp_${id}`, output, usage: USAGE } },
  ];
  sendEvents(
    response,
    events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
    { cut: fault !== undefined },
  );
}

const CODES = {
  401: "invalid_api_key",
  429: "rate_limit_exceeded",
  500: "server_error",
  529: "overloaded",
};

const USAGE = {
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 40 },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 120,
};

function messageItem(id: string, text: string) {
  const content = [{ type: "output_text", text, annotations: [] }];
  return { type: "message", id: `msg_${id}`, role: "assistant", content };
}

function callItem(
  id: string,
  { name, input }: NonNullable<Turn["toolUses"]>[number],
  { tools = [] }: Body,
) {
  const call = { type: "function_call", id: `fc_${id}`, call_id: `call_${id}` };
  const namespace = tools.find(
    (tool) => tool.tools?.some((inner) => `${tool.name ?? ""}${inner.name}` === name) === true,
  )?.name;
  return namespace === undefined
    ? { ...call, name, arguments: JSON.stringify(input) }
    : { ...call, namespace, name: name.slice(namespace.length), arguments: JSON.stringify(input) };
}
