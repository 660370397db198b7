/** Figures of a sample, and the table that docs/performance.md shows. */

export interface Figures {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** @param sample  At least one number, any order. */
export function figuresOf(sample: readonly number[]): Figures {
  const sorted = sample.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { n: sorted.length, min: at(0), p50: at(0.5), p95: at(0.95), max: at(1) };
}

export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly goal: string;
  readonly figures: Figures;
}

/** A Markdown table, one row a measurement. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ what, unit, goal, figures: { n, min, p50, p95, max } }) =>
    [what, unit, String(n), ...[min, p50, p95, max].map(shown), goal].join(" | "),
  );
  return [
    "what | unit | n | min | p50 | p95 | max | goal",
    "--- | --- | --- | --- | --- | --- | --- | ---",
    ...lines,
  ]
    .map((line) => `| ${line} |`)
    .join("\n");
}

function shown(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
