/**
 * Who may come in. Loopback is reachable by every user of the machine and, through a
 * browser, by every page: so a token always, and Host and Origin must be loopback. The
 * unix socket is reachable only by whom its file mode lets in, so there a token is optional.
 */
import type { IncomingMessage } from "node:http";
import { Fault } from "../../kernel/fault.ts";
import type { Caller, Operations } from "../../supervision/operations.ts";
import { shownValue } from "../mcp/parse-input.ts";

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

/**
 * Who is asking.
 * @throws {Fault} TOKEN_INVALID without a valid token where one is needed, and for a wrong one
 *                 everywhere; INPUT_INVALID for an unreadable x-corral-cwd.
 */
export function callerOf(
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

/**
 * An agent's token opens the tools, the MCP endpoint and resources: nothing else.
 * What it may do there, operations decide.
 * @throws {Fault} FORBIDDEN.
 */
export function permit(caller: Caller, forAgents: boolean, target: string): void {
  if (caller.kind === "client" || forAgents) return;
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

function refused(header: "Host" | "Origin", value: string, port: number): Fault {
  return new Fault("ORIGIN_REFUSED", `The ${header} header ${shownValue(value)} is not loopback.`, {
    hint: `Call http://127.0.0.1:${port} directly, from this machine.`,
    details: { header },
  });
}
