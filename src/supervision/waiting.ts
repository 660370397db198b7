/** Waiting for what events announce: the condition is looked at again after each one. */
import type { AgentId } from "../kernel/ids.ts";
import { isHeld } from "../ledger/resource.ts";
import type { Setting } from "./setting.ts";

/**
 * Waits until a condition holds.
 *
 * @param timeoutMs  How long at most. Milliseconds, >= 0.
 * @param signal     Ends the waiting early; nothing else is touched.
 * @returns          Whether the condition held in the end.
 */
export async function waitUntil(
  setting: Pick<Setting, "store" | "timers">,
  condition: () => boolean,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  if (condition()) return true;
  if (signal?.aborted === true) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onAbort = (): void => resolve(condition());
  const forget = setting.store.onEvent(() => {
    if (condition()) resolve(true);
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
