/**
 * Reading a stream on as it grows, a bounded step at a time, with nothing of it kept.
 *
 * A line that is still being written waits for its newline. One that is longer than a step can
 * hold is passed over: it counts as a sign of life and no more.
 */
import { KIB, MIB } from "../kernel/units.ts";
import type { OutputFile } from "./ports.ts";

const NEWLINE = 0x0a;

export interface Followed {
  /** Behind the last whole line. Byte offset. */
  readonly cursor: number;
  /** How much of the line that begins at the cursor was seen without its end. Bytes. */
  readonly open: number;
  /** True while a line too long to hold is being passed over. */
  readonly skips: boolean;
}

export const FOLLOW_START: Followed = { cursor: 0, open: 0, skips: false };

/** Read in one step at first, and at most for one line. Bytes. */
export const STEP_BYTES = 256 * KIB;
const LINE_MAX_BYTES = 4 * MIB;

export interface FollowStep {
  readonly followed: Followed;
  /** Whole lines without their newline, in order. */
  readonly lines: readonly string[];
  /** True when there is more that could be read at once. */
  readonly hasMore: boolean;
}

/**
 * Reads what has come, at most one step of it.
 *
 * @param size  Bytes written so far, as the caller has just seen.
 * @throws {Fault} PROBE_FAILED when the stream could not be read; the state stays good.
 */
export async function followStep(
  state: Followed,
  file: Pick<OutputFile, "read">,
  size: number,
): Promise<FollowStep> {
  const { cursor, open, skips } = state;
  // What was seen of an open line is read again with its end: it is not kept.
  const want = Math.min(size - cursor, Math.max(STEP_BYTES, open * 2));
  if (size - cursor <= open || want <= 0) return { followed: state, lines: [], hasMore: false };
  const bytes = await file.read(cursor, want);
  const end = bytes.lastIndexOf(NEWLINE);
  if (end === -1)
    return { ...withoutEnd(state, bytes.length), hasMore: cursor + bytes.length < size };
  const begin = skips ? bytes.indexOf(NEWLINE) + 1 : 0;
  const text = new TextDecoder().decode(bytes.subarray(begin, end));
  const next = cursor + end + 1;
  return {
    followed: { cursor: next, open: 0, skips: false },
    lines: begin > end ? [] : text.split("\n"),
    hasMore: cursor + bytes.length < size,
  };
}

function withoutEnd(state: Followed, length: number): Pick<FollowStep, "followed" | "lines"> {
  const isTooLong = state.skips || length >= LINE_MAX_BYTES;
  return {
    lines: [],
    followed: isTooLong
      ? { cursor: state.cursor + length, open: 0, skips: true }
      : { ...state, open: length },
  };
}
