/** MCP over Streamable HTTP, exactly as any client speaks it; nothing here is private to Corral. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

export interface McpLink {
  /** Calls a tool; answers with its structured content. @throws {Error} with the tool's own words when it failed. */
  readonly call: (name: string, input: Readonly<Record<string, unknown>>) => Promise<unknown>;
  /** The names that the server lists. */
  readonly tools: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
}

/** Who speaks, and to whom. */
export interface McpAddress {
  /** The MCP end point, `http://127.0.0.1:PORT/mcp`. */
  readonly url: string;
  /** Bearer token: a client's or an agent's. */
  readonly token: string;
  readonly clientName: string;
}

/** Connects. @throws {Error} when the end point refuses or does not answer. */
export async function mcpLink({ url, token, clientName }: McpAddress): Promise<McpLink> {
  const client = new Client({ name: clientName, version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { Authorization: `Bearer ${token}` } },
  });
  await client.connect(transport);
  return {
    call: async (name, input) => {
      const answer = await client.callTool({ name, arguments: { ...input } });
      if (answer.isError === true) throw new Error(textOf(answer.content));
      return answer.structuredContent;
    },
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    close: () => client.close(),
  };
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return "the tool failed and said nothing";
  return content
    .map((part: { readonly text?: unknown }) => (typeof part.text === "string" ? part.text : ""))
    .join("\n");
}
