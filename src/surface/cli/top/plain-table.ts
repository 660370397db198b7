/** The same table for what is no screen: a file, a pipe, a terminal that cannot place a cursor. Pure. */
import { table } from "../table.ts";
import type { TableStyle } from "../table.ts";
import { rowsOf } from "./choose.ts";
import { COLUMN_NAMES, COLUMNS } from "./columns.ts";
import type { Column } from "./columns.ts";
import type { TopState } from "./model.ts";

/** Every agent that is shown, in order, with all columns. */
export function plainTable(state: TopState, style: TableStyle): readonly string[] {
  const rows = rowsOf(state);
  if (rows.length === 0) return [state.shown === "live" ? "No live agents." : "No agents."];
  return table(
    COLUMN_NAMES.map((name) => COLUMNS[name].heading),
    rows.map((subject) =>
      COLUMN_NAMES.map((name) => {
        const column: Column = COLUMNS[name];
        return { text: column.text(subject), tone: column.tone?.(subject) ?? null };
      }),
    ),
    style,
  );
}
