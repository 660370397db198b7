/**
 * Points of a history as bytes: a quiet agent's point takes 3, a busy one's some 30. Pure.
 *
 *   point = step − step of the point before, as a varint
 *           a varint with one bit for each series that has another value than before
 *           for each of these: the difference to the value before, zigzag, as a varint
 *
 * A value is written as itself + 1, so that 0 stands for "not known". The first point is written
 * against zeroes. Series are only ever added, at the end.
 */
import { SERIES } from "../../contract/sampling.ts";

/** Values of one step, in the order of SERIES; null where not known. */
export interface Point {
  /** Number of the step since the epoch. */
  readonly step: number;
  readonly values: readonly (number | null)[];
}

/** Most that a value may be; what is larger is written as this. */
const VALUE_MOST = 2 ** 50;
const NONE = { step: 0, values: SERIES.map((): number | null => null) } satisfies Point;

/** The bytes of a point behind another one. @param before  null for the first of a chunk. */
export function encodedPoint(point: Point, before: Point | null): readonly number[] {
  const earlier = before ?? NONE;
  const bytes: number[] = [];
  writeVarint(bytes, point.step - earlier.step);
  const deltas = SERIES.map(
    (_, at) => stored(point.values[at] ?? null) - stored(earlier.values[at] ?? null),
  );
  writeVarint(
    bytes,
    deltas.reduce((bits, delta, at) => (delta === 0 ? bits : bits + 2 ** at), 0),
  );
  for (const delta of deltas) if (delta !== 0) writeVarint(bytes, zigzag(delta));
  return bytes;
}

/** The points of a chunk. One that is cut off, or of a later version with more series, ends it. */
export function decodedPoints(bytes: Uint8Array): readonly Point[] {
  const points: Point[] = [];
  const reader = { bytes, at: 0 };
  let before: Point = NONE;
  while (reader.at < bytes.length) {
    const gap = readVarint(reader);
    const bits = readVarint(reader);
    if (gap === null || bits === null || bits >= 2 ** SERIES.length) return points;
    const values = [...before.values];
    for (let at = 0; at < SERIES.length; at += 1) {
      if (Math.floor(bits / 2 ** at) % 2 === 0) continue;
      const delta = readVarint(reader);
      if (delta === null) return points;
      values[at] = restored(stored(values[at] ?? null) + unzigzag(delta));
    }
    before = { step: before.step + gap, values };
    points.push(before);
  }
  return points;
}

function stored(value: number | null): number {
  if (value === null || !Number.isFinite(value)) return 0;
  return Math.min(VALUE_MOST, Math.max(0, Math.round(value))) + 1;
}

function restored(value: number): number | null {
  return value <= 0 ? null : value - 1;
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Seven bits a byte, the lowest first; the highest bit says that there are more. */
function writeVarint(bytes: number[], value: number): void {
  let left = value;
  while (left >= 128) {
    bytes.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  bytes.push(left);
}

/** Null when the bytes end before the number does. */
function readVarint(reader: { readonly bytes: Uint8Array; at: number }): number | null {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = reader.bytes[reader.at];
    if (byte === undefined) return null;
    reader.at += 1;
    value += (byte % 128) * scale;
    if (byte < 128) return value;
  }
}
