/**
 * The MCP server: one registry of tools, both protocol eras, any transport.
 *
 * An instance serves one HTTP request or one stdio connection, so it holds nothing of its
 * own. The SDK's low-level `Server` is used on purpose: the high-level one would answer bad
 * input with its own words, and a model needs ours (which parameter, what is allowed).
 */
import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
} from "@modelcontextprotocol/server";
import type { ResourceAnswer } from "../../contract/api.ts";
import { isToolName, TOOL_NAMES, TOOLS } from "../../contract/tools.ts";
import type { ToolAnswer, ToolInput, ToolName } from "../../contract/tools.ts";
import { asFault, faultToWire } from "../../kernel/fault.ts";
import { TOOL_LIST } from "./listing.ts";
import { parseInput, shownValue } from "./parse-input.ts";
import { RESOURCE_LIST, RESOURCE_TEMPLATES } from "./resources.ts";
import { textsOf } from "./texts.ts";
import { failedToolResult } from "./tool-result.ts";
import type { TextBlock } from "./tool-result.ts";

/** How long a client may keep the static lists. Milliseconds. They change only with a release. */
const LIST_TTL_MS = 60 * 60 * 1_000;
const LIST_CACHE = { ttlMs: LIST_TTL_MS, cacheScope: "private" } as const;

const INSTRUCTIONS =
  "Corral runs headless coding agents and gives back everything they took. Orchestrators: " +
  "create_real_task, deploy_headless_agent, wait_for_agents, then get_real_task_status, get_task_findings " +
  "and get_agent_output; send_agent_message tells one something, kill_real_agent stops one, resume_agent goes on with one that has ended, close_task ends the task. Agents: report with update_agent_progress and report_agent_finding.";

export interface McpPorts {
  /** Runs a tool whose input has been parsed. @throws {Fault} any code of docs/errors.md. */
  readonly call: <N extends ToolName>(name: N, input: ToolInput<N>) => Promise<ToolAnswer<N>>;
  /** Reads a resource. @throws {Fault} TASK_NOT_FOUND, ROUTE_UNKNOWN, FORBIDDEN. */
  readonly readResource: (uri: string) => Promise<ResourceAnswer> | ResourceAnswer;
  /** Told of every failure, before it is rendered: the place to log bugs. */
  readonly onFailure?: (thrown: unknown, target: string) => void;
  /** Corral's own version. */
  readonly version: string;
  /** True where change notices can reach this client; only then are subscriptions offered. */
  readonly notices: boolean;
  /** Told when a 2025-era client on a lasting connection subscribes to a uri, or no longer. */
  readonly onSubscribe?: (uri: string, on: boolean) => void;
}

/**
 * Builds a server for one request or connection. Cheap: the lists are made once per process.
 *
 * A failing tool answers `isError: true` with the fault; an unknown tool or resource is a
 * protocol error.
 */
export function corralMcpServer(ports: McpPorts): Server {
  const server = new Server(
    { name: "corral", title: "Corral", version: ports.version },
    {
      capabilities: { tools: {}, resources: { subscribe: ports.notices } },
      instructions: INSTRUCTIONS,
      cacheHints: {
        "tools/list": LIST_CACHE,
        "resources/list": LIST_CACHE,
        "resources/templates/list": LIST_CACHE,
      },
    },
  );
  server.setRequestHandler("tools/list", () => ({ tools: [...TOOL_LIST] }));
  server.setRequestHandler("tools/call", ({ params }) =>
    call(ports, params.name, params.arguments),
  );
  server.setRequestHandler("resources/list", () => ({ resources: [...RESOURCE_LIST] }));
  server.setRequestHandler("resources/templates/list", () => ({
    resourceTemplates: [...RESOURCE_TEMPLATES],
  }));
  server.setRequestHandler("resources/read", ({ params }) => read(ports, params.uri));
  if (ports.notices) serveSubscriptions(server, ports);
  return server;
}

function serveSubscriptions(server: Server, { onSubscribe }: McpPorts): void {
  server.setRequestHandler("resources/subscribe", ({ params }) => {
    onSubscribe?.(params.uri, true);
    return {};
  });
  server.setRequestHandler("resources/unsubscribe", ({ params }) => {
    onSubscribe?.(params.uri, false);
    return {};
  });
}

async function call(ports: McpPorts, name: string, given: unknown) {
  if (!isToolName(name)) {
    throw new ProtocolError(
      ProtocolErrorCode.InvalidParams,
      `Unknown tool ${shownValue(name)}. The tools are ${TOOL_NAMES.join(", ")}.`,
    );
  }
  try {
    const answer = await ports.call(name, parseInput(TOOLS[name].input, given, name));
    return { content: textsOf(name, answer).map(textBlock), structuredContent: { ...answer } };
  } catch (error) {
    ports.onFailure?.(error, name);
    return failedToolResult(error);
  }
}

function textBlock(text: string): TextBlock {
  return { type: "text", text };
}

async function read(ports: McpPorts, uri: string) {
  try {
    const { mime_type: mimeType, text, uri: answered } = await ports.readResource(uri);
    return { contents: [{ uri: answered, mimeType, text }] };
  } catch (error) {
    ports.onFailure?.(error, "resources/read");
    const fault = asFault(error);
    if (fault.http === 404) throw new ResourceNotFoundError(uri, `${fault.code}: ${fault.message}`);
    const code =
      fault.code === "INTERNAL" ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams;
    throw new ProtocolError(code, `${fault.code}: ${fault.message}`, { error: faultToWire(fault) });
  }
}
