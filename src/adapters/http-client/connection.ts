/** One HTTP exchange with the daemon, over its unix socket or loopback. */
import type { IncomingMessage } from "node:http";
import { Fault, faultFromWire, messageOf } from "../../kernel/fault.ts";
import type { FaultWire } from "../../kernel/fault.ts";

// Imported as a module, node:http evaluates all that it exports, lazy WebSocket included: that loads
// undici, for 36 ms of processor time and 13 MB (measured), which nobody here needs.
const { request } = process.getBuiltinModule("node:http");

/** Where the daemon is and who is calling. */
export interface DaemonAddress {
  /** Path of the daemon's unix socket; or give `url`. */
  readonly socketPath?: string;
  /** `http://127.0.0.1:PORT`; needs a token. */
  readonly url?: string;
  /** Bearer token; an agent's makes the caller that agent. */
  readonly token?: string;
  /** The caller's folder: the default project of the tasks it creates. Absolute. */
  readonly cwd?: string;
}

export interface Exchange {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Sends one request and answers as soon as the headers of a success are here.
 *
 * A fresh connection each time: on a kept one, a daemon that has just left cannot be told
 * from one that left in the middle, and that difference decides whether a call is repeated.
 *
 * @throws {Fault} DAEMON_UNREACHABLE (`details.sent` says whether the call may have happened);
 *                 the daemon's own fault for any status but 200.
 */
export async function exchange(address: DaemonAddress, call: Exchange): Promise<IncomingMessage> {
  const response = await send(address, call);
  if (response.statusCode === 200) return response;
  throw faultIn(await readText(response), response.statusCode ?? 0);
}

/**
 * Reads a response to its end.
 * @throws {Fault} DAEMON_UNREACHABLE when the connection ends before the body does.
 */
export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw unreachable(error, true);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(address: DaemonAddress, call: Exchange): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  let connected = false;
  const outgoing = request({
    ...endpoint(address),
    method: call.method,
    path: call.path,
    headers: { ...headersOf(address, body), ...call.headers },
    agent: false,
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  });
  outgoing.once("socket", (socket) => {
    socket.once("connect", () => {
      connected = true;
    });
  });
  outgoing.once("response", resolve);
  outgoing.on("error", (error) => reject(unreachable(error, connected)));
  outgoing.end(body);
  return promise;
}

function endpoint({ socketPath, url }: DaemonAddress): Record<string, string> {
  if (socketPath !== undefined) return { socketPath };
  const { hostname, port } = new URL(url ?? "");
  return { host: hostname, port };
}

function headersOf(
  { token, cwd }: DaemonAddress,
  body: string | undefined,
): Record<string, string> {
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(cwd === undefined ? {} : { "x-corral-cwd": encodeURIComponent(cwd) }),
    ...(body === undefined
      ? {}
      : {
          "content-type": "application/json",
          "content-length": String(Buffer.byteLength(body)),
        }),
  };
}

function unreachable(cause: unknown, sent: boolean): Fault {
  const message = sent
    ? "The daemon went away before it answered, so this call may or may not have happened."
    : "There is no Corral daemon to talk to.";
  const hint = sent
    ? 'Look with "corral status" before you call again.'
    : 'Run "corral up" to start it, then call again.';
  return new Fault("DAEMON_UNREACHABLE", message, {
    hint,
    details: { sent, reason: messageOf(cause) },
    cause,
  });
}

function faultIn(text: string, status: number): Fault {
  const wire = wireIn(text);
  if (wire !== undefined) return faultFromWire(wire);
  return new Fault("INTERNAL", `The daemon answered ${status} with no fault in it.`, {
    hint: "Check that the address is a Corral daemon's and that both are the same version.",
    details: { status },
  });
}

function wireIn(text: string): FaultWire | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: Partial<FaultWire> };
    const { code, message, hint } = error ?? {};
    if (code === undefined || typeof message !== "string" || typeof hint !== "string")
      return undefined;
    return {
      code,
      message,
      hint,
      retryable: error?.retryable === true,
      details: error?.details ?? {},
    };
  } catch {
    return undefined;
  }
}
