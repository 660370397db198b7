/** What tasks have spent, as the store keeps it; triggers of the schema keep the sums. */
import type { Store } from "../../supervision/store.ts";
import type { TaskSpent } from "../../tasks/budget.ts";
import type { Database, Row } from "./database.ts";

const MICRO = 1_000_000;

export function spentRows(database: Database): Pick<Store, "taskSpent"> {
  return { taskSpent: (taskId) => taskSpentOf(database, taskId) };
}

/** Also for the transaction that admits one more agent. */
export function taskSpentOf(database: Database, taskId: string): TaskSpent {
  return spentIn(database.get("SELECT * FROM task_spent WHERE task_id = ?", taskId));
}

/** Of a row with the columns of task_spent; undefined, and NULL in a join, is nothing. */
export function spentIn(row: Row | undefined): TaskSpent {
  const of = (column: string): number => Number(row?.[column] ?? 0);
  return { tokens: of("tokens"), costUsd: of("microusd") / MICRO, untold: of("untold") };
}
