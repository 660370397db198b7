/** What reading an agent's output needs of the world. */
import type { PatternPlan } from "./pattern-plan.ts";

/** A range of a stream that is lost for good: `from` <= offset < `to`. */
export interface StreamGap {
  readonly from: number;
  readonly to: number;
  /** For people: why nothing is there. */
  readonly reason: string;
}

export interface PlainPart {
  /** Absolute path. */
  readonly path: string;
  /** First byte that is in it. */
  readonly from: number;
  /** Whether bytes from that offset on have not been taken out of it meanwhile. */
  isStill(from: number): Promise<boolean>;
  /**
   * What may be shown of bytes that were read of it aside: as `read` would hand them out.
   *
   * @param around  The bytes, and what lies before and behind them as far as a secret reaches.
   * @param wanted  A part of `around`.
   * @returns       As many bytes; the same array when all of it may be shown as it is.
   */
  shown(around: Uint8Array, wanted: Uint8Array): Uint8Array;
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
  /**
   * The part of the stream that lies in one file as it was written, byte at its own offset; null
   * when none does. What is read of that file is the stream's only as long as `isStill` says so
   * afterwards: rotation and archiving take bytes out of it.
   *
   * @throws {Fault} PROBE_FAILED.
   */
  plainPart(): Promise<PlainPart | null>;
  /** Where the bytes come from: still the agent's own files, its archive, or nowhere. */
  source(): Promise<"stream" | "archive" | "none">;
}

/** Where to search in a file, and what to bring of it. */
export interface ScanRange {
  /** Absolute. */
  readonly path: string;
  /** Lines that start at or behind it, and before `to`. */
  readonly from: number;
  readonly to: number;
  /** End of the last line that may be looked at; >= to. */
  readonly limit: number;
  readonly bring: {
    /** What lies before it is not looked at: it is not the stream's. A range that begins there begins a line. Byte offset. */
    readonly from: number;
    /** Matching lines that are closer are one run. Bytes. */
    readonly nearBytes: number;
    /** Longest run of more than one line. Bytes. */
    readonly runMaxBytes: number;
    /** What is brought of both sides of a run. Bytes. */
    readonly aroundBytes: number;
    /** Most that is brought in all. Bytes. */
    readonly maxBytes: number;
  };
}

/** Matching lines that are near each other, and the lines between them. */
export interface LineRun {
  /** Offset of the first one. */
  readonly from: number;
  /** Offset behind the newline of the last one. */
  readonly to: number;
  /** Offsets of the matching lines, ascending. */
  readonly starts: readonly number[];
  /** Of the file, from `at` on: the run and its two sides as far as they are there; null: too much, or not to be brought. */
  readonly around: { readonly at: number; readonly bytes: Uint8Array } | null;
}

/** Runs a user's regular expression where it can be stopped. */
export interface LineMatcher {
  /**
   * Prepares a pattern.
   *
   * @param plan  Of that pattern; see planOf.
   * @throws {Fault} FILTER_INVALID when it is no JavaScript regular expression.
   */
  open(pattern: string, plan: PatternPlan): Promise<MatchSession>;
}

export interface MatchSession {
  /**
   * Which lines of a block match.
   *
   * @param block  Lines separated by `\n`, as UTF-8; a newline at the end begins no line.
   *               May be handed over to another thread: do not use it afterwards.
   * @returns      Offsets in the block at which matching lines start, ascending.
   * @throws {Fault} FILTER_INVALID when the pattern took longer than the matcher allows.
   */
  match(block: Uint8Array): Promise<readonly number[]>;
  /**
   * Which lines of a file match that start in a range; read by the matcher itself. May be called
   * several times at once.
   *
   * @returns  Runs of lines, ascending: every matching line is in one.
   * @throws {Fault} FILTER_INVALID as {@link match}; PROBE_FAILED when the file could not be read.
   */
  scan(range: ScanRange): Promise<readonly LineRun[]>;
  /** Ends the session and what it holds. May be called twice, and while a match runs. */
  close(): Promise<void>;
}
