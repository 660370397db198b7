/** Times of a test, for its row. */

/** `"31 ms (p50 9, p99 30)"`; a dash when nothing was timed. */
export function timesOf(all: readonly number[]): string {
  if (all.length === 0) return "–";
  const sorted = all.toSorted((one, other) => one - other);
  const at = (part: number) => Math.round(sorted[Math.ceil(sorted.length * part) - 1] ?? 0);
  const worst = Math.round(sorted.at(-1) ?? 0);
  return `${worst} ms (p50 ${at(0.5)}, p99 ${at(0.99)})`;
}
