/**
 * Where the bytes of a stream lie, by the names of the files beside it. Pure.
 *
 *   stream.jsonl                     what the agent appends to; its beginning may be a hole
 *   stream.jsonl.<from>-<to>.zst     the bytes from <from> up to <to>, compressed: a segment
 *   stream.jsonl.punched             how far the hole reaches, written down before it is made
 *
 * A reader that finds an offset in a segment takes it from there. What lies below the hole's end
 * and in no segment is a gap. Everything else is in the stream's own file.
 */
import type { StreamGap } from "../../output/ports.ts";

/** One compressed range of a stream. Byte offsets, `from` < `to`. */
export interface Segment {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export interface StreamLayout {
  /** Ascending and disjoint. */
  readonly segments: readonly Segment[];
  /** From here on the stream's own file holds the bytes; what is below is in segments or lost. */
  readonly plainFrom: number;
  /** Bytes written so far. */
  readonly size: number;
}

/** One piece of a range, and where to read it. */
export type StreamPart =
  | {
      readonly in: "segment";
      readonly from: number;
      readonly to: number;
      readonly segment: Segment;
    }
  | { readonly in: "plain" | "gap"; readonly from: number; readonly to: number };

export const LOST_REASON = "no file holds these bytes any more";

/** @param stream  File name of the stream. */
export function segmentName(stream: string, from: number, to: number): string {
  return `${stream}.${from}-${to}.zst`;
}

/** File that tells how far the hole of a stream reaches. */
export function punchedName(stream: string): string {
  return `${stream}.punched`;
}

/** File in which the next segment of a stream is made. */
export function unfinishedName(stream: string): string {
  return `${stream}.segment.tmp`;
}

/** The segment that a file name stands for; null for every other name, an odd spelling included. */
export function segmentNamed(stream: string, name: string): Segment | null {
  if (!name.startsWith(`${stream}.`)) return null;
  const match = /^(\d{1,16})-(\d{1,16})\.zst$/.exec(name.slice(stream.length + 1));
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || from >= to || !Number.isSafeInteger(to)) return null;
  return segmentName(stream, from, to) === name ? { name, from, to } : null;
}

/** How far the hole reaches by what its file says; 0 when there is none or it is not whole. */
export function parsePunched(text: string): number {
  const match = /^(\d{1,16})\n$/.exec(text);
  return match === null ? 0 : Number(match[1]);
}

/**
 * Works out where a stream lies.
 *
 * @param names      All file names of its folder.
 * @param punchedTo  What {@link parsePunched} answered. Byte offset.
 * @param plainSize  Apparent size of the stream's own file; null when there is none.
 */
export function layoutOf(
  stream: string,
  names: readonly string[],
  punchedTo: number,
  plainSize: number | null,
): StreamLayout {
  const found = names.flatMap((name) => segmentNamed(stream, name) ?? []);
  const segments: Segment[] = [];
  let covered = 0;
  // Of two that begin alike the longer one: the shorter says nothing that it does not.
  for (const segment of found.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    if (segment.from < covered) continue;
    segments.push(segment);
    covered = segment.to;
  }
  const plainFrom = Math.max(covered, punchedTo);
  return { segments, plainFrom, size: Math.max(plainFrom, plainSize ?? 0) };
}

/** The pieces of a range, ascending and without holes between them; empty for an empty range. */
export function partsOf(
  { segments, plainFrom }: Pick<StreamLayout, "segments" | "plainFrom">,
  from: number,
  to: number,
): readonly StreamPart[] {
  const parts: StreamPart[] = [];
  let at = from;
  const add = (part: StreamPart): void => {
    if (part.from < part.to) parts.push(part);
    at = Math.max(at, part.to);
  };
  for (const segment of segments) {
    if (segment.to <= at) continue;
    if (segment.from >= to) break;
    add({ in: "gap", from: at, to: Math.min(segment.from, to) });
    add({ in: "segment", from: at, to: Math.min(segment.to, to), segment });
  }
  add({ in: "gap", from: at, to: Math.min(plainFrom, to) });
  add({ in: "plain", from: at, to });
  return parts;
}

/** What is lost of a range. */
export function gapsOf(layout: StreamLayout, from: number, to: number): readonly StreamGap[] {
  return partsOf(layout, from, Math.min(to, layout.size))
    .filter((part) => part.in === "gap")
    .map((part) => ({ from: part.from, to: part.to, reason: LOST_REASON }));
}
