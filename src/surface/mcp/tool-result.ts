/** How a finished call reaches a model: the text is all it is sure to see. */
import { asFault, faultToWire } from "../../kernel/fault.ts";
import type { FaultWire } from "../../kernel/fault.ts";

export interface TextBlock {
  readonly type: "text";
  readonly text: string;
}

/** The part of an MCP `CallToolResult` that Corral writes for a failed call. */
export interface FailedToolResult {
  // The SDK's result type carries an index signature; without this the two do not meet.
  readonly [key: string]: unknown;
  readonly isError: true;
  readonly content: [TextBlock];
  readonly structuredContent: { readonly error: FaultWire };
}

/** Renders a failure: `CODE: message`, then `Next: hint`; the structure repeats it for programs. */
export function failedToolResult(thrown: unknown): FailedToolResult {
  const error = faultToWire(asFault(thrown));
  return {
    isError: true,
    content: [{ type: "text", text: `${error.code}: ${error.message}\nNext: ${error.hint}` }],
    structuredContent: { error },
  };
}
