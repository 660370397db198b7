/**
 * The numbers of the watermark. `hard` and `seal` name a world (a state directory), `soft` who in it.
 * An agent's soft is even and the infrastructure's odd, so that the tmux server, the runners
 * and the viewers can never be taken for an agent's. Pure.
 */

/** Least and greatest number that may name a world; the kernel's default hard limit is 819 200. */
export const WORLD_HARD = { min: 780_000, max: 819_199 } as const;
/** Least and greatest number that is a seal; what an administrator may have set is far below. */
export const SEAL = { min: 2 ** 40, max: 2 ** 48 - 1 } as const;
export const MAX_SLOT = 189_999;

/** Each slot is two further on. */
const SLOT_0_SOFT = 400_000;
/** Soft limit of tmux server, runners and viewers. */
const INFRASTRUCTURE_SOFT = 400_001;

/**
 * The rlimit watermark, inherited over fork and exec. RLIMIT_MSGQUEUE: `hard` names the state
 * directory (its world), `soft` who inside it; both in bytes, soft <= hard <= 819 200.
 * RLIMIT_LOCKS, which the kernel has not looked at since 2.4.25: `seal` keeps worlds apart that
 * drew the same `hard`.
 */
export interface Mark {
  readonly soft: number;
  readonly hard: number;
  /** 2^40 to 2^48 - 1; absent or null in a world without one, and in rows of before there were seals. */
  readonly seal?: number | null;
}

/** What names a world in every process of its own. */
export interface WorldNumbers {
  readonly hard: number;
  readonly seal: number | null;
}

/** @param slot  0 to {@link MAX_SLOT}. @throws {RangeError} for any other. */
export function agentMark(slot: number, world: WorldNumbers): Mark {
  if (!Number.isInteger(slot) || slot < 0 || slot > MAX_SLOT) {
    throw new RangeError(`slot ${slot} is not a whole number from 0 to ${MAX_SLOT}`);
  }
  return markOf(slot, world);
}

/** What the tmux server, the runners and the viewers of a world bear. */
export function infrastructureMark(world: WorldNumbers): Mark {
  return markOf(null, world);
}

/**
 * The mark that a process was seen with.
 * @param world  As a state directory keeps it: `mark` is its hard.
 * @param slot   As {@link slotOf} gave it; null: the infrastructure's.
 */
export function markIn(
  { mark, seal }: { readonly mark: number; readonly seal: number | null },
  slot: number | null,
): Mark {
  return markOf(slot, { hard: mark, seal });
}

function markOf(slot: number | null, { hard, seal }: WorldNumbers): Mark {
  return { soft: slot === null ? INFRASTRUCTURE_SOFT : SLOT_0_SOFT + 2 * slot, hard, seal };
}

/**
 * Whose mark it is: a slot, or null for the infrastructure.
 *
 * A process may move its own soft limit below the hard one. What it then shows is no slot that
 * was ever given out (a fraction, or out of range), so it has no owner and counts as a stray.
 */
export function slotOf({ soft }: Mark): number | null {
  return soft === INFRASTRUCTURE_SOFT ? null : (soft - SLOT_0_SOFT) / 2;
}

/** Whether a mark is one of that world's. */
export function isOfWorld(mark: Mark | null, { hard, seal }: WorldNumbers): boolean {
  return mark?.hard === hard && (mark.seal ?? null) === seal;
}

/** Whether both are there and name the same one of the same world. */
export function sameMark(one: Mark | null, other: Mark | null): boolean {
  if (one === null || other === null || one.soft !== other.soft) return false;
  return one.hard === other.hard && (one.seal ?? null) === (other.seal ?? null);
}
