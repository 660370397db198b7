/** Samples gathered into steps of three lengths, and steps into chunks of bytes. */
import {
  HISTORY_SPANS,
  SERIES,
  type SampleView,
  type SeriesName,
} from "../../contract/sampling.ts";
import { type EpochMs, SECOND_MS } from "../../kernel/units.ts";
import { encodedPoint, type Point } from "./points.ts";

/** Lengths of a step. Seconds. */
export const STEPS_S = Object.values(HISTORY_SPANS).map(({ step_s }) => step_s);
/** Points of one chunk at most: one row of the store, written anew until it is full. */
export const CHUNK_POINTS = 60;

const RATES: ReadonlySet<SeriesName> = new Set([
  "cpu_ms_per_s",
  "io_read_bytes_per_s",
  "io_write_bytes_per_s",
  "output_bytes_per_s",
]);

/** A row of points as it is written. */
export interface Chunk {
  readonly stepS: number;
  /** Number of the first step since the epoch. */
  readonly begun: number;
  /** Number of the last one. */
  until: number;
  count: number;
  bytes: number[];
  last: Point;
  /** Whether it has points that were not written yet. */
  isUnsaved: boolean;
}

interface Bucket {
  step: number;
  readonly highest: (number | null)[];
  readonly sums: number[];
  readonly counts: number[];
}

/** The history of one subject in one length of step, as far as it is in memory. */
export interface Track {
  readonly stepS: number;
  bucket: Bucket | null;
  /** The one that is being filled. */
  chunk: Chunk | null;
  /** Full, and not written yet. */
  full: Chunk[];
}

export function freshTrack(stepS: number): Track {
  return { stepS, bucket: null, chunk: null, full: [] };
}

/** Adds a sample to the step that it falls in; a step that is over becomes a point. */
export function addSample(track: Track, at: EpochMs, sample: SampleView): void {
  const step = Math.floor(at / SECOND_MS / track.stepS);
  // A clock that was set back adds to the step that is open.
  if (track.bucket !== null && step > track.bucket.step) closeStep(track);
  track.bucket ??= freshBucket(step);
  const { counts, highest, sums } = track.bucket;
  for (const [index, name] of SERIES.entries()) {
    const value = sample[name];
    if (value === null) continue;
    highest[index] = Math.max(highest[index] ?? 0, value);
    sums[index] = (sums[index] ?? 0) + value;
    counts[index] = (counts[index] ?? 0) + 1;
  }
}

/** The open step becomes a point of the chunk, whether it is over or not. */
export function closeStep(track: Track): void {
  const point = openPoint(track);
  if (point === null) return;
  track.bucket = null;
  const { chunk } = track;
  if (chunk !== null && point.step <= chunk.until) return;
  if (chunk === null || chunk.count >= CHUNK_POINTS) {
    if (chunk?.isUnsaved === true) track.full.push(chunk);
    track.chunk = newChunk(track.stepS, point);
    return;
  }
  for (const byte of encodedPoint(point, chunk.last)) chunk.bytes.push(byte);
  chunk.last = point;
  chunk.until = point.step;
  chunk.count += 1;
  chunk.isUnsaved = true;
}

/** The step that is still open, as it would be now. */
export function openPoint({ bucket }: Track): Point | null {
  if (bucket === null) return null;
  const values = SERIES.map((name, index) => {
    const count = bucket.counts[index] ?? 0;
    if (count === 0) return null;
    return RATES.has(name) ? Math.round((bucket.sums[index] ?? 0) / count) : bucket.highest[index]!;
  });
  return { step: bucket.step, values };
}

function freshBucket(step: number): Bucket {
  return { step, highest: SERIES.map(() => null), sums: [], counts: [] };
}

function newChunk(stepS: number, point: Point): Chunk {
  return {
    stepS,
    begun: point.step,
    until: point.step,
    count: 1,
    bytes: [...encodedPoint(point, null)],
    last: point,
    isUnsaved: true,
  };
}
