/**
 * Who may come in. Loopback is reachable by every user of the machine and, through a
 * browser, by every page: so a token or a page's session always, and Host and Origin must be
 * loopback. The unix socket is reachable only by whom its file mode lets in, so there a token is
 * optional.
 */
import type { IncomingMessage } from "node:http";
import { Fault } from "../../kernel/fault.ts";
import type { Caller, Operations } from "../../supervision/operations.ts";
import { shownValue } from "../mcp/parse-input.ts";
import type { PageSessions } from "./page-sessions.ts";

/** Where a request came in. */
export type Channel =
  | { readonly kind: "socket" }
  | { readonly kind: "loopback"; /** The port that was bound. */ readonly port: number };

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);
const CWD_MAX_CHARS = 4_096;

/**
 * Refuses requests that a web page could have made us receive (DNS rebinding, cross-site).
 * @throws {Fault} ORIGIN_REFUSED.
 */
export function checkOrigin(request: IncomingMessage, channel: Channel): void {
  if (channel.kind === "socket") return;
  const host = request.headers.host ?? "";
  if (!isOurHost(host, channel.port)) throw refused("Host", host, channel.port);
  const { origin } = request.headers;
  if (origin !== undefined && !isLoopbackOrigin(origin)) {
    throw refused("Origin", origin, channel.port);
  }
}

/** A caller, and whether it is a page of the dashboard: that opens less than the client's token. */
export interface Visitor {
  readonly caller: Caller;
  readonly isPage: boolean;
}

/**
 * Who is asking.
 * @throws {Fault} TOKEN_INVALID without a valid token or session where one is needed, and for a
 *                 wrong one everywhere; ORIGIN_REFUSED for a session that another origin uses;
 *                 INPUT_INVALID for an unreadable x-corral-cwd.
 */
export function visitorOf(
  request: IncomingMessage,
  channel: Channel,
  authenticate: Operations["authenticate"],
  sessions: PageSessions,
): Visitor {
  const { authorization } = request.headers;
  const cookie = authorization === undefined ? sessionCookie(request, channel) : undefined;
  if (cookie === undefined || channel.kind === "socket") {
    return { caller: callerOf(request, channel, authenticate), isPage: false };
  }
  checkSameOrigin(request, channel);
  const proof = request.headers["x-corral-proof"];
  if (typeof proof === "string" && sessions.holds(cookie, proof)) {
    return { caller: { kind: "client" }, isPage: true };
  }
  throw new Fault("TOKEN_INVALID", "This page's session is over, or was never begun.", {
    hint: 'Run "corral open" for a new link.',
  });
}

/** Cookies do not tell ports apart, and two daemons of one machine must not share one. */
function cookieName(port: number): string {
  return `corral_${port}`;
}

/** The session's half that the browser keeps; undefined without one, and on the socket. */
export function sessionCookie(request: IncomingMessage, channel: Channel): string | undefined {
  if (channel.kind === "socket") return undefined;
  const start = `${cookieName(channel.port)}=`;
  const found = request.headers.cookie?.split("; ").find((part) => part.startsWith(start));
  return found?.slice(start.length);
}

/** The header that hands the browser its half. @param lifeS  Seconds; 0 takes it away. */
export function setCookie(port: number, value: string, lifeS: number): string {
  return `${cookieName(port)}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${lifeS}`;
}

/**
 * Refuses what a browser sent for any page but ours. What changes something must say where it comes
 * from; browsers do so by themselves.
 * @throws {Fault} ORIGIN_REFUSED.
 */
export function checkSameOrigin(
  request: IncomingMessage,
  channel: Channel & { readonly kind: "loopback" },
): void {
  const { host = "", origin, "sec-fetch-site": site } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`) {
    throw refused("Origin", origin, channel.port);
  }
  const isTold = origin !== undefined || site !== undefined;
  if ((site !== undefined && site !== "same-origin") || (request.method !== "GET" && !isTold)) {
    throw refused("Sec-Fetch-Site", site ?? "", channel.port);
  }
}

function callerOf(
  request: IncomingMessage,
  channel: Channel,
  authenticate: Operations["authenticate"],
): Caller {
  const { authorization } = request.headers;
  if (authorization === undefined && channel.kind === "socket") return clientAt(request);
  const token = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) {
    throw new Fault("TOKEN_INVALID", "This request carries no bearer token.", {
      hint: 'Send "Authorization: Bearer …" with the token of the file client.token in the state directory.',
    });
  }
  const caller = authenticate(token);
  return caller.kind === "client" ? clientAt(request) : caller;
}

/** Whom a target is open to, besides whoever has the client's token. */
export interface OpenTo {
  readonly forAgents?: boolean;
  readonly forPages?: boolean;
}

/**
 * An agent's token opens the tools, the MCP endpoint and resources; a page what it shows and its
 * few buttons; nothing else. What they may do there, operations decide.
 * @throws {Fault} FORBIDDEN.
 */
export function permit({ caller, isPage }: Visitor, openTo: OpenTo, target: string): void {
  if (isPage && openTo.forPages !== true) {
    throw new Fault("FORBIDDEN", `A page of the dashboard may not use ${target}.`, {
      hint: "Use the command line or an MCP client instead.",
    });
  }
  if (caller.kind === "client" || openTo.forAgents === true) return;
  throw new Fault("FORBIDDEN", `An agent's token may not be used for ${target}.`, {
    hint: "Use the MCP tools of your own task instead.",
    details: { agent_id: caller.agentId },
  });
}

function clientAt(request: IncomingMessage): Caller {
  const header = request.headers["x-corral-cwd"];
  if (header === undefined) return { kind: "client" };
  const cwd = decoded(String(header));
  if (cwd === undefined || cwd.includes("\0") || cwd.length > CWD_MAX_CHARS) {
    throw new Fault("INPUT_INVALID", `"x-corral-cwd" is ${shownValue(header)}: not a path.`, {
      hint: "Send a percent-encoded absolute path, or leave the header out.",
      details: { parameter: "x-corral-cwd" },
    });
  }
  return { kind: "client", cwd };
}

/** Undoes percent-encoding; undefined when it is malformed. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function isOurHost(host: string, port: number): boolean {
  const split = host.lastIndexOf(":");
  const name = host.slice(0, split).toLowerCase();
  return split > 0 && host.slice(split + 1) === String(port) && LOOPBACK_NAMES.has(name);
}

function isLoopbackOrigin(origin: string): boolean {
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) && LOOPBACK_NAMES.has(url.hostname);
}

function refused(header: "Host" | "Origin" | "Sec-Fetch-Site", value: string, port: number): Fault {
  return new Fault("ORIGIN_REFUSED", `The ${header} header ${shownValue(value)} is not ours.`, {
    hint: `Call http://127.0.0.1:${port} directly, from this machine.`,
    details: { header },
  });
}
