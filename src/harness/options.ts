/** What several harnesses say in the same way. */
import { Fault } from "../kernel/fault.ts";
import type { HarnessRequest, McpServer } from "./harness.ts";
import { asObject, type JsonObject } from "./json.ts";

/** Name of our own server in every agent's MCP configuration. */
const CORRAL_SERVER = "corral";

/** Where the prompt is written; it becomes stdin, so that it shows in no process list. */
export const PROMPT_FILE = "prompt.md";

/** Every MCP server of the agent: Corral's own with the agent's token, and those of the caller. */
export function serversOf({
  mcp,
  mcpServers,
}: HarnessRequest): Readonly<Record<string, McpServer>> {
  const headers = { Authorization: `Bearer ${mcp.token}` };
  return { [CORRAL_SERVER]: { url: mcp.url, headers }, ...mcpServers };
}

/**
 * A flag with its value; nothing when there is none.
 * @throws {Fault} INPUT_INVALID for a value that the CLI would take for a flag.
 */
export function choice(flag: string, value: string | null): readonly string[] {
  if (value === null) return [];
  if (value.startsWith("-")) {
    throw new Fault("INPUT_INVALID", `"${value}" is no value for ${flag}.`, {
      hint: "Give a name that does not start with a dash.",
      details: { flag, value },
    });
  }
  return [flag, value];
}

/** On a busy machine a server may take so long to answer at first; an agent without Corral has no voice. Seconds. */
export const MCP_START_S = 60;

/** Said in the answer whenever a CLI is told to ask nobody. */
export function skipWarning(cli: string): string {
  return `permission_mode "skip": ${cli} asks nobody and has no sandbox; it may do whatever you may.`;
}

export function jsonFile(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A configuration of the user's, in JSON with comments; null when it is no object. */
export function parseSettings(text: string): JsonObject | null {
  try {
    return asObject(JSON.parse(withoutComments(text)));
  } catch {
    return null;
  }
}

/** Strings are matched first, so that what looks like a comment in one stays. */
function withoutComments(text: string): string {
  const bare = text.replaceAll(
    /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_whole, string: string | undefined) => string ?? "",
  );
  return bare.replaceAll(
    /("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g,
    (_whole, string: string | undefined) => string ?? "",
  );
}
