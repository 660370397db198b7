/** Numbers over time as lines in a box of 100 by 100, the highest at the top. Pure. */

export interface Curve {
  /** The points of each line: one begins anew where nothing was looked at. */
  readonly lines: readonly string[];
  /** The highest value; 0 when there is none. */
  readonly most: number;
  /** The newest value that is known; null when there is none. */
  readonly last: number | null;
}

/** Steps between two points that belong together: looks are not made at an even pace. */
const STEPS_APART = 7;
/** A point alone is a short line. */
const ALONE = 0.6;

/**
 * @param times   Seconds since the epoch, ascending; what the box goes from and to.
 * @param values  One for each time; null where it is not known.
 * @param stepS   Seconds from one time to the next where nothing is missing.
 */
export function curveOf(
  times: readonly number[],
  values: readonly (number | null)[],
  stepS: number,
): Curve {
  const known = times.flatMap((at, index) => {
    const value = values[index] ?? null;
    return value === null ? [] : [{ at, value }];
  });
  const most = Math.max(0, ...known.map(({ value }) => value));
  const [from = 0, to = 0] = [times[0], times.at(-1)];
  const wide = Math.max(1, to - from);
  const high = most === 0 ? 1 : most;
  const lines: { x: number; y: number }[][] = [];
  let before: number | undefined;
  for (const { at, value } of known) {
    const point = { x: ((at - from) / wide) * 100, y: 100 - (value / high) * 100 };
    if (before === undefined || at - before > STEPS_APART * stepS) lines.push([]);
    lines.at(-1)?.push(point);
    before = at;
  }
  return { lines: lines.map(pointsOf), most, last: known.at(-1)?.value ?? null };
}

function pointsOf(line: readonly { readonly x: number; readonly y: number }[]): string {
  const [first] = line;
  const shown =
    first !== undefined && line.length === 1
      ? [first, { x: Math.min(100, first.x + ALONE), y: first.y }]
      : line;
  return shown.map(({ x, y }) => `${round(x)},${round(y)}`).join(" ");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
