/** `/mcp`: Streamable HTTP for both protocol eras, stateless, one server instance per request. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import type { NodeIncomingMessageLike } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { McpHttpHandler } from "@modelcontextprotocol/server";
import { messageOf } from "../../kernel/fault.ts";
import type { Log } from "../../kernel/ports.ts";
import type { Caller, Operations } from "../../supervision/operations.ts";
import { corralMcpServer } from "../mcp/server.ts";
import { changedBy } from "../mcp/resources.ts";
import { BODY_MAX_BYTES } from "./exchange.ts";

export interface McpEndpoint {
  /** Serves one request; never rejects. */
  serve(request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void>;
  /** Ends subscriptions and cuts exchanges that are still open. */
  close(): Promise<void>;
}

export interface McpEndpointPorts {
  readonly operations: Operations;
  readonly log: Log;
  readonly version: string;
  readonly onFailure: (thrown: unknown, target: string) => void;
}

/** Builds the endpoint and starts passing change notices on to subscribers. */
export function mcpEndpoint(ports: McpEndpointPorts): McpEndpoint {
  // Two handlers, because subscribers of one hear of every task: an agent must not (it acts,
  // and reads, only as itself).
  const forClients = handlerFor(ports, true);
  const forAgents = handlerFor(ports, false);
  const stop = ports.operations.onEvent((event) => {
    for (const uri of changedBy(event)) forClients.notify.resourceUpdated(uri);
  });
  const adapted = {
    client: toNodeHandler(forClients, { maxRequestBodySize: BODY_MAX_BYTES }),
    agent: toNodeHandler(forAgents, { maxRequestBodySize: BODY_MAX_BYTES }),
  };
  return {
    serve: (request, response, caller) => {
      const auth = { token: "", clientId: caller.kind, scopes: [], extra: { caller } };
      // Node types absent headers as undefined, the adapter as missing; it reads both alike.
      return adapted[caller.kind](
        Object.assign(request, { auth }) as NodeIncomingMessageLike,
        response,
      );
    },
    close: async () => {
      stop();
      await Promise.all([forClients.close(), forAgents.close()]);
    },
  };
}

function handlerFor(
  { operations, log, version, onFailure }: McpEndpointPorts,
  notices: boolean,
): McpHttpHandler {
  return createMcpHandler(
    ({ era, authInfo }) => {
      const caller = callerIn(authInfo);
      return corralMcpServer({
        call: (name, input) => operations.tool(name, input, caller),
        readResource: (uri) => operations.resource(uri, caller),
        onFailure,
        version,
        // A 2025-era request is served alone, so nothing could reach its sender later.
        notices: notices && era === "modern",
      });
    },
    {
      maxRequestBodySize: BODY_MAX_BYTES,
      onerror: (error) => log.warn("mcp.request.refused", { reason: messageOf(error) }),
    },
  );
}

function callerIn(auth: { readonly extra?: Record<string, unknown> } | undefined): Caller {
  const caller = auth?.extra?.["caller"];
  if (caller === undefined) throw new Error("an MCP request reached its server without a caller");
  return caller as Caller;
}
