/**
 * `corral mcp`: the stdio front end. Holds no state; every call goes to the daemon, which it
 * starts when there is none. It ends with its client, and nothing is lost.
 */
import { Console } from "node:console";
import type { Readable, Writable } from "node:stream";
import type { JSONRPCMessage, Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { ResourceAnswer } from "../../contract/api.ts";
import type { CorralEvent } from "../../contract/events.ts";
import { TOOLS } from "../../contract/tools.ts";
import type { ToolAnswer, ToolName } from "../../contract/tools.ts";
import { Fault, messageOf } from "../../kernel/fault.ts";
import { changedBy } from "./resources.ts";
import { corralMcpServer } from "./server.ts";
import { stdioTransport } from "./stdio-transport.ts";

/** What the bridge needs of the daemon's API. */
export interface DaemonCalls {
  /** @throws {Fault} the daemon's; DAEMON_UNREACHABLE, whose `details.sent` is false when nothing was sent. */
  tool<N extends ToolName>(
    name: N,
    input: Readonly<Record<string, unknown>>,
  ): Promise<ToolAnswer<N>>;
  /** @throws {Fault} as `tool`. */
  resource(uri: string): Promise<ResourceAnswer>;
  /** Events from now on (`after` undefined), over reconnections, until the signal aborts. */
  events(after: number | undefined, signal: AbortSignal): AsyncIterable<CorralEvent>;
}

export interface BridgePorts {
  /** The daemon; its address carries the client's folder and, for an agent, the agent's token. */
  readonly client: DaemonCalls;
  /**
   * Starts a daemon where there is none and returns when it answers. Absent for an agent's
   * bridge, which must never start one.
   */
  readonly ensureDaemon?: () => Promise<void>;
  /** Corral's own version. */
  readonly version: string;
  readonly stdin: Readable;
  /** Carries protocol and nothing else. */
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Serves one client until it closes its end; then resolves, and the caller should exit.
 *
 * `console` is pointed at `stderr` for as long as the process lives: one stray line on stdout
 * would break the protocol.
 */
export async function runBridge(ports: BridgePorts): Promise<void> {
  const { client, version, stdin, stdout, stderr, ensureDaemon } = ports;
  globalThis.console = new Console(stderr, stderr);
  const daemon = withDaemon(ensureDaemon);
  const notices = changeNotices(client);
  const ended = Promise.withResolvers<void>();
  const transport = stdioTransport({
    stdin,
    stdout,
    onArrival: notices.onArrival,
    onEnd: () => ended.resolve(),
  });
  const handle = serveStdio(
    () => {
      const server = corralMcpServer({
        call: (name, input) => daemon(isRepeatable(name, input), () => client.tool(name, input)),
        readResource: (uri) => daemon(true, () => client.resource(uri)),
        version,
        // An agent's token does not open the events.
        notices: ensureDaemon !== undefined,
        onSubscribe: notices.onSubscribe,
      });
      notices.serveThrough(server);
      return server;
    },
    { transport, onerror: (error) => stderr.write(`corral mcp: ${messageOf(error)}\n`) },
  );
  await ended.promise;
  await handle.close();
  notices.stop();
}

/**
 * Runs calls against a daemon that may not be there yet. A call that was never sent is sent
 * again once a daemon is up; one that was sent only when it may happen twice.
 */
function withDaemon(ensureDaemon: (() => Promise<void>) | undefined) {
  let starting: Promise<void> | undefined;
  return async <T>(repeatable: boolean, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      if (ensureDaemon === undefined || !mayRepeat(error, repeatable)) throw error;
      // Calls that fail together start one daemon together.
      starting ??= ensureDaemon().finally(() => {
        starting = undefined;
      });
      await starting;
      return call();
    }
  };
}

function mayRepeat(error: unknown, repeatable: boolean): boolean {
  if (!(error instanceof Fault) || error.code !== "DAEMON_UNREACHABLE") return false;
  return repeatable || error.details["sent"] === false;
}

function isRepeatable(name: ToolName, input: object): boolean {
  const { readOnlyHint, idempotentHint } = TOOLS[name].annotations;
  const keyed = "idempotency_key" in input && input.idempotency_key !== undefined;
  return readOnlyHint || idempotentHint || keyed;
}

/** Passes the daemon's events on as resource notices, from the first subscription on. */
function changeNotices(client: Pick<DaemonCalls, "events">) {
  const legacy = new Set<string>();
  const stopping = new AbortController();
  let server: Server | undefined;
  let modern = false;
  let following = false;

  async function follow(): Promise<void> {
    for await (const event of client.events(undefined, stopping.signal)) {
      for (const uri of changedBy(event)) {
        // On a modern connection the SDK passes on only what was subscribed to.
        if (modern || legacy.has(uri)) await server?.sendResourceUpdated({ uri });
      }
    }
  }

  function start(): void {
    if (following) return;
    following = true;
    // Notices only shorten a wait; without them clients still read the truth.
    follow().catch(() => {
      following = false;
    });
  }

  return {
    onArrival: (message: JSONRPCMessage): void => {
      if (!("method" in message) || message.method !== "subscriptions/listen") return;
      if (!subscribesResources(message.params)) return;
      modern = true;
      start();
    },
    onSubscribe: (uri: string, on: boolean): void => {
      if (on) legacy.add(uri);
      else legacy.delete(uri);
      if (on) start();
    },
    serveThrough: (instance: Server): void => {
      server = instance;
    },
    stop: (): void => stopping.abort(),
  };
}

function subscribesResources(params: unknown): boolean {
  const { notifications } = (params ?? {}) as { readonly notifications?: object };
  const filter = { ...notifications } as { readonly resourceSubscriptions?: unknown };
  return Array.isArray(filter.resourceSubscriptions) && filter.resourceSubscriptions.length > 0;
}
