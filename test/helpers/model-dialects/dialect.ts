/** What a way of talking to models has to offer the scripted one. */
import type { ServerResponse } from "node:http";
import type { Conversation, Turn } from "../model-server.ts";

/** A request for the model's next turn, understood. */
export interface Asked {
  readonly conversation: Conversation;
  readonly model: string;
  /** Answers in the dialect of the request; every fault but silence. */
  answer(response: ServerResponse, turn: Turn): void;
}

export interface Dialect {
  /** Null when the path is of another dialect. */
  asked(path: string, text: string): Asked | null;
  /** Answers what is asked beside turns (counting tokens); false when it is something else. */
  side(path: string, text: string, response: ServerResponse): boolean;
}

export function freshId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 20);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(JSON.stringify(body));
}

/** Sends server-sent events; with `cut`, the first two and then the connection is gone. */
export function sendEvents(
  response: ServerResponse,
  events: readonly string[],
  { cut }: { readonly cut: boolean },
): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  if (cut) response.write(events.slice(0, 2).join(""), () => response.destroy());
  else response.end(events.join(""));
}

/** Header for a refusal that names a time. */
export function retryAfter(seconds: number | undefined): Readonly<Record<string, string>> {
  return seconds === undefined ? {} : { "retry-after": String(seconds) };
}
