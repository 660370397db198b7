/** One request, from its first byte to its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { asFault, Fault, messageOf } from "../../kernel/fault.ts";
import type { Log } from "../../kernel/ports.ts";
import type { Caller, Operations } from "../../supervision/operations.ts";
import { shownValue } from "../mcp/parse-input.ts";
import { eventStreams } from "./event-stream.ts";
import { readJson, sendFault, sendJson } from "./exchange.ts";
import { checkOrigin, decoded, permit, visitorOf } from "./gate.ts";
import type { Channel } from "./gate.ts";
import { loginDoor } from "./login.ts";
import type { McpEndpoint } from "./mcp-endpoint.ts";
import type { PageSessions } from "./page-sessions.ts";
import { pages } from "./pages.ts";
import { METRICS_PATH, metricsDoor } from "../metrics/metrics-door.ts";
import { type Match, matchRoute, unknownRoute } from "./match-route.ts";

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

export interface Dashboard {
  /** Where its built files lie; may be absent. */
  readonly folder: string;
  readonly sessions: PageSessions;
}

export interface HandlerPorts {
  readonly operations: Operations;
  readonly log: Log;
  readonly version: string;
  readonly dashboard: Dashboard;
  /** Compares a bearer token with the one that opens `/metrics` alone. */
  readonly isScrapeToken?: (token: string) => boolean;
}

export function requestHandler({
  operations,
  log,
  version,
  dashboard,
  isScrapeToken = () => false,
}: HandlerPorts): RequestHandler {
  const onFailure = (thrown: unknown, target: string): void => {
    const fault = asFault(thrown);
    if (fault.code !== "INTERNAL") return;
    const { cause } = fault;
    const stack = cause instanceof Error ? cause.stack : undefined;
    log.error("request.bug", { target, cause: messageOf(cause ?? fault), stack });
  };
  const streams = eventStreams(operations);
  const files = pages(dashboard.folder);
  const door = loginDoor(dashboard.sessions, operations);
  const metrics = metricsDoor(operations, isScrapeToken);
  // Loaded when somebody speaks MCP over HTTP: it takes 20 MB, and bridges, verbs and pages need none of it.
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
    const { path, query } = targetOf(request);
    if (await files.answer(request, response, path)) return;
    const found = matchRoute(request.method ?? "", path);
    if (found.kind === "route" && found.route.answer === "begin") {
      if (refusing) throw stopping();
      return door.begin(request, response, channel, await readJson(request));
    }
    if (path === METRICS_PATH && !refusing && metrics.opensTo(request, channel)) {
      return metrics.answer(request, response);
    }
    const visitor = visitorOf(
      request,
      channel,
      (token) => operations.authenticate(token),
      dashboard.sessions,
    );
    const caller = toldWhenAnswered(visitor.caller, response);
    if (refusing) throw stopping();
    if (path === METRICS_PATH) {
      permit(visitor, {}, path);
      return metrics.answer(request, response);
    }
    if (path === "/mcp") {
      permit(visitor, { forAgents: true }, path);
      return serveMcp(request, response, caller);
    }
    if (found.kind !== "route") {
      permit(visitor, {}, `${request.method} ${shownValue(path)}`);
      return sendNoRoute(request, response, path, found);
    }
    const { route, segment } = found;
    const openTo = {
      forAgents: route.forAgents === true,
      forPages: route.forPages?.(segment) === true,
    };
    permit(visitor, openTo, `${route.method} ${targetShown(route.path, segment)}`);
    if (route.answer === "events") return streams.open(request, response, query);
    const body = route.method === "POST" ? await readJson(request) : undefined;
    if (route.answer === "login") return sendJson(response, 200, door.invite());
    if (route.answer === "end") return door.end(request, response, channel);
    if (route.answer === "begin") return; // answered above, before anybody had to be somebody
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

/** Tools are told apart by their names, everything else by its route. */
function targetShown(path: string, segment: string): string {
  return path.replace("<tool>", shownValue(segment));
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

/** An agent's call learns whether its answer got out: what an answer brings is not delivered before. */
function toldWhenAnswered(caller: Caller, response: ServerResponse): Caller {
  if (caller.kind !== "agent") return caller;
  const onAnswered = (listener: (isHandedOver: boolean) => void): void =>
    void response.once("close", () => listener(response.writableFinished));
  return { ...caller, onAnswered };
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
