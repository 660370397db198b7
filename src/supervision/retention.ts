/**
 * Which archives have to go so that what is kept fits its bounds. Pure.
 *
 * The oldest go first. Age is not judged here: it is a date in each archive's row, and the sweep's.
 */
import type { TaskId } from "../kernel/ids.ts";
import { humanBytes } from "../kernel/units.ts";

/** What all archives take. Bytes. */
export interface ArchiveSums {
  readonly total: number;
  readonly byTask: ReadonlyMap<TaskId, number>;
}

/** Most that archives may take; 0 means as much as they like. Bytes. */
export interface ArchiveBounds {
  readonly total: number;
  readonly perTask: number;
}

/** So much has to go: of one task, or of all. */
export interface Excess {
  /** null: whichever is oldest. */
  readonly taskId: TaskId | null;
  readonly bytes: number;
  /** For people: which bound, and by how much. */
  readonly why: string;
}

/** What is over a bound, tasks first: what goes for their sake counts for all. */
export function excessOf(sums: ArchiveSums, bounds: ArchiveBounds): readonly Excess[] {
  const tasks: Excess[] = [];
  for (const [taskId, bytes] of bounds.perTask === 0 ? [] : sums.byTask) {
    const over = bytes - bounds.perTask;
    if (over > 0)
      tasks.push({ taskId, bytes: over, why: whyOf("retention_task_bytes", bounds.perTask) });
  }
  const freed = tasks.reduce((sum, { bytes }) => sum + bytes, 0);
  const over = bounds.total === 0 ? 0 : sums.total - freed - bounds.total;
  if (over <= 0) return tasks;
  return [...tasks, { taskId: null, bytes: over, why: whyOf("retention_bytes", bounds.total) }];
}

function whyOf(setting: string, bytes: number): string {
  return `the archives were over ${setting} (${humanBytes(bytes)})`;
}
