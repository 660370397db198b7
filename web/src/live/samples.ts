/** Readings of a growing list of numbers, for charts. Pure. */
import type { ResourceReportAnswer } from "../../../src/contract/resource-report.ts";

export interface Sample {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly processes: number;
  /** Null where it may not be counted. */
  readonly fds: number | null;
  readonly memoryBytes: number | null;
  /** Share of one core since the sample before; null in the first. */
  readonly cores: number | null;
}

/** At one in two seconds: ten minutes. */
const SAMPLES_MOST = 300;

/** Adds a report to what was seen before; the same report again changes nothing. */
export function withReport(
  before: readonly Sample[],
  report: ResourceReportAnswer,
  last: ResourceReportAnswer | null,
): readonly Sample[] {
  if (report.at === last?.at) return before;
  const { processes, fds, memory_bytes: memoryBytes } = report.use;
  const at = Date.parse(report.at);
  const sample = { at, processes, fds, memoryBytes, cores: coresBetween(last, report) };
  return [...before, sample].slice(-SAMPLES_MOST);
}

/** Processor time is only ever used up: less than before means that processes have ended meanwhile. */
function coresBetween(
  last: ResourceReportAnswer | null,
  report: ResourceReportAnswer,
): number | null {
  const before = last?.use.cpu_ms ?? null;
  const now = report.use.cpu_ms;
  if (last === null || before === null || now === null || now < before) return null;
  const ms = Date.parse(report.at) - Date.parse(last.at);
  return ms <= 0 ? null : (now - before) / ms;
}

/**
 * The points of a line through numbers, in a box of 100 by 100 with the highest at the top; numbers
 * that are missing are passed over. Empty for fewer than two.
 */
export function lineThrough(values: readonly (number | null)[]): string {
  const known = values.flatMap((value, index) => (value === null ? [] : [{ value, index }]));
  if (known.length < 2) return "";
  const most = Math.max(...known.map(({ value }) => value), Number.EPSILON);
  const last = values.length - 1;
  return known
    .map(
      ({ value, index }) => `${round((index / last) * 100)},${round(100 - (value / most) * 100)}`,
    )
    .join(" ");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
