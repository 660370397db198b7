/** Which agents are shown, in which order, and which of them the cursor is on. Pure. */
import type { AgentView } from "../../../contract/agent.ts";
import { hasEnded } from "../views.ts";
import { COLUMNS, subjectOf } from "./columns.ts";
import type { Column, Subject } from "./columns.ts";
import type { TopState } from "./model.ts";

/** What the rows are made of; the same again is the same rows. */
type Made = Pick<TopState, "agents" | "use" | "now" | "taskId" | "shown" | "filter" | "sort">;
let last: { readonly of: Made; readonly rows: readonly Subject[] } | undefined;

/**
 * The rows of the table, in order. One screen asks several times for the same rows, so the last
 * answer is kept: a thousand agents are put in order once.
 */
export function rowsOf(state: TopState): readonly Subject[] {
  if (last === undefined || !isSame(last.of, state)) last = { of: state, rows: madeRows(state) };
  return last.rows;
}

function isSame(a: Made, b: Made): boolean {
  return (
    a.agents === b.agents &&
    a.use === b.use &&
    a.now === b.now &&
    a.taskId === b.taskId &&
    a.shown === b.shown &&
    a.filter === b.filter &&
    a.sort === b.sort
  );
}

function madeRows(state: TopState): readonly Subject[] {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const rows: Subject[] = [];
  for (const agent of state.agents.values()) {
    if (state.taskId !== null && agent.task_id !== state.taskId) continue;
    if (state.shown === "live" && isOver(agent)) continue;
    if (words.every((word) => textOf(agent).includes(word))) {
      rows.push(subjectOf(state, agent));
    }
  }
  return inOrder(rows, COLUMNS[state.sort.column], state.sort.isReversed);
}

/** True for what has ended and given everything back. */
function isOver(agent: AgentView): boolean {
  return hasEnded(agent) && agent.cleanup.held === 0;
}

function textOf(agent: AgentView): string {
  const { agent_id, agent_type, harness, status, activity, task_id, reported } = agent;
  return [agent_id, agent_type, harness, status, activity, task_id, reported?.message]
    .join(" ")
    .toLowerCase();
}

/** By the column, then by id, so that equal rows do not jump. What has no value stays last. */
function inOrder(
  rows: readonly Subject[],
  { key }: Pick<Column, "key">,
  isReversed: boolean,
): readonly Subject[] {
  const turn = isReversed ? -1 : 1;
  return rows
    .map((row) => ({ row, by: key(row) }))
    .toSorted((a, b) => {
      if (a.by === null || b.by === null) {
        if (a.by !== b.by) return a.by === null ? 1 : -1;
      } else {
        const order =
          typeof a.by === "number" && typeof b.by === "number"
            ? b.by - a.by
            : compared(String(a.by), String(b.by));
        if (order !== 0) return order * turn;
      }
      return compared(a.row.agent.agent_id, b.row.agent.agent_id);
    })
    .map(({ row }) => row);
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where the cursor is among rows; 0 when what it was on is shown no more. */
export function cursorAt(rows: readonly Subject[], chosen: string | null): number {
  return Math.max(
    0,
    rows.findIndex(({ agent }) => agent.agent_id === chosen),
  );
}

/** The first row in sight, moved no more than needed for the cursor to be in sight. */
export function scrolledTo(from: number, cursor: number, height: number, count: number): number {
  const least = cursor - Math.max(1, height) + 1;
  const wanted = Math.min(Math.max(from, least), cursor);
  return Math.max(0, Math.min(wanted, count - height));
}
