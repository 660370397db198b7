/** One request for an agent's output: what it asks for, of what, and what its answer is made of. */
import type { AgentOutputAnswer, AgentOutputInput } from "../contract/tools.ts";
import type { Harness } from "../harness/harness.ts";
import { MIB } from "../kernel/units.ts";
import { BLOCK_SIZES, type BlockSizes } from "./blocks.ts";
import type { OutputEntry } from "./entries.ts";
import type { LineFilter } from "./filter.ts";
import type { LineMatcher, OutputFile } from "./ports.ts";

/** What of the tool's input matters here. */
export type OutputRequest = Pick<
  AgentOutputInput,
  | "tail"
  | "filter"
  | "format"
  | "include_metadata"
  | "max_bytes"
  | "aggressive_truncate"
  | "response_format"
  | "cursor"
  | "before"
>;

export interface OutputContext {
  readonly file: OutputFile;
  readonly harness: Pick<Harness, "events">;
  readonly matcher: LineMatcher;
  /** True when nothing more will be written. */
  readonly ended: boolean;
  /** For the metadata. */
  readonly path: string;
  /** How long the agent ran, for a summary of a stream that does not say it; null while it runs. Milliseconds. */
  readonly ranMs?: number | null;
  /** For tests; absent means the usual. */
  readonly sizes?: BlockSizes;
}

export type OutputPart = Pick<
  AgentOutputAnswer,
  "output" | "next_cursor" | "prev_cursor" | "truncated" | "metadata"
>;

/** Most that one answer holds, and most of a stream that is held for it at once. */
export const ANSWER_MAX_BYTES = 16 * MIB;
/** A longer stream is sampled from this much of each end, or the whole budget if that is more. */
export const END_BYTES = MIB;

/** A request, the part of the stream that it is about, and what is needed to read it. */
export interface Reading extends OutputContext {
  readonly request: OutputRequest;
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly filter: LineFilter | null;
}

/** As the readers of lines want it. */
export function range({ from, to, filter, sizes = BLOCK_SIZES, request }: Reading) {
  return { from, to, filter, sizes, countsLines: request.include_metadata };
}

/** Where the first of these lines begins; null when nothing can come before it. */
export function beginOf(lines: readonly { readonly from: number }[]): number | null {
  const from = lines[0]?.from ?? 0;
  return from === 0 ? null : from;
}

/** Texts in the format that was asked for. */
export function outputOf(
  texts: readonly string[],
  format: OutputRequest["format"],
): OutputPart["output"] {
  return format === "parsed" ? texts.map((text) => JSON.parse(text) as unknown) : texts.join("\n");
}

/** Bytes that the answer may have; a list of values costs its two brackets more than the values and what joins them. */
export function budgetOf({ request }: Reading): number {
  const most = request.max_bytes ?? ANSWER_MAX_BYTES;
  return request.format === "parsed" ? most - 2 : most;
}

/** What was read and what came of it; null unless it was asked for. */
export function metadataOf(
  { request, size, path }: Reading,
  linesRead: number,
  linesMatched: number,
  entries: readonly OutputEntry[],
): OutputPart["metadata"] {
  if (!request.include_metadata) return null;
  return {
    size_bytes: size,
    lines_read: linesRead,
    lines_matched: linesMatched,
    lines_returned: entries.length,
    lines_truncated: entries.filter(({ isCut }) => isCut).length,
    parse_errors: entries.filter(({ isPlain }) => isPlain).length,
    path,
  };
}
