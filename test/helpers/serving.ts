/** A real listener on real sockets over in-memory operations, and a way to speak raw HTTP to it. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import type { OutgoingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Log } from "../../src/kernel/ports.ts";
import type { Dashboard } from "../../src/surface/http/handler.ts";
import { pageSessions } from "../../src/surface/http/page-sessions.ts";
import { serve } from "../../src/surface/http/serve.ts";
import type { Served } from "../../src/surface/http/serve.ts";
import { CLIENT_TOKEN, fakeOperations } from "./fake-operations.ts";
import type { FakeOperations } from "./fake-operations.ts";

/** Opens /metrics and nothing else. */
export const SCRAPE_TOKEN = "scrape-token-of-the-tests";

export interface Logged {
  readonly level: string;
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Serving {
  readonly operations: FakeOperations;
  readonly served: Served;
  readonly socketPath: string;
  readonly logged: readonly Logged[];
}

export function recordingLog(): { readonly log: Log; readonly logged: readonly Logged[] } {
  const logged: Logged[] = [];
  const at =
    (level: string) =>
    (event: string, facts: Readonly<Record<string, unknown>> = {}): void => {
      logged.push({ level, event, facts });
    };
  return { logged, log: { info: at("info"), warn: at("warn"), error: at("error") } };
}

/** A folder that is gone when the test is over. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "corral-surface-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The dashboard's part of what is served: files of a folder, sessions of the client token of the tests. */
export function dashboardIn(folder: string): Dashboard {
  return { folder, sessions: pageSessions(CLIENT_TOKEN, () => Date.now()) };
}

/** Starts serving; at the end of the test closes it and proves that the socket is gone. */
export async function serving(folder = "/nowhere"): Promise<Serving> {
  const socketPath = join(await testFolder(), "d.sock");
  const operations = fakeOperations();
  const { log, logged } = recordingLog();
  const dashboard = dashboardIn(folder);
  const isScrapeToken = (token: string): boolean => token === SCRAPE_TOKEN;
  const version = "1.2.3-test";
  const ports = { operations, log, version, port: 0, socketPath, dashboard, isScrapeToken };
  const served = await serve(ports);
  onTestFinished(async () => {
    await served.close();
    if (existsSync(socketPath)) throw new Error(`the socket ${socketPath} was left behind`);
  });
  return { operations, served, socketPath, logged };
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown;
}

/** One raw request over loopback; the client's token unless headers say otherwise. */
export function overLoopback(to: Serving, path: string, asked: Asked = {}): Promise<Answered> {
  const headers = { authorization: `Bearer ${CLIENT_TOKEN}`, ...asked.headers };
  return send({ host: "127.0.0.1", port: to.served.port }, path, { ...asked, headers });
}

/** One raw request over the unix socket, without a token unless headers give one. */
export function overSocket(to: Serving, path: string, asked: Asked = {}): Promise<Answered> {
  return send({ socketPath: to.socketPath }, path, asked);
}

function send(
  where: { readonly socketPath: string } | { readonly host: string; readonly port: number },
  path: string,
  { method, headers = {}, body }: Asked,
): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const given = Object.fromEntries(
    Object.entries(headers).filter(([, value]) => value !== undefined),
  );
  const outgoing = request({
    ...where,
    path,
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: given,
    agent: false,
  });
  outgoing.on("error", reject);
  outgoing.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () => {
      const answer = Buffer.concat(chunks).toString("utf8");
      const status = response.statusCode ?? 0;
      resolve({ status, headers: response.headers, text: answer, json: jsonIn(answer) });
    });
  });
  outgoing.end(text);
  return promise;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
