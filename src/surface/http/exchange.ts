/** Reading a request body and writing an answer: bounded, and never a stack trace. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { asFault, Fault, faultToWire, messageOf } from "../../kernel/fault.ts";
import { humanBytes, MIB } from "../../kernel/units.ts";

/** Largest request body that is read. Bytes. */
export const BODY_MAX_BYTES = 4 * MIB;

const HEADERS = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Reads a JSON body; an empty one is undefined.
 * @throws {Fault} BODY_TOO_LARGE, without having read the rest; INPUT_INVALID for other text.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Fault("INPUT_INVALID", `The request body is not JSON: ${messageOf(error)}.`, {
      hint: "Send one JSON object as the body.",
      details: { parameter: "body" },
    });
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > BODY_MAX_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_MAX_BYTES) throw tooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLarge(): Fault {
  return new Fault("BODY_TOO_LARGE", `The body is larger than ${humanBytes(BODY_MAX_BYTES)}.`, {
    hint: "Send less: put long text into a file of the project and name it in the prompt.",
    details: { max_bytes: BODY_MAX_BYTES },
  });
}

/** Answers with JSON. Does nothing when the reader has gone or was answered already. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  const length = { "content-length": String(Buffer.byteLength(text)) };
  response.writeHead(status, { ...HEADERS, ...length, ...headers });
  response.end(text);
}

/**
 * Answers with a fault, `{ "error": … }` and the code's status.
 * @param status  In place of the code's own, for 405.
 */
export function sendFault(
  response: ServerResponse,
  thrown: unknown,
  extra: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): void {
  const fault = asFault(thrown);
  const challenge: Record<string, string> =
    fault.code === "TOKEN_INVALID" ? { "www-authenticate": 'Bearer realm="corral"' } : {};
  // The rest of a body that was not read must not be taken for the next request.
  const unread: Record<string, string> = response.req.complete ? {} : { connection: "close" };
  const headers = { ...challenge, ...unread, ...extra.headers };
  sendJson(response, extra.status ?? fault.http, { error: faultToWire(fault) }, headers);
}
