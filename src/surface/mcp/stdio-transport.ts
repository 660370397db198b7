/**
 * MCP over stdio, one JSON-RPC message a line.
 *
 * Ours and not the SDK's for two promises: a line that is not JSON is answered with a parse
 * error (the SDK drops it, and its sender waits), and calls that are running when the client
 * closes its end are answered if they finish in a moment (`printf … | corral mcp` works).
 */
import type { Readable, Writable } from "node:stream";
import { isSpecType } from "@modelcontextprotocol/server";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";

/** Longest line that is read. Bytes. Beyond it the connection is closed. */
const LINE_MAX_BYTES = 10 * 1_024 * 1_024;
/** How long calls may go on after the client closed its end. Milliseconds. */
const LAST_CALLS_MS = 1_000;

const PARSE_ERROR = { code: -32_700, message: "Parse error: this line is not JSON." } as const;
const INVALID_REQUEST = { code: -32_600, message: "Not a JSON-RPC 2.0 message." } as const;

type MessageId = string | number | null;

export interface StdioPorts {
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** Sees each message before the server does. */
  readonly onArrival?: (message: JSONRPCMessage) => void;
  /** Told once, when the transport has closed. */
  readonly onEnd?: () => void;
}

/** A transport over two streams; closes itself when either is at its end. */
export function stdioTransport({ stdin, stdout, onArrival, onEnd }: StdioPorts): Transport {
  const unanswered = new Set<MessageId>();
  const pending: Buffer[] = [];
  let pendingBytes = 0;
  let closed = false;
  let ending: NodeJS.Timeout | undefined;

  const transport: Transport = {
    start: () => {
      stdin.on("data", onData);
      stdin.once("end", onInputEnd);
      stdin.once("close", onInputEnd);
      stdin.once("error", finish);
      stdout.on("error", finish);
      return Promise.resolve();
    },
    send: (message) => {
      if ("id" in message && !("method" in message)) unanswered.delete(message.id ?? null);
      write(message);
      if (ending !== undefined && unanswered.size === 0) finish();
      return Promise.resolve();
    },
    close: () => {
      finish();
      return Promise.resolve();
    },
  };

  function write(message: unknown): void {
    if (!closed && stdout.writable) stdout.write(`${JSON.stringify(message)}\n`);
  }

  function onData(chunk: Buffer | string): void {
    let rest = Buffer.from(chunk);
    for (let at = rest.indexOf(10); at !== -1; at = rest.indexOf(10)) {
      pending.push(rest.subarray(0, at));
      const line = Buffer.concat(pending.splice(0)).toString("utf8");
      pendingBytes = 0;
      rest = rest.subarray(at + 1);
      onLine(line);
    }
    if (rest.length === 0) return;
    pending.push(rest);
    pendingBytes += rest.length;
    if (pendingBytes > LINE_MAX_BYTES) finish();
  }

  function onLine(line: string): void {
    if (line.trim() === "" || closed) return;
    const message = parsed(line);
    if (message === undefined) return write({ jsonrpc: "2.0", id: null, error: PARSE_ERROR });
    if (!isSpecType.JSONRPCMessage(message)) {
      return write({ jsonrpc: "2.0", id: idIn(message), error: INVALID_REQUEST });
    }
    if ("method" in message && "id" in message) unanswered.add(message.id);
    const cancelled = cancelledIn(message);
    if (cancelled !== undefined) unanswered.delete(cancelled);
    onArrival?.(message);
    transport.onmessage?.(message);
  }

  function onInputEnd(): void {
    if (unanswered.size === 0) finish();
    else ending ??= setTimeout(finish, LAST_CALLS_MS);
  }

  function finish(): void {
    if (closed) return;
    closed = true;
    clearTimeout(ending);
    stdin.off("data", onData);
    stdin.pause();
    transport.onclose?.();
    onEnd?.();
  }

  return transport;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function idIn(message: unknown): MessageId {
  const id = (message as { readonly id?: unknown } | null)?.id;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

function cancelledIn(message: JSONRPCMessage): MessageId | undefined {
  if (!("method" in message) || message.method !== "notifications/cancelled") return undefined;
  const id = message.params?.["requestId"];
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}
