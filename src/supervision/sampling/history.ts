/**
 * The history of samples: in memory until the minute is over, then in the store, for seven days and
 * within a fixed size. A daemon that is killed loses the last minute of it, and nothing else.
 */
import {
  HISTORY_SPANS,
  SERIES,
  type HistoryAnswer,
  type HistoryQuery,
  type SampleView,
} from "../../contract/sampling.ts";
import { messageOf } from "../../kernel/fault.ts";
import { type EpochMs, MIB, SECOND_MS } from "../../kernel/units.ts";
import type { Setting } from "../setting.ts";
import { decodedPoints, type Point } from "./points.ts";
import {
  addSample,
  type Chunk,
  closeStep,
  freshTrack,
  openPoint,
  STEPS_S,
  type Track,
} from "./steps.ts";

/** A row of points, as the store keeps it. */
export interface StoredChunk {
  /** `all`, or the id of a task or agent. */
  readonly subject: string;
  /** Length of a step. Seconds. */
  readonly stepS: number;
  /** Numbers of its first and last step since the epoch. */
  readonly begun: number;
  readonly until: number;
  readonly points: Uint8Array;
}

/** What the store keeps of samples. */
export interface SampleStore {
  /** Writes chunks, over earlier ones of the same begin; all in one commit that waits for no disk. @throws {Fault} DISK_FULL. */
  keepChunks(chunks: readonly StoredChunk[]): void;
  /** Chunks of a subject that end at that step or later, oldest first. */
  chunksOf(subject: string, stepS: number, fromStep: number): readonly StoredChunk[];
  /**
   * Deletes chunks that end before a step, by the length of their steps, and then the oldest until
   * all take no more than so many bytes. @returns what is left. Bytes.
   */
  trimChunks(fromSteps: ReadonlyMap<number, number>, mostBytes: number): number;
}

/** Of all agents together. */
export const ALL = "all";

export interface History {
  add(subject: string, at: EpochMs, sample: SampleView): void;
  /** Nothing more will come of it: what is open is closed, and written the next time. */
  end(subject: string): void;
  /** Writes what has come since, and deletes what is too old or too much. Never throws. */
  save(): void;
  read(query: HistoryQuery): HistoryAnswer;
}

export function sampleHistory(setting: Setting): History {
  const { clock, configuration, log, store } = setting;
  const subjects = new Map<string, readonly Track[]>();
  const ended = new Set<string>();

  const tracksOf = (subject: string): readonly Track[] => {
    let tracks = subjects.get(subject);
    if (tracks === undefined) subjects.set(subject, (tracks = STEPS_S.map(freshTrack)));
    return tracks;
  };

  return {
    add(subject, at, sample) {
      ended.delete(subject);
      for (const track of tracksOf(subject)) addSample(track, at, sample);
    },
    end(subject) {
      for (const track of subjects.get(subject) ?? []) closeStep(track);
      if (subjects.has(subject)) ended.add(subject);
    },
    save() {
      const unsaved = [...subjects].flatMap(([subject, tracks]) =>
        tracks.flatMap((track) => unsavedOf(track).map((chunk) => ({ subject, chunk }))),
      );
      try {
        const chunks = unsaved.map(({ subject, chunk }) => storedOf(subject, chunk));
        if (chunks.length > 0) store.keepChunks(chunks);
        store.trimChunks(oldestSteps(clock.now()), configuration().history_mb * MIB);
      } catch (error) {
        // The disk is full, or nearly: a gap in a chart is the least of it.
        log.warn("history.not_kept", { chunks: unsaved.length, cause: messageOf(error) });
      }
      for (const { chunk } of unsaved) chunk.isUnsaved = false;
      for (const track of [...subjects.values()].flat()) track.full = [];
      for (const subject of ended) subjects.delete(subject);
      ended.clear();
    },
    read({ id, scope, span }) {
      const { span_s: spanS, step_s: stepS } = HISTORY_SPANS[span];
      const subject = id ?? ALL;
      const fromStep = Math.floor((clock.now() / SECOND_MS - spanS) / stepS);
      const track = subjects.get(subject)?.find((one) => one.stepS === stepS);
      const chunks = new Map(
        store.chunksOf(subject, stepS, fromStep).map(({ begun, points }) => [begun, points]),
      );
      for (const chunk of track === undefined ? [] : unsavedOf(track)) {
        chunks.set(chunk.begun, Uint8Array.from(chunk.bytes));
      }
      const open = track === undefined ? null : openPoint(track);
      const points = [
        ...[...chunks.values()].flatMap(decodedPoints),
        ...(open === null ? [] : [open]),
      ];
      return { scope, id: id ?? null, span, step_s: stepS, ...columnsOf(points, fromStep, stepS) };
    },
  };
}

function unsavedOf({ chunk, full }: Track): readonly Chunk[] {
  return chunk?.isUnsaved === true ? [...full, chunk] : full;
}

function storedOf(subject: string, { begun, bytes, stepS, until }: Chunk): StoredChunk {
  return { subject, stepS, begun, until, points: Uint8Array.from(bytes) };
}

/** The first step of each length that is still kept. */
function oldestSteps(now: EpochMs): ReadonlyMap<number, number> {
  return new Map(
    Object.values(HISTORY_SPANS).map(({ span_s: spanS, step_s: stepS }) => [
      stepS,
      Math.floor((now / SECOND_MS - spanS) / stepS),
    ]),
  );
}

/** Ascending; of two points of one step, which a restart leaves, the later one. */
function columnsOf(
  points: readonly Point[],
  fromStep: number,
  stepS: number,
): Pick<HistoryAnswer, "times" | "series"> {
  const bySteps = new Map(
    points.filter(({ step }) => step >= fromStep).map((one) => [one.step, one]),
  );
  const ordered = [...bySteps.values()].toSorted((one, other) => one.step - other.step);
  const columns = SERIES.map((name, at) => [name, ordered.map(({ values }) => values[at] ?? null)]);
  return {
    times: ordered.map(({ step }) => step * stepS),
    series: Object.fromEntries(columns) as HistoryAnswer["series"],
  };
}
