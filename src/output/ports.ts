/** What reading an agent's output needs of the world. */

/** A range of a stream that is lost for good: `from` <= offset < `to`. */
export interface StreamGap {
  readonly from: number;
  readonly to: number;
  /** For people: why nothing is there. */
  readonly reason: string;
}

/**
 * A stream that only grows: one logical file, addressed by byte offset. Where the bytes lie
 * (in the file that the agent writes, in a segment, in an archive) makes no difference to a reader,
 * and an offset means the same byte for ever.
 */
export interface OutputFile {
  /**
   * Bytes written so far. Grows between calls while the agent runs; 0 when there is no file yet.
   * @throws {Fault} PROBE_FAILED when it could not be asked.
   */
  size(): Promise<number>;
  /**
   * Bytes from an offset. May be called in any order and at the same time.
   *
   * @param from    Byte offset, >= 0.
   * @param length  Bytes wanted, >= 0.
   * @returns       That many bytes; fewer only where the stream ends or a gap begins, and none
   *                when `from` lies in a gap.
   * @throws {Fault} PROBE_FAILED when it could not be read.
   */
  read(from: number, length: number): Promise<Uint8Array>;
  /**
   * What is lost of a range, ascending, cut to the range; almost always empty.
   *
   * @throws {Fault} PROBE_FAILED when it could not be looked at: then nothing is known to be lost.
   */
  gaps(from: number, to: number): Promise<readonly StreamGap[]>;
  /** Where the bytes come from: still the agent's own files, its archive, or nowhere. */
  source(): Promise<"stream" | "archive" | "none">;
}

/** Runs a user's regular expression where it can be stopped. */
export interface LineMatcher {
  /**
   * Prepares a pattern.
   *
   * @throws {Fault} FILTER_INVALID when it is no JavaScript regular expression.
   */
  open(pattern: string): Promise<MatchSession>;
}

export interface MatchSession {
  /**
   * Which lines of a block match. Not to be called again before it has answered.
   *
   * @param block  Lines separated by `\n`, as UTF-8; a newline at the end begins no line.
   *               May be handed over to another thread: do not use it afterwards.
   * @returns      Numbers of the matching lines in the block, from 0, ascending.
   * @throws {Fault} FILTER_INVALID when the pattern took longer than the matcher allows.
   */
  match(block: Uint8Array): Promise<readonly number[]>;
  /** Ends the session and what it holds. May be called twice, and while a match runs. */
  close(): Promise<void>;
}
