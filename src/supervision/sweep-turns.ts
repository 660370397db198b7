/** The sweep of a daemon that serves: at its start, then periodically, with what else comes now and then. */
import { messageOf } from "../kernel/fault.ts";
import type { AgentLoops } from "./agent-loop.ts";
import { forgetOld } from "./forget.ts";
import type { Setting } from "./setting.ts";
import type { Sweep } from "./sweep.ts";
import { watchWitnesses } from "./witness-alerts.ts";

export interface SweepParts {
  readonly setting: Setting;
  readonly loops: AgentLoops;
  readonly sweep: Sweep;
}

/** Passes over quiet agents wait for nobody: so many at once hold the event loop for some milliseconds. */
const POKES_AT_ONCE = 8;

function turnOfOthers({ timers }: Pick<Setting, "timers">): Promise<void> {
  return new Promise((resolve) => void timers.after(0, resolve));
}

/**
 * One turn: every agent's own loop looks again, what nobody holds is released, and processes that only one
 * witness sees are told.
 * @throws what a look or the store said; the next turn begins anew.
 */
export async function sweepTurn({ setting, loops, sweep }: SweepParts): Promise<void> {
  // Whatever an agent's own loop may have missed, it looks again now.
  for (const [nth, { id }] of setting.store.unfinishedAgents().entries()) {
    loops.poke(id);
    if (nth % POKES_AT_ONCE === POKES_AT_ONCE - 1) await turnOfOthers(setting);
  }
  const { steps, unknown } = await sweep({ apply: true });
  if (steps.length > 0 || unknown.length > 0) setting.log.info("sweep.done", { steps, unknown });
  await watchWitnesses(setting, loops.suspect);
}

/**
 * A turn at once and then periodically, each followed by what the store may forget. One
 * that fails is told and tried again. Forgetting a backlog takes minutes, and no sweep waits for it.
 * @returns the way to stop; done when nothing is being forgotten any more.
 */
export function sweepNowAndThen(parts: SweepParts): () => Promise<void> {
  const { setting } = parts;
  const { log, timers } = setting;
  let isStopped = false;
  let forgetting: Promise<void> | null = null;
  const forget = async (): Promise<void> => {
    try {
      const forgotten = await forgetOld(setting, () => isStopped);
      if (Object.values(forgotten).some((count) => count > 0)) log.info("store.forgot", forgotten);
    } catch (error) {
      log.warn("store.not_forgotten", { cause: messageOf(error) });
    } finally {
      forgetting = null;
    }
  };
  let cancel = (): void => undefined;
  const turn = async (): Promise<void> => {
    await sweepTurn(parts);
    if (!isStopped) forgetting ??= forget();
  };
  const next = (delayMs: number): void => {
    if (isStopped) return;
    cancel = timers.after(delayMs, () => {
      void turn()
        .catch((error: unknown) => log.warn("sweep.failed", { cause: messageOf(error) }))
        .finally(() => next(setting.configuration().sweep_ms));
    });
  };
  next(0);
  return async () => {
    isStopped = true;
    cancel();
    await forgetting;
  };
}
