/** Who is told of alerts: a receiver of a webhook, and what a hook has kept. */
import { createServer } from "node:http";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { AlertNotice } from "../../src/contract/alerts.ts";

export interface Receiver {
  /** Where it listens. */
  readonly url: string;
  /** What was posted, in order; all of it was taken. */
  readonly notices: readonly AlertNotice[];
}

/** Takes notices on loopback until the test is finished. @param port  0: any. */
export async function takeNotices(port = 0): Promise<Receiver> {
  const notices: AlertNotice[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      notices.push(AlertNotice.parse(JSON.parse(Buffer.concat(chunks).toString())));
      response.writeHead(204).end();
    });
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { notices, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts` };
}

/** What a hook has appended to a file, a line each. */
export function noticesIn(path: string): readonly AlertNotice[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => AlertNotice.parse(JSON.parse(line)));
}
