/**
 * The daemon's listeners: one request handler, on loopback and on the unix socket.
 *
 * A caller that leaves in the middle of its call changes nothing but who reads the answer:
 * a deploy or a kill, once begun, is finished.
 */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { errnoOf, Fault, messageOf } from "../../kernel/fault.ts";
import type { Log } from "../../kernel/ports.ts";
import { SECOND_MS } from "../../kernel/units.ts";
import type { Operations } from "../../supervision/operations.ts";
import { type Dashboard, requestHandler } from "./handler.ts";

// Imported as a module, node:http evaluates all that it exports, lazy WebSocket included: that loads
// undici, for 36 ms of processor time and 13 MB (measured), which nobody here needs.
const { createServer } = process.getBuiltinModule("node:http");

const CLOSE_GRACE_MS = 2 * SECOND_MS;
/** How long a request may take to arrive; answering may take as long as it takes. */
const ARRIVAL_MAX_MS = 30 * SECOND_MS;

export interface ServePorts {
  readonly operations: Operations;
  readonly log: Log;
  /** Corral's own version. */
  readonly version: string;
  /** Loopback port to bind, 0 to 65535; 0 takes any free one. */
  readonly port: number;
  /** Path of the unix socket, in a 0700 directory; the caller holds the state lock. */
  readonly socketPath: string;
  readonly dashboard: Dashboard;
  /** Compares a bearer token with the one that opens `/metrics` alone, in constant time. Absent: there is none. */
  readonly isScrapeToken?: (token: string) => boolean;
}

export interface Served {
  /** The port that was bound. */
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /**
   * Listens on the unix socket's path once more, where somebody has deleted the socket. Calls that
   * came over the old one are finished.
   * @throws {Fault} STATE_UNUSABLE when it cannot be bound.
   */
  listenAgain(): Promise<void>;
  /**
   * Stops accepting, ends event streams, lets running calls finish for up to 2 s, then cuts
   * what is left and removes the socket. May be called any number of times.
   */
  close(): Promise<void>;
}

/**
 * Starts serving. A socket file left behind by a dead daemon is replaced; a port that is
 * taken is not worked around, since agents' configurations name it.
 *
 * @throws {Fault} STATE_UNUSABLE when the port is taken or the socket path cannot be bound;
 *                 nothing is left listening then.
 */
export async function serve(ports: ServePorts): Promise<Served> {
  const handler = requestHandler(ports);
  const open = new Set<ServerResponse>();
  const track = (response: ServerResponse): void => {
    open.add(response);
    response.once("close", () => open.delete(response));
    // Writing to a reader that has gone is no failure of ours.
    response.on("error", () => undefined);
  };
  const local = (): Server =>
    listener((request, response) => {
      track(response);
      void handler.handle(request, response, { kind: "socket" });
    });
  let socket = local();
  const loopback = listener((request, response) => {
    track(response);
    void handler.handle(request, response, { kind: "loopback", port });
  });
  await bindSocket(socket, ports.socketPath);
  let port: number;
  try {
    await bind(
      loopback,
      { host: "127.0.0.1", port: ports.port },
      `port ${ports.port} on 127.0.0.1`,
    );
    port = (loopback.address() as AddressInfo).port;
  } catch (error) {
    await closed(socket);
    throw error;
  }
  let closing: Promise<void> | undefined;
  const leave = async (): Promise<void> => {
    const gone = Promise.all([closed(socket), closed(loopback)]);
    handler.refuseNew();
    await finished(
      [...open].filter((one) => !handler.isEndless(one)),
      CLOSE_GRACE_MS,
    );
    await handler.close();
    for (const server of [socket, loopback]) server.closeAllConnections();
    await gone;
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async listenAgain() {
      if (closing !== undefined) return;
      // To be closed first: that deletes what is at the path.
      void closed(socket);
      socket = local();
      await bindSocket(socket, ports.socketPath);
    },
    close: () => (closing ??= leave()),
  };
}

function listener(handle: (request: IncomingMessage, response: ServerResponse) => void): Server {
  return createServer({ requestTimeout: ARRIVAL_MAX_MS }, (request, response) => {
    // One request a connection, and said so: a client that reuses an idle one in the moment in which
    // it is closed (or over a restart of ours) sees its call fail, and must not repeat it blindly.
    response.shouldKeepAlive = false;
    handle(request, response);
  });
}

async function bind(
  server: Server,
  where: { readonly path: string } | { readonly host: string; readonly port: number },
  what: string,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(where, resolve);
  try {
    await promise;
  } catch (error) {
    throw new Fault("STATE_UNUSABLE", `Cannot listen on ${what}: ${messageOf(error)}.`, {
      hint:
        errnoOf(error) === "EADDRINUSE"
          ? "End what uses it, or configure another port, then start the daemon again."
          : "Choose a state directory with a shorter path that this user may write to.",
      details: { errno: errnoOf(error) ?? "" },
      cause: error,
    });
  }
  server.removeListener("error", reject);
}

async function bindSocket(server: Server, path: string): Promise<void> {
  removeStaleSocket(path);
  await bind(server, { path }, `the socket ${path}`);
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    await closed(server);
    throw error;
  }
}

/** Only ever removes a socket: anything else at that path is not ours, and binding will fail. */
function removeStaleSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() === true) unlinkSync(path);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** Resolves when every response is written, or the time is up. */
async function finished(open: readonly ServerResponse[], graceMs: number): Promise<void> {
  const all = open.map(
    (response) => new Promise<void>((resolve) => response.once("close", () => resolve())),
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, graceMs);
  await Promise.race([Promise.all(all), promise]);
  clearTimeout(timer);
}
