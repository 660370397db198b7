/** How much room text takes on a terminal, and text that takes exactly so much. Pure. */

const ASCII = /^[\u0020-\u007e]*$/;
/** East Asian wide and fullwidth forms, and what is drawn as a picture. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const NO_WIDTH = /^[\p{M}\p{Cf}]+$/u;
// Alone it would turn the order of everything behind it, on our line too.
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- taking them out is the point
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const clusters = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Text that is only text: without control characters, line ends, and marks that turn the order of
 * letters. What an agent says of itself is written by a stranger.
 */
export function plain(text: string): string {
  return text.replaceAll("\t", "  ").replaceAll("\n", " ").replaceAll(UNSAFE, "");
}

/** Columns that plain text takes. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of clusters.segment(text)) width += clusterWidth(segment);
  return width;
}

/** Exactly so many columns: cut with an ellipsis, or filled with blanks. @param columns  0 or more. */
export function fit(text: string, columns: number, align: "left" | "right" = "left"): string {
  const width = widthOf(text);
  const kept = width > columns ? cut(text, columns) : text;
  const blanks = " ".repeat(Math.max(0, columns - widthOf(kept)));
  return align === "left" ? kept + blanks : blanks + kept;
}

/** The rows that text takes when it goes on below at the right edge. @param columns  1 or more. */
export function wrap(text: string, columns: number): readonly string[] {
  if (widthOf(text) <= columns) return [text];
  const rows: string[] = [];
  let row = "";
  let width = 0;
  for (const { segment } of clusters.segment(text)) {
    const more = clusterWidth(segment);
    if (width + more > columns) {
      rows.push(row);
      row = "";
      width = 0;
    }
    row += segment;
    width += more;
  }
  return [...rows, row];
}

function cut(text: string, columns: number): string {
  if (columns <= 0) return "";
  let kept = "";
  let width = 1; // the ellipsis
  for (const { segment } of clusters.segment(text)) {
    width += clusterWidth(segment);
    if (width > columns) break;
    kept += segment;
  }
  return `${kept}…`;
}

function clusterWidth(cluster: string): number {
  if (NO_WIDTH.test(cluster)) return 0;
  return WIDE.test(cluster) ? 2 : 1;
}
