/**
 * Keeps the store bounded: forgets what its settings no longer keep, in pieces so small that
 * nobody waits for one. A crash between two of them leaves nothing but the rest to do.
 */
import { messageOf } from "../kernel/fault.ts";
import type { Place } from "./forgetting.ts";
import type { Setting } from "./setting.ts";

/** A piece is made smaller when it took longer than the one, larger when it took less than the other. */
const PIECE_LONG_MS = 8;
const PIECE_SHORT_MS = 4;
const PIECE_ROWS = { first: 64, least: 16, most: 1_024 } as const;
/** Between two pieces everybody else has his turn. */
const PAUSE_MS = 5;
/** Pages of 4 KiB given back in one piece. */
const PIECE_PAGES = 32;
/** Free pages that stay in the file: they are needed again soon. */
const PAGES_SPARE = 1_024;

/** What one walk has done; for the log. */
export type Forgotten = {
  /** Rows of agents' records that were deleted or looked at. */
  readonly records: number;
  readonly outcomes: number;
  readonly events: number;
  readonly tasks: number;
};

/**
 * Walks once over everything that is old enough.
 *
 * @param isStopped  Asked before each piece: the walk ends early when it says so.
 * @throws {Fault} DISK_FULL; what was done until then stays done.
 */
export async function forgetOld(setting: Setting, isStopped: () => boolean): Promise<Forgotten> {
  const { store, clock } = setting;
  const { record_retention_ms, outcomes_kept, events_kept } = setting.configuration();
  const before = clock.now() - record_retention_ms;
  const inPieces = pieces(setting, isStopped);

  let place: Place | null = null;
  const records = await inPieces((most) => {
    const { rows, next } = store.forgetRecords(before, place, most);
    place = next;
    return { rows, more: next !== null };
  });
  const outcomes = await inPieces((most) => all(store.dropOutcomes(outcomes_kept, most), most));
  const events = await inPieces((most) => all(store.dropEvents(events_kept, most), most));
  place = null;
  const tasks = await inPieces((most) => {
    const { tasks: past, next } = store.pastTasks(before, place, most);
    place = next;
    const dropped = past.filter((task) => forgetTask(setting, task)).length;
    return { rows: dropped, more: next !== null };
  });
  if (records + outcomes + events + tasks > 0) {
    await inPieces(() => ({ rows: 0, more: store.shrink(PIECE_PAGES) > PAGES_SPARE }));
    store.checkpoint();
  }
  return { records, outcomes, events, tasks };
}

interface Piece {
  readonly rows: number;
  readonly more: boolean;
}

function all(rows: number, most: number): Piece {
  return { rows, more: rows === most };
}

/** @returns a walk: one piece after the other until there is no more, with what they add up to. */
function pieces({ clock, timers }: Setting, isStopped: () => boolean) {
  let most: number = PIECE_ROWS.first;
  return async (piece: (most: number) => Piece): Promise<number> => {
    let rows = 0;
    for (let more = true; more && !isStopped();) {
      const from = clock.now();
      const done = piece(most);
      const took = clock.now() - from;
      if (took > PIECE_LONG_MS) most = Math.max(PIECE_ROWS.least, Math.floor(most / 2));
      if (took < PIECE_SHORT_MS) most = Math.min(PIECE_ROWS.most, most + PIECE_ROWS.least);
      rows += done.rows;
      more = done.more;
      const { promise, resolve } = Promise.withResolvers<void>();
      timers.after(PAUSE_MS, resolve);
      await promise;
    }
    return rows;
  };
}

/**
 * A closed task keeps its name and outcome while an agent of it does, or its workspace lies
 * there: that may hold work, and Corral does not delete it. @returns whether it is gone.
 */
function forgetTask(
  { store, files, log }: Setting,
  { id, workspace, hasAgents }: { id: string; workspace: string; hasAgents: boolean },
): boolean {
  store.trimTask(id);
  if (hasAgents) return false;
  try {
    if (files.identityOf(workspace) !== null) return false;
  } catch (error) {
    log.warn("task.not_forgotten", { taskId: id, cause: messageOf(error) });
    return false;
  }
  store.dropTask(id);
  return true;
}
