/**
 * A projection on disk: JSON lines, each with the `seq` of its record, appended in that order.
 *
 * Agents may write to the folder that it lies in. So a link is never followed, and what is no
 * ordinary file is not opened: a pipe would hold the daemon for ever.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { errnoOf, Fault } from "../../kernel/fault.ts";
import { KIB } from "../../kernel/units.ts";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const OWNER_ONLY = 0o600;
const FIRST_LOOK_BYTES = 16 * KIB;
const NEWLINE = 0x0a;

/**
 * The sequence number of the last record in the file, after a torn last line was cut off.
 *
 * Whole lines that are none of ours (somebody's own notes) stay, and are passed over.
 *
 * @returns 0 for a file that is empty or not there.
 * @throws {Fault} PROBE_FAILED for what is no ordinary file; system errors as they are.
 */
export function projectionEnd(path: string): number {
  const file = openOrNull(path);
  if (file === null) return 0;
  try {
    return lastSeq(file, wholeSize(file));
  } finally {
    closeSync(file);
  }
}

/**
 * Appends whole lines. No handle is held afterwards.
 *
 * A death in the middle, or a full disk, leaves a torn last line; {@link projectionEnd} cuts it off.
 *
 * @param text  Ends with a newline.
 */
export function appendToProjection(path: string, text: string): void {
  const file = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, OWNER_ONLY);
  try {
    refuseOther(file);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  } finally {
    closeSync(file);
  }
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}

function refuseOther(file: number): void {
  if (fstatSync(file).isFile()) return;
  throw new Fault("PROBE_FAILED", "The projection is no ordinary file.", {
    hint: "Remove what lies in its place; it is written anew from the database.",
  });
}

/** Cuts off what follows the last newline. @returns the size then. */
function wholeSize(file: number): number {
  refuseOther(file);
  const { size } = fstatSync(file);
  for (let end = size; end > 0;) {
    const from = Math.max(0, end - FIRST_LOOK_BYTES);
    const newline = bytesOf(file, from, end).lastIndexOf(NEWLINE);
    if (newline < 0) {
      end = from;
      continue;
    }
    const whole = from + newline + 1;
    if (whole < size) ftruncateSync(file, whole);
    return whole;
  }
  if (size > 0) ftruncateSync(file, 0);
  return 0;
}

function lastSeq(file: number, size: number): number {
  for (let look = FIRST_LOOK_BYTES; ; look *= 4) {
    const from = Math.max(0, size - look);
    const lines = bytesOf(file, from, size).toString("utf8").split("\n");
    // The first one is cut unless this is the whole file.
    if (from > 0) lines.shift();
    for (const line of lines.toReversed()) {
      const seq = seqOf(line);
      if (seq !== null) return seq;
    }
    if (from === 0) return 0;
  }
}

function bytesOf(file: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
}

function seqOf(line: string): number | null {
  try {
    const { seq } = JSON.parse(line) as { readonly seq?: unknown };
    return Number.isSafeInteger(seq) ? (seq as number) : null;
  } catch {
    return null;
  }
}
