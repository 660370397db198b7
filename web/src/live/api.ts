/** Calls to the daemon that serves this page. Both halves of the session go with each. */
import type { FaultWire } from "../../../src/contract/api.ts";
import { ApiFault } from "./fault.ts";

const PROOF = "corral.proof";

/** The page's half of the session; null before a login. Only our own origin can read it. */
export function proof(): string | null {
  return localStorage.getItem(PROOF);
}

/** Keeps, or with null forgets, the page's half; other tabs are told by the browser. */
export function keepProof(value: string | null): void {
  if (value === null) localStorage.removeItem(PROOF);
  else localStorage.setItem(PROOF, value);
}

/** Calls back when another tab has logged in or out. @returns the way to stop. */
export function onProofChanged(callback: () => void): () => void {
  const listen = ({ key }: StorageEvent): void => {
    if (key === PROOF) callback();
  };
  addEventListener("storage", listen);
  return () => removeEventListener("storage", listen);
}

/** @throws {ApiFault} as the daemon says; DAEMON_UNREACHABLE when there is none. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await answered(await send("GET", path, undefined, signal))) as T;
}

/** @throws {ApiFault} as {@link get}. */
export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await answered(await send("POST", path, body, signal))) as T;
}

/** One tool of the MCP surface. @throws {ApiFault} as {@link get}. */
export function tool<T>(name: string, input: unknown, signal?: AbortSignal): Promise<T> {
  return post<T>(`/api/tools/${name}`, input, signal);
}

/** A response that is a success, unread. @throws {ApiFault} for any other. */
export async function opened(path: string, signal: AbortSignal): Promise<Response> {
  const response = await send("GET", path, undefined, signal);
  if (!response.ok) await answered(response);
  return response;
}

async function send(
  method: "GET" | "POST",
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      headers: {
        "x-corral-proof": proof() ?? "",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw unreachable();
  }
}

async function answered(response: Response): Promise<unknown> {
  const parsed: unknown = await response.json().catch(() => null);
  if (response.ok && parsed !== null) return parsed;
  const wire = (parsed as { readonly error?: FaultWire } | null)?.error;
  throw wire === undefined ? unreachable() : new ApiFault(wire, response.status);
}

function unreachable(): ApiFault {
  const message = "The daemon does not answer.";
  return new ApiFault({ code: "DAEMON_UNREACHABLE", message, hint: 'Run "corral up".' }, 503);
}
