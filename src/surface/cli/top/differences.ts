/** What to send a terminal so that it shows other lines than before. Pure. */

const HOME_OF_LINE = (row: number): string => `\u001b[${row + 1};1H`;
/** Terminals that know it draw everything between at once; others pass it over. */
const BEGIN = "\u001b[?2026h";
const END = "\u001b[?2026l";

/** @param before  What it shows; null when that is not known, and it is wiped. Empty text: nothing differs. */
export function differences(before: readonly string[] | null, after: readonly string[]): string {
  const changed = after.flatMap((line, row) =>
    before?.[row] === line ? [] : [`${HOME_OF_LINE(row)}${line}`],
  );
  if (before === null) return `${BEGIN}\u001b[2J${changed.join("")}${END}`;
  return changed.length === 0 ? "" : `${BEGIN}${changed.join("")}${END}`;
}
