/** A pane's screen as text for a terminal that shows it. Pure. */
import type { Screen } from "../../../src/contract/screen.ts";

/** Every line in its place and nothing else, and the cursor where it is. */
export function screenText({ rows, lines, cursor }: Screen): string {
  const drawn = Array.from(
    { length: rows },
    (_, row) => `\u001b[${row + 1};1H\u001b[0m${lines[row] ?? ""}\u001b[0m\u001b[K`,
  );
  const place =
    cursor === null ? "\u001b[?25l" : `\u001b[?25h\u001b[${cursor.row + 1};${cursor.column + 1}H`;
  return `\u001b[?25l${drawn.join("")}${place}`;
}
