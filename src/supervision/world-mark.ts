/** The marks of a world, for whoever ends one process of it. Pure. */
import { INFRASTRUCTURE_SOFT, type Mark } from "./ports.ts";
import type { World } from "./store.ts";

/** Soft limit of the first slot; each slot is two further on. */
export const SLOT_0_SOFT = 400_000;

/**
 * @param slot  As a look gave it; a process that moved its own soft limit shows a fraction, or one
 *              that was never given out. Null: the infrastructure.
 */
export function markIn({ mark, seal }: World, slot: number | null): Mark {
  return { soft: slot === null ? INFRASTRUCTURE_SOFT : SLOT_0_SOFT + 2 * slot, hard: mark, seal };
}
