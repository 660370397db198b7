/** Waiting for what events announce: the condition is looked at again after each one. */
import type { CorralEvent } from "../contract/events.ts";
import type { AgentId } from "../kernel/ids.ts";
import { isHeld } from "../ledger/resource.ts";
import type { Setting } from "./setting.ts";

/**
 * Waits until a condition holds.
 *
 * @param condition  Asked at the start, after each event (with it), and at the end.
 * @param timeoutMs  How long at most. Milliseconds, >= 0.
 * @param signal     Ends the waiting early; nothing else is touched.
 * @returns          Whether the condition held in the end.
 */
export async function waitUntil(
  setting: Pick<Setting, "store" | "timers">,
  condition: (event?: CorralEvent) => boolean,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  if (condition()) return true;
  if (signal?.aborted === true) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onAbort = (): void => resolve(condition());
  const forget = setting.store.onEvent((event) => {
    if (condition(event)) resolve(true);
  });
  const cancel = setting.timers.after(timeoutMs, onAbort);
  signal?.addEventListener("abort", onAbort);
  try {
    return await promise;
  } finally {
    forget();
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * A condition over many agents that costs one look per event, and not one per agent.
 *
 * @param isDone  True once for all: an agent that is done is not asked about again.
 * @param needed  How many must be done.
 * @returns       What {@link waitUntil} asks; without an event it looks at all that are left.
 */
export function enoughAre(
  ids: readonly AgentId[],
  isDone: (id: AgentId) => boolean,
  needed: number,
): (event?: CorralEvent) => boolean {
  const left = new Set(ids);
  return (event) => {
    const about = event === undefined ? [...left] : [event.agent_id ?? ""];
    for (const id of about) if (left.has(id) && isDone(id)) left.delete(id);
    return ids.length - left.size >= needed;
  };
}

/** Settled, and everything it held is released or retained. */
export function isClean({ store }: Pick<Setting, "store">, agentId: AgentId): boolean {
  const agent = store.agent(agentId);
  if (agent === null) return true;
  return agent.endedAt !== null && !store.resourcesOf(agentId).some(isHeld);
}

/** Clean, or known to be stuck: the next thing that can happen is a later try. */
export function isCleanOrStuck(setting: Pick<Setting, "store">, agentId: AgentId): boolean {
  if (isClean(setting, agentId)) return true;
  const held = setting.store.resourcesOf(agentId).filter(isHeld);
  return held.some(({ attempts }) => attempts > 0);
}
