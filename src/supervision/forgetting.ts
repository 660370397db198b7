/**
 * What the store forgets, so that it stays as large as its settings say (G10).
 *
 *   record    everything of an agent: ledger rows, reports, findings, result, stop
 *   outcome   what is left of it then: who it was, when, how it ended; still answered for
 *   nothing   the oldest outcomes, beyond the number that is kept; only counted by their task
 *
 * Never before everything of the agent was released and seen gone, its logs included.
 */
import type { TaskId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";

/** Where a walk over rows goes on; null from the beginning. */
export interface Place {
  readonly at: EpochMs;
  /** Tells apart what has the same time. */
  readonly key: number | string;
}

export interface PastTask {
  readonly id: TaskId;
  readonly workspace: string;
  /** True while agents of it, or their outcomes, are in the store. */
  readonly hasAgents: boolean;
}

/** Every method is one short transaction over a bounded number of rows, durable on return. */
export interface ForgettingStore {
  /**
   * Forgets the records of agents that ended before a time and hold and retain nothing.
   * @param most  Rows to look at or delete; at least 1.
   * @returns how many that were, and where to go on; `next` null when the walk is at its end.
   */
  forgetRecords(
    endedBefore: EpochMs,
    from: Place | null,
    most: number,
  ): { readonly rows: number; readonly next: Place | null };
  /** Deletes the oldest outcomes beyond `kept`, at most `most`. @returns how many. */
  dropOutcomes(kept: number, most: number): number;
  /** Deletes the oldest events beyond `kept`, at most `most`. @returns how many. */
  dropEvents(kept: number, most: number): number;
  /** Tasks that were closed before a time, oldest first, at most `most`; `next` null at the end. */
  pastTasks(
    closedBefore: EpochMs,
    from: Place | null,
    most: number,
  ): { readonly tasks: readonly PastTask[]; readonly next: Place | null };
  /** Empties what a closed task was told (its context); what it was and its outcome stay. */
  trimTask(id: TaskId): void;
  /** Deletes a closed task without agents, and its ledger rows. Its workspace must be seen gone. */
  dropTask(id: TaskId): void;
  /** Gives free pages of the file back to the file system, at most `pages`. @returns how many are left. */
  shrink(pages: number): number;
  /** Takes over what was written ahead into the main file, as far as nobody reads it. */
  checkpoint(): void;
}
