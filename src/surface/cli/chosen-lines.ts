/** Which lines of a stream are printed: those that match, those of a time, the last ones. */
import { InvalidArgumentError } from "commander";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../kernel/units.ts";
import { linesOf, type LineChunk } from "./streams.ts";

export interface LineChoice {
  /** Lines that match; absent takes all. */
  readonly grep?: RegExp;
  /** Without lines that say themselves that they are older. Milliseconds since the epoch. */
  readonly since?: number;
}

/** The chosen lines of chunks, each a chunk of its own, as they were written. */
export async function* chosenLines(
  chunks: AsyncIterable<LineChunk>,
  { grep, since }: LineChoice,
): AsyncGenerator<LineChunk> {
  for await (const chunk of chunks) {
    for (const { offset, line } of linesOf(chunk)) {
      if (grep?.test(line) === false) continue;
      if (since !== undefined && (ownTime(line) ?? since) < since) continue;
      const from = offset - chunk.from;
      const newline = chunk.bytes.indexOf(0x0a, from);
      const to = newline < 0 ? chunk.bytes.length : newline + 1;
      yield { from: offset, bytes: chunk.bytes.subarray(from, to) };
    }
  }
}

/** The last so many of them, when all have come. */
export async function lastLines(
  lines: AsyncIterable<LineChunk>,
  most: number,
): Promise<readonly LineChunk[]> {
  const last: LineChunk[] = [];
  for await (const line of lines) {
    // A copy: its chunk may be much larger.
    last.push({ from: line.from, bytes: Buffer.from(line.bytes) });
    if (last.length > most) last.shift();
  }
  return last;
}

const TIME = /"timestamp":\s{0,4}(?:"([^"]{10,40})"|(\d{13})(?!\d))/;
/** Where a line says its time, it does so early. Characters. */
const TIME_WITHIN = 4_096;

/** The time that a line of JSON gives itself; null when it gives none. Milliseconds since the epoch. */
export function ownTime(line: string): number | null {
  const [, text, number] = TIME.exec(line.slice(0, TIME_WITHIN)) ?? [];
  const time = number === undefined ? Date.parse(text ?? "") : Number(number);
  return Number.isFinite(time) ? time : null;
}

const UNITS: Readonly<Record<string, number>> = {
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
};

/** A time as people type it: so long ago (`90s`, `10m`, `2h`, `1d`), or ISO-8601. */
export function timeOf(text: string): (now: number) => number {
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return (now) => now - Number(count) * (UNITS[unit] ?? 0);
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(time)) return () => time;
  throw new InvalidArgumentError("must be 90s, 10m, 2h, 1d, or a time such as 2026-11-25T08:00Z.");
}

/** A pattern as people type it: a JavaScript regular expression. */
export function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError("must be a regular expression.");
  }
}
