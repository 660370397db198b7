/**
 * The numbers of the watermark. `hard` and `seal` name a world (a state directory), `soft` who in it.
 * An agent's soft is even and the infrastructure's odd, so that the tmux server, the runners
 * and the viewers can never be taken for an agent's.
 */
import type { Mark } from "../../supervision/ports.ts";
import type { WorldNumbers } from "../proc/proc-text.ts";

/** Least and greatest number that may name a world; the kernel's default hard limit is 819 200. */
export const WORLD_HARD = { min: 780_000, max: 819_199 } as const;
export const MAX_SLOT = 189_999;

const AGENT_SOFT_BASE = 400_000;
const INFRASTRUCTURE_SOFT = 400_001;

/** @param slot  0 to {@link MAX_SLOT}. */
export function agentMark(slot: number, { hard, seal }: WorldNumbers): Mark {
  if (!Number.isInteger(slot) || slot < 0 || slot > MAX_SLOT) {
    throw new RangeError(`slot ${slot} is not a whole number from 0 to ${MAX_SLOT}`);
  }
  return { soft: AGENT_SOFT_BASE + 2 * slot, hard, seal };
}

/** What the tmux server, the runners and the viewers of a world bear. */
export function infrastructureMark({ hard, seal }: WorldNumbers): Mark {
  return { soft: INFRASTRUCTURE_SOFT, hard, seal };
}

/**
 * Whose mark it is: a slot, or null for the infrastructure.
 *
 * A process may move its own soft limit below the hard one. What it then shows is no slot that
 * was ever given out (a fraction, or out of range), so it has no owner and counts as a stray.
 */
export function slotOf(mark: Mark): number | null {
  if (mark.soft === INFRASTRUCTURE_SOFT) return null;
  return (mark.soft - AGENT_SOFT_BASE) / 2;
}
