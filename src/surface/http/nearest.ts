/** What somebody left out costs less than what they got wrong: names are mostly shortened. */
const LEFT_OUT = 0.4;

/**
 * The candidate with the fewest edits from what was typed; the first of equals.
 * @param candidates  Not empty.
 */
export function nearest(typed: string, candidates: readonly string[]): string {
  let best = candidates[0] ?? "";
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const edits = editsBetween(typed, candidate);
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** Levenshtein distance with that weight, one row at a time. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at * LEFT_OUT);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + LEFT_OUT));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
