/**
 * What `tools/list` answers, made once when the module loads: a server instance is built
 * per request over HTTP and must cost next to nothing. Only what speaks MCP may import it: a daemon
 * that starts must not wait for it.
 */
import type { Tool } from "@modelcontextprotocol/server";
import { z } from "zod";
import { TOOL_NAMES, TOOLS } from "../../contract/tools.ts";
import type { ToolName } from "../../contract/tools.ts";

/** Every tool as clients see it, in the contract's order. */
export const TOOL_LIST: readonly Tool[] = TOOL_NAMES.map(listed);

function listed(name: ToolName): Tool {
  const { title, description, input, output, annotations, alwaysLoad } = TOOLS[name];
  return {
    name,
    title,
    description,
    inputSchema: objectSchema(input),
    outputSchema: answerSchema(output),
    annotations: { title, ...annotations },
    // Claude Code hides MCP tools behind a search unless they ask to be loaded.
    ...(alwaysLoad ? { _meta: { "anthropic/alwaysLoad": true } } : {}),
  };
}

/**
 * Both directions are rendered as `input`: for what callers send, that leaves parameters with
 * defaults optional; for what we answer, it leaves objects open, so that a client that cached
 * this list does not reject an answer to which a newer daemon added a field.
 */
function objectSchema(schema: z.ZodType): Tool["inputSchema"] {
  return z.toJSONSchema(schema, { io: "input", override: dropNoise }) as Tool["inputSchema"];
}

/**
 * An answer, or a fault in its place: some clients (the MCP inspector) hold the structured
 * content of a failed call against this schema too, and would show the model nothing of it.
 */
function answerSchema(schema: z.ZodType): Tool["inputSchema"] {
  const { properties, required, ...rest } = objectSchema(schema);
  const error = { type: "object", description: "in place of all else, when the call failed" };
  return {
    ...rest,
    properties: { ...properties, error },
    anyOf: [{ required: required ?? [] }, { required: ["error"] }],
  };
}

/**
 * Zod says of every whole number that it is a safe one: models would pay to read that. And what another
 * tool has described already (`isToldElsewhere`) is told in a sentence.
 */
function dropNoise({
  zodSchema,
  jsonSchema,
}: {
  readonly zodSchema: z.core.$ZodType;
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  if (z.globalRegistry.get(zodSchema)?.["isToldElsewhere"] === true) {
    const { description } = jsonSchema;
    for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
    Object.assign(jsonSchema, { type: "object", description });
  }
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}
