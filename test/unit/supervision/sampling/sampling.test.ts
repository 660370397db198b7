/** Paces, samples and steps: the judgement of sampling. */
import { describe, expect, test } from "vitest";
import { SERIES } from "../../../../src/contract/sampling.ts";
import { leastPause, pauseAfter } from "../../../../src/supervision/sampling/pace.ts";
import { decodedPoints } from "../../../../src/supervision/sampling/points.ts";
import {
  NO_SAMPLE,
  type Reading,
  sampleOf,
  sumOfSamples,
  withEarlier,
} from "../../../../src/supervision/sampling/sample.ts";
import {
  addSample,
  CHUNK_POINTS,
  closeStep,
  freshTrack,
  openPoint,
} from "../../../../src/supervision/sampling/steps.ts";

describe("the pace", () => {
  const rest = (quietRounds: number, spentMs = 0) =>
    pauseAfter({ isWatched: false, spentMs, quietRounds });

  test("is two seconds while somebody looks on, and slows to a minute at rest", () => {
    expect(pauseAfter({ isWatched: true, spentMs: 1, quietRounds: 9 })).toBe(2_000);
    expect([0, 1, 2, 3, 99].map((rounds) => rest(rounds))).toEqual([
      15_000, 30_000, 60_000, 60_000, 60_000,
    ]);
  });

  test("never takes more than its share of a core, whatever a look costs", () => {
    for (const spentMs of [10, 100, 1_000]) {
      const watched = pauseAfter({ isWatched: true, spentMs, quietRounds: 0 });
      expect(spentMs / watched).toBeLessThanOrEqual(0.02);
      expect(spentMs / rest(9, spentMs)).toBeLessThanOrEqual(0.003);
    }
    expect(leastPause(true, 100)).toBe(5_000);
  });

  test("still comes within ten minutes", () => {
    expect(rest(0, 60_000)).toBe(600_000);
  });
});

const reading = (at: number, over: Partial<Reading> = {}): Reading => ({
  at,
  processes: 2,
  threads: 4,
  tasksLimit: null,
  memoryLimitBytes: null,
  memoryNeededBytes: null,
  memoryKills: null,
  fds: 10,
  mostFds: null,
  sockets: 1,
  listens: [],
  memoryBytes: 1_000,
  pssBytes: null,
  cpuMs: 0,
  readBytes: 0,
  writtenBytes: 0,
  diskBytes: 5,
  outputBytes: 0,
  tokens: null,
  costMicrousd: null,
  ...over,
});

describe("a sample", () => {
  test("has rates from the second look on", () => {
    const first = reading(1_000);
    expect(sampleOf(first, null, null)).toMatchObject({ cpu_ms_per_s: null, processes: 2 });
    const second = reading(3_000, { cpuMs: 500, outputBytes: 4_000, writtenBytes: 600 });
    expect(sampleOf(second, first, first)).toMatchObject({
      cpu_ms_per_s: 250,
      output_bytes_per_s: 2_000,
      io_write_bytes_per_s: 300,
      io_read_bytes_per_s: 0,
    });
  });

  test("tells no rate below zero when a process has taken its count with it", () => {
    const before = reading(1_000, { cpuMs: 900 });
    expect(sampleOf(reading(2_000, { cpuMs: 100 }), before, null).cpu_ms_per_s).toBe(0);
  });

  test("tells no rate when the clock was set back, and none of what was not looked at", () => {
    const before = reading(5_000);
    expect(sampleOf(reading(5_000, { cpuMs: 9 }), before, before).cpu_ms_per_s).toBeNull();
    expect(sampleOf(reading(6_000, { readBytes: null }), before, before)).toMatchObject({
      io_read_bytes_per_s: null,
    });
  });

  test("keeps what is looked at seldom as it was", () => {
    const light = reading(2_000, { fds: null, sockets: null, listens: null });
    const mostFds = { fds: 6, limit: 1_024 };
    const known = { fds: 7, mostFds, sockets: 1 };
    expect(withEarlier(light, reading(1_000, { fds: 7, mostFds }))).toMatchObject(known);
    expect(withEarlier(light, null).fds).toBeNull();
  });

  test("counts a port once, however many processes listen on it", () => {
    const listens = [11, 12].map((pid) => ({
      protocol: "tcp" as const,
      address: "127.0.0.1",
      port: 80,
      pid,
    }));
    expect(sampleOf(reading(1, { listens }), null, null).ports).toBe(1);
  });
});

describe("a sum", () => {
  test("leaves out what is not known of one, and is not known when it is known of nobody", () => {
    const one = { ...NO_SAMPLE, processes: 2, tokens: 5 };
    const other = { ...NO_SAMPLE, processes: 3 };
    expect(sumOfSamples([one, other])).toEqual({ ...NO_SAMPLE, processes: 5, tokens: 5 });
    expect(sumOfSamples([])).toMatchObject({ processes: 0, memory_bytes: 0 });
  });
});

describe("steps", () => {
  const at = (name: (typeof SERIES)[number]) => SERIES.indexOf(name);
  const sample = (memory: number, cpu: number) => ({
    ...NO_SAMPLE,
    memory_bytes: memory,
    cpu_ms_per_s: cpu,
  });

  test("tell the highest of sizes and the mean of rates", () => {
    const track = freshTrack(10);
    addSample(track, 100_000, sample(5, 100));
    addSample(track, 109_999, sample(3, 300));
    const open = openPoint(track);
    expect(open?.step).toBe(10);
    expect(open?.values[at("memory_bytes")]).toBe(5);
    expect(open?.values[at("cpu_ms_per_s")]).toBe(200);
    expect(open?.values[at("tokens")]).toBeNull();
    addSample(track, 110_000, sample(1, 1));
    expect(track.chunk?.count).toBe(1);
    expect(decodedPoints(Uint8Array.from(track.chunk?.bytes ?? []))).toEqual([open]);
  });

  test("fill chunks of a bounded length, and lose none between two of them", () => {
    const track = freshTrack(10);
    for (let step = 0; step < 150; step += 1) addSample(track, step * 10_000, sample(step, 1));
    closeStep(track);
    const chunks = [...track.full, track.chunk!];
    expect(chunks.map(({ count }) => count)).toEqual([CHUNK_POINTS, CHUNK_POINTS, 30]);
    const points = chunks.flatMap(({ bytes }) => decodedPoints(Uint8Array.from(bytes)));
    expect(points.map(({ step }) => step)).toEqual(Array.from({ length: 150 }, (_, step) => step));
  });

  test("stay in order when the clock is set back", () => {
    const track = freshTrack(10);
    addSample(track, 500_000, sample(1, 1));
    addSample(track, 100_000, sample(9, 1));
    closeStep(track);
    addSample(track, 100_000, sample(2, 1));
    closeStep(track);
    const points = decodedPoints(Uint8Array.from(track.chunk?.bytes ?? []));
    expect(points.map(({ step }) => step)).toEqual([50]);
  });
});
