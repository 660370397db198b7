/** Plain tables: columns as wide as their widest cell, two spaces between. */
import { harmless, paint } from "./paint.ts";
import type { Tone } from "./paint.ts";

export type Cell = string | { readonly text: string; readonly tone: Tone | null };

export interface TableStyle {
  readonly colour: boolean;
  /** Longest line; the last column is cut to fit. Infinity cuts nothing. */
  readonly columns: number;
}

const GAP = "  ";

/**
 * The lines of a table, heading first.
 *
 * Cells are made harmless; only the last column is ever cut, with an ellipsis.
 */
export function table(
  heading: readonly string[],
  rows: readonly (readonly Cell[])[],
  { colour, columns }: TableStyle,
): readonly string[] {
  const texts = rows.map((row) => row.map((cell) => harmless(textOf(cell))));
  const widths = heading.map((title, at) =>
    Math.max(title.length, ...texts.map((row) => row[at]?.length ?? 0)),
  );
  const layOut = (cells: readonly string[], tones: readonly (Tone | null)[]) =>
    lineOf(cells, tones, widths, { colour, columns });
  return [
    layOut(
      heading,
      heading.map(() => "quiet"),
    ),
    ...texts.map((cells, at) => layOut(cells, (rows[at] ?? []).map(toneOf))),
  ];
}

function lineOf(
  cells: readonly string[],
  tones: readonly (Tone | null)[],
  widths: readonly number[],
  { colour, columns }: TableStyle,
): string {
  const last = cells.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP.length, 0);
  return cells
    .map((cell, at) =>
      at === last
        ? paint(cut(cell, Math.max(columns - before, 8)), tones[at] ?? null, colour)
        : paint(cell, tones[at] ?? null, colour) + " ".repeat((widths[at] ?? 0) - cell.length),
    )
    .join(GAP)
    .trimEnd();
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

function toneOf(cell: Cell): Tone | null {
  return typeof cell === "string" ? null : cell.tone;
}
