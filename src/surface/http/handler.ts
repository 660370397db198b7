/** One request, from its first byte to its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { asFault, Fault, messageOf } from "../../kernel/fault.ts";
import type { Log } from "../../kernel/ports.ts";
import type { Caller, Operations } from "../../supervision/operations.ts";
import { shownValue } from "../mcp/parse-input.ts";
import { eventStreams } from "./event-stream.ts";
import { readJson, sendFault, sendJson } from "./exchange.ts";
import { callerOf, checkOrigin, decoded, permit } from "./gate.ts";
import type { Channel } from "./gate.ts";
import type { McpEndpoint } from "./mcp-endpoint.ts";
import { matchRoute, unknownRoute } from "./routes.ts";
import type { Match } from "./routes.ts";

export interface RequestHandler {
  /** Answers one request; never rejects. */
  handle(request: IncomingMessage, response: ServerResponse, channel: Channel): Promise<void>;
  /** Answers every further request with DAEMON_STOPPING and ends the event streams. */
  refuseNew(): void;
  /** True for an MCP subscription: it ends with `close` and not by itself. */
  isEndless(response: ServerResponse): boolean;
  /** Ends MCP subscriptions, cuts MCP exchanges that are still open. */
  close(): Promise<void>;
}

export interface HandlerPorts {
  readonly operations: Operations;
  readonly log: Log;
  readonly version: string;
}

export function requestHandler({ operations, log, version }: HandlerPorts): RequestHandler {
  const onFailure = (thrown: unknown, target: string): void => {
    const fault = asFault(thrown);
    if (fault.code !== "INTERNAL") return;
    const { cause } = fault;
    const stack = cause instanceof Error ? cause.stack : undefined;
    log.error("request.bug", { target, cause: messageOf(cause ?? fault), stack });
  };
  const streams = eventStreams(operations);
  // Loaded once the first answer is out: a daemon that is being started has to answer at once.
  let loading: Promise<McpEndpoint> | null = null;
  const mcp = (): Promise<McpEndpoint> =>
    (loading ??= import("./mcp-endpoint.ts").then(({ mcpEndpoint }) =>
      mcpEndpoint({ operations, log, version, onFailure }),
    ));
  const subscriptions = new WeakSet<ServerResponse>();
  let refusing = false;

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    channel: Channel,
  ): Promise<void> {
    checkOrigin(request, channel);
    const caller = callerOf(request, channel, (token) => operations.authenticate(token));
    if (refusing) throw stopping();
    const { path, query } = targetOf(request);
    if (path === "/mcp") return serveMcp(request, response, caller);
    const found = matchRoute(request.method ?? "", path);
    if (found.kind !== "route") {
      permit(caller, false, `${request.method} ${shownValue(path)}`);
      return sendNoRoute(request, response, path, found);
    }
    const { route, segment } = found;
    permit(caller, route.forAgents === true, `${route.method} ${route.path}`);
    if (route.answer === "events") return streams.open(request, response, query);
    const body = route.method === "POST" ? await readJson(request) : undefined;
    const { signal, release } = goneSignal(response);
    try {
      const id = segmentText(segment, request, path);
      sendJson(response, 200, await route.answer({ operations, caller, id, query, body, signal }));
    } finally {
      release();
    }
  }

  async function serveMcp(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
  ): Promise<void> {
    // The SDK refuses a request whose header and body name different methods.
    if (request.headers["mcp-method"] === "subscriptions/listen") {
      subscriptions.add(response);
    }
    await (await mcp()).serve(request, response, caller);
  }

  return {
    handle: async (request, response, channel) => {
      try {
        await answer(request, response, channel);
      } catch (error) {
        onFailure(error, `${request.method} ${targetOf(request).path}`);
        sendFault(response, error);
      }
      void mcp();
    },
    refuseNew: () => {
      refusing = true;
      streams.endAll();
    },
    isEndless: (response) => subscriptions.has(response),
    close: async () => (await loading)?.close(),
  };
}

/** Path and query as they came: no normalising, so that `..` is never resolved into a route. */
function targetOf(request: IncomingMessage): { path: string; query: Record<string, string> } {
  const [path = "", ...rest] = (request.url ?? "").split("?");
  return { path, query: Object.fromEntries(new URLSearchParams(rest.join("?"))) };
}

function segmentText(segment: string, request: IncomingMessage, path: string): string {
  const text = decoded(segment);
  if (text === undefined) throw unknownRoute(request.method ?? "", path);
  return text;
}

function sendNoRoute(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  found: Exclude<Match, { kind: "route" }>,
): void {
  if (found.kind === "unknown") throw unknownRoute(request.method ?? "", path);
  const fault = new Fault("ROUTE_UNKNOWN", `${shownValue(path)} does not take ${request.method}.`, {
    hint: `Use ${found.allow} on this path.`,
  });
  sendFault(response, fault, { status: 405, headers: { allow: found.allow } });
}

function goneSignal(response: ServerResponse): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const onClose = (): void => controller.abort();
  response.once("close", onClose);
  return { signal: controller.signal, release: () => response.off("close", onClose) };
}

function stopping(): Fault {
  return new Fault("DAEMON_STOPPING", "The daemon is leaving and takes no further calls.", {
    hint: "Call again in a few seconds; a new daemon may be up by then.",
  });
}
