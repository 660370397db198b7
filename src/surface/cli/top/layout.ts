/** How the rows of the terminal are shared out. Pure. */
import { rowsOf, cursorAt, scrolledTo } from "./choose.ts";
import type { TopState } from "./model.ts";
import { wrap } from "./width.ts";

/** Smaller than this, nothing can be read. */
export const LEAST = { columns: 30, rows: 8 };
const PANE_LEAST = 4;

/** Rows of the head: the daemon, the machine, and a line of alerts when there are any. */
export function headHeight({ alerts }: Pick<TopState, "alerts">): number {
  return alerts.length > 0 ? 3 : 2;
}

/** Rows of the pane with its title; 0 when none is open. */
export function paneHeight(state: TopState): number {
  if (state.pane === null) return 0;
  const free = state.size.rows - headHeight(state) - 2;
  return Math.min(free - 1, Math.max(PANE_LEAST, Math.floor(free / 2)));
}

/** Rows of agents in sight, 1 or more. */
export function tableHeight(state: TopState): number {
  // The heading of the table, and the last line.
  return Math.max(1, state.size.rows - headHeight(state) - 2 - paneHeight(state));
}

/** Rows of the output in sight. */
export function outputHeight(state: TopState): number {
  return Math.max(0, paneHeight(state) - 1);
}

/** The state with cursor and output scrolled to where they can be. */
export function arranged(state: TopState): TopState {
  const rows = rowsOf(state);
  const at = cursorAt(rows, state.chosen);
  const from = scrolledTo(state.from, at, tableHeight(state), rows.length);
  const behind = Math.min(state.behind, outputBehindMost(state));
  return from === state.from && behind === state.behind ? state : { ...state, from, behind };
}

/** How far back the output goes, in rows below those in sight. */
function outputBehindMost(state: TopState): number {
  if (state.behind === 0) return 0;
  const rows = state.output.lines.reduce(
    (sum, line) => sum + wrap(line, state.size.columns).length,
    0,
  );
  return Math.max(0, rows - outputHeight(state));
}

/** The rows of the output in sight, oldest first: those that end `behind` rows before the end. */
export function outputRows(state: TopState): readonly string[] {
  const height = outputHeight(state);
  const rows: string[] = [];
  for (const line of state.output.lines.toReversed()) {
    if (rows.length >= height + state.behind) break;
    rows.unshift(...wrap(line, state.size.columns));
  }
  const end = rows.length - state.behind;
  return rows.slice(Math.max(0, end - height), end);
}
