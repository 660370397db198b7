/** From counters to samples: rates between two looks, and sums over agents. Pure. */
import { SERIES, type SampleView } from "../../contract/sampling.ts";
import { type EpochMs, SECOND_MS } from "../../kernel/units.ts";
import type { Counters } from "./ports.ts";

/** Counters, and what the store knows of the agent at the same moment. */
export interface Reading extends Counters {
  readonly at: EpochMs;
  readonly diskBytes: number | null;
  /** Printed so far. Bytes. */
  readonly outputBytes: number | null;
  readonly tokens: number | null;
  readonly costMicrousd: number | null;
}

/** What nothing is known of. */
export const NO_SAMPLE: SampleView = Object.fromEntries(
  SERIES.map((name) => [name, null]),
) as SampleView;

/** What is looked at seldom, as it was when it was looked at last. */
export function withEarlier(now: Reading, before: Reading | null): Reading {
  if (before === null) return now;
  return {
    ...now,
    fds: now.fds ?? before.fds,
    mostFds: now.mostFds ?? before.mostFds,
    sockets: now.sockets ?? before.sockets,
    listens: now.listens ?? before.listens,
  };
}

/**
 * One sample.
 * @param before  The reading before; null in the first look, which has no rates.
 * @param beforeIo  The last reading in which IO was looked at; null when there is none.
 */
export function sampleOf(
  now: Reading,
  before: Reading | null,
  beforeIo: Reading | null,
): SampleView {
  return {
    processes: now.processes,
    threads: now.threads,
    fds: now.fds,
    sockets: now.sockets,
    ports: now.listens === null ? null : portsAmong(now.listens),
    memory_bytes: now.memoryBytes,
    pss_bytes: now.pssBytes,
    cpu_ms_per_s: rate(now, before, ({ cpuMs }) => cpuMs),
    io_read_bytes_per_s: rate(now, beforeIo, ({ readBytes }) => readBytes),
    io_write_bytes_per_s: rate(now, beforeIo, ({ writtenBytes }) => writtenBytes),
    disk_bytes: now.diskBytes,
    output_bytes_per_s: rate(now, before, ({ outputBytes }) => outputBytes),
    tokens: now.tokens,
    cost_microusd: now.costMicrousd,
  };
}

/** Several processes may listen on one port: it is one. */
function portsAmong(listens: NonNullable<Counters["listens"]>): number {
  return new Set(listens.map(({ protocol, port }) => `${protocol} ${port}`)).size;
}

/** A counter that shrank has lost a process: then nothing is known of what was done meanwhile, and it is told as none. */
function rate(
  now: Reading,
  before: Reading | null,
  counter: (reading: Reading) => number | null,
): number | null {
  if (before === null || now.at <= before.at) return null;
  const [later, earlier] = [counter(now), counter(before)];
  if (later === null || earlier === null) return null;
  return Math.round((Math.max(0, later - earlier) * SECOND_MS) / (now.at - before.at));
}

/** All together. What is not known of one is in no sum; null only when it is known of nobody. Of nobody at all: 0. */
export function sumOfSamples(samples: readonly SampleView[]): SampleView {
  const sums = SERIES.map((name) => {
    const known = samples.flatMap((sample) => sample[name] ?? []);
    const isUnknown = samples.length > 0 && known.length === 0;
    return [name, isUnknown ? null : known.reduce((sum, one) => sum + one, 0)];
  });
  return Object.fromEntries(sums) as SampleView;
}
