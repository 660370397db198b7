/**
 * Reads an agent's output as it grows, by cursor, so that no line is lost and none comes twice.
 * Polls while there is more and rests longer while there is none; ends with the agent.
 */
import type { StreamAnswer } from "../../../src/contract/api.ts";
import type { AgentOutputAnswer } from "../../../src/contract/tools.ts";
import { get, tool } from "../live/api.ts";
import { pause } from "../live/paced.ts";
import type { Piece } from "./lines.ts";

const LINES_FIRST = 1_000;
const PAGE_BYTES = 512 * 1_024;
/** Read at once when somebody pages through an output from its beginning. */
const WINDOW_BYTES = 1_024 * 1_024;
const RAW_FIRST_BYTES = 256 * 1_024;
const QUICK_MS = 200;
const SLOW_MS = 1_500;
const SLOWER = 1.5;

export interface Source {
  readonly taskId: string;
  readonly agentId: string;
}

/**
 * Readable lines: the last thousand, then what comes.
 *
 * @param start  Byte to begin at instead, as a cursor. Then it stops after a window's bytes and says
 *               where it would go on: an output may be larger than any page can hold.
 */
export async function* readable(
  source: Source,
  start: number | null,
  isEnded: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const ask = (more: object): Promise<AgentOutputAnswer> =>
    tool<AgentOutputAnswer>(
      "get_agent_output",
      { task_id: source.taskId, agent_id: source.agentId, format: "text", ...more },
      signal,
    );
  let wasEnded = isEnded();
  const first = await ask(
    start === null ? { tail: LINES_FIRST } : { cursor: start, max_bytes: PAGE_BYTES },
  );
  let cursor = first.next_cursor;
  yield { text: String(first.output), isFirst: true, isEnd: false };
  let restMs = QUICK_MS;
  while (!signal.aborted) {
    const answer = await ask({ cursor, max_bytes: PAGE_BYTES });
    const isNews = answer.next_cursor > cursor;
    if (isNews && start !== null && cursor - start >= WINDOW_BYTES) {
      return yield { text: "", isFirst: false, isEnd: false, more: cursor };
    }
    cursor = answer.next_cursor;
    if (isNews) yield { text: String(answer.output), isFirst: false, isEnd: false };
    else if (wasEnded) return yield { text: "", isFirst: false, isEnd: true };
    // Once more after the end was seen: the last lines may have come in between.
    wasEnded = isEnded();
    restMs = isNews ? QUICK_MS : Math.min(SLOW_MS, restMs * SLOWER);
    if (!isNews || !answer.truncated) await pause(restMs);
  }
}

/** The bytes of a stream as text, from near their end on. */
export async function* raw(
  source: Source,
  stream: "stdout" | "stderr",
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const ask = (from: number): Promise<StreamAnswer> =>
    get<StreamAnswer>(
      `/api/agents/${encodeURIComponent(source.agentId)}/stream?stream=${stream}&from=${from}&max=${PAGE_BYTES}`,
      signal,
    );
  const { size } = await ask(0);
  let from = Math.max(0, size - RAW_FIRST_BYTES);
  let isFirst = true;
  let restMs = QUICK_MS;
  const decoder = new TextDecoder();
  for (;;) {
    const answer = await ask(from);
    const bytes = Uint8Array.from(atob(answer.data), (letter) => letter.charCodeAt(0));
    from = answer.next;
    const isEnd = answer.ended && from >= answer.size;
    if (isFirst || bytes.length > 0 || isEnd) {
      yield { text: decoder.decode(bytes, { stream: true }), isFirst, isEnd };
    }
    if (isEnd) return;
    isFirst = false;
    restMs = bytes.length > 0 ? QUICK_MS : Math.min(SLOW_MS, restMs * SLOWER);
    if (from >= answer.size) await pause(restMs);
    if (signal.aborted) return;
  }
}

/** Lines of the whole stream that match, the last thousand of them. @throws {ApiFault} FILTER_INVALID. */
export async function matching(
  { taskId, agentId }: Source,
  filter: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { output } = await tool<AgentOutputAnswer>(
    "get_agent_output",
    { task_id: taskId, agent_id: agentId, format: "text", tail: LINES_FIRST, filter },
    signal,
  );
  return output === "" ? [] : String(output).split("\n");
}
