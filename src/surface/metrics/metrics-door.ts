/** `GET /metrics`: who may scrape, and the answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Fault } from "../../kernel/fault.ts";
import type { Operations } from "../../supervision/operations.ts";
import { sendFault } from "../http/exchange.ts";
import type { Channel } from "../http/gate.ts";

export const METRICS_PATH = "/metrics";

export interface MetricsDoor {
  /**
   * True for a request that the scrape token opens; every other has to be a client's.
   * The token opens this path and nothing else.
   */
  opensTo(request: IncomingMessage, channel: Channel): boolean;
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** @param isScrapeToken  Compares in constant time. */
export function metricsDoor(
  operations: Pick<Operations, "figures">,
  isScrapeToken: (token: string) => boolean,
): MetricsDoor {
  return {
    opensTo(request, channel) {
      if (channel.kind === "socket") return false;
      const token = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
      return token !== undefined && isScrapeToken(token);
    },
    async answer(request, response) {
      if (request.method !== "GET") {
        const fault = new Fault(
          "ROUTE_UNKNOWN",
          `${METRICS_PATH} does not take ${request.method}.`,
          {
            hint: "Use GET on this path.",
          },
        );
        return sendFault(response, fault, { status: 405, headers: { allow: "GET" } });
      }
      const { metricsText } = await import("./metrics-text.ts");
      const { text, type } = await metricsText(operations.figures());
      if (response.headersSent || response.destroyed) return;
      response.writeHead(200, {
        "content-type": type,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-length": String(Buffer.byteLength(text)),
      });
      response.end(text);
    },
  };
}
