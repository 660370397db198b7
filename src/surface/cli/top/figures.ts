/** Numbers in a few columns. Pure. */
import { DAY_MS, HOUR_MS, KIB, MINUTE_MS, SECOND_MS } from "../../../kernel/units.ts";

const UNITS = ["B", "K", "M", "G", "T"];

/** Bytes: `"812B"`, `"4.1M"`, `"120G"`. */
export function shortBytes(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= KIB && unit < UNITS.length - 1) {
    size /= KIB;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)}${UNITS[unit]}`;
}

/** A count: `"950"`, `"12.3k"`, `"4.5M"`. */
export function shortCount(count: number): string {
  if (count < 1_000) return String(Math.round(count));
  if (count < 1_000_000) return `${(count / 1_000).toFixed(1)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
}

/** A span of time: `"8s"`, `"4m10s"`, `"3h02m"`, `"12d"`. */
export function shortSpan(ms: number): string {
  const left = Math.max(0, ms);
  if (left < MINUTE_MS) return `${Math.floor(left / SECOND_MS)}s`;
  if (left < HOUR_MS) return `${part(left, MINUTE_MS)}m${two(part(left % MINUTE_MS, SECOND_MS))}s`;
  if (left < 4 * DAY_MS) return `${part(left, HOUR_MS)}h${two(part(left % HOUR_MS, MINUTE_MS))}m`;
  return `${part(left, DAY_MS)}d`;
}

/** Processor time as a share of one core: `"0.4%"`, `"240%"`. @param msPerS  Milliseconds in a second. */
export function shortCores(msPerS: number): string {
  const percent = msPerS / 10;
  return `${percent < 10 ? percent.toFixed(1) : Math.round(percent)}%`;
}

function part(ms: number, unitMs: number): number {
  return Math.floor(ms / unitMs);
}

function two(count: number): string {
  return String(count).padStart(2, "0");
}
