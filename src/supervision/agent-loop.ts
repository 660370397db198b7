/**
 * The loop of each agent: observe → decide → perform → record, serial per agent.
 *
 * A poke is a hint that something may have changed; pokes while a pass runs are one more
 * pass after it (a one-slot mailbox). A slow resync makes every hint optional.
 */
import { asFault, messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { Undos } from "../ledger/ports.ts";
import type { StopRecord } from "../agents/record.ts";
import { passesUntilWait } from "./agent-pass.ts";
import type { ProcessSeen } from "./ports.ts";
import type { Setting } from "./setting.ts";
import { freshMemory, type Memory } from "./sighting.ts";
import { newStop, recordStop, type StopOrder } from "./stops.ts";

/** After a ring: looks this often, for so long. */
const RANG_LOOK_MS = 500;
const RANG_MS = 5 * SECOND_MS;

export interface AgentLoops {
  /** Its runner rang: as a poke, and a few more looks soon after, since a ring tells that something is due. */
  rang(agentId: AgentId): void;
  /** Something may have changed for this agent; returns at once. */
  poke(agentId: AgentId): void;
  /** As a poke; its process set is looked at as well, for what only one witness sees. */
  suspect(agentId: AgentId): void;
  /** Leaves an agent alone until the returned function is called: its deploy owns it meanwhile. */
  holdBack(agentId: AgentId): () => void;
  /** Begins the stop of an agent; an earlier cause stays, the grace only shrinks. */
  stop(agentId: AgentId, stop: StopOrder): void;
  /** Keeps a stop that kills the agent and cannot be written down; the first pass that can writes it. */
  keepStop(agentId: AgentId, stop: StopRecord): void;
  /** Processes that the last look saw alive of an agent that should have none. */
  survivors(agentId: AgentId): readonly ProcessSeen[];
  /** Runs passes for these agents until each is at rest or can only wait; for an offline sweep. */
  runOnce(agentIds: readonly AgentId[]): Promise<void>;
  /** Starts no further pass and waits for those that run. Agents go on. */
  close(): Promise<void>;
}

interface Slot {
  readonly memory: Memory;
  running: Promise<void> | null;
  again: boolean;
  heldBack: boolean;
  cancelTimer: () => void;
}

/** Makes the loops; nothing runs until somebody pokes. */
export function agentLoops(setting: Setting, undos: Undos): AgentLoops {
  const slots = new Map<AgentId, Slot>();
  let isClosed = false;

  const slotOf = (agentId: AgentId): Slot => {
    let slot = slots.get(agentId);
    if (slot === undefined) {
      slot = {
        memory: freshMemory(),
        running: null,
        again: false,
        heldBack: false,
        cancelTimer: () => undefined,
      };
      slots.set(agentId, slot);
    }
    return slot;
  };

  const poke = (agentId: AgentId): void => {
    if (isClosed) return;
    const slot = slotOf(agentId);
    if (slot.heldBack || slot.running !== null) {
      slot.again = true;
      return;
    }
    slot.cancelTimer();
    slot.again = false;
    slot.running = runPasses(agentId, slot).finally(() => {
      slot.running = null;
      if (slot.again) poke(agentId);
    });
  };

  const runPasses = async (agentId: AgentId, slot: Slot): Promise<void> => {
    let wake: EpochMs | null;
    try {
      wake = await passesUntilWait(setting, undos, agentId, slot.memory);
    } catch (error) {
      // A probe or the disk failed: nothing is known, so nothing is concluded.
      setting.log.warn("agent.pass_failed", {
        agentId,
        error: messageOf(asFault(error)),
        cause: messageOf(error),
      });
      wake = setting.clock.now() + SECOND_MS;
    }
    if (wake === null) slots.delete(agentId);
    else if (!isClosed) arm(agentId, slot, wake);
  };

  const arm = (agentId: AgentId, slot: Slot, wake: EpochMs): void => {
    const now = setting.clock.now();
    const { rangAt } = slot.memory;
    const isDue = rangAt !== null && now - rangAt < RANG_MS;
    const longest = isDue ? RANG_LOOK_MS : resyncAfter(now, setting.configuration().resync_ms);
    const delay = Math.min(Math.max(0, wake - now), longest);
    slot.cancelTimer = setting.timers.after(delay, () => poke(agentId));
  };

  return {
    poke,
    rang(agentId) {
      slotOf(agentId).memory.rangAt = setting.clock.now();
      poke(agentId);
    },
    suspect(agentId) {
      slotOf(agentId).memory.isSuspect = true;
      poke(agentId);
    },
    holdBack(agentId) {
      const slot = slotOf(agentId);
      slot.heldBack = true;
      return () => {
        slot.heldBack = false;
        poke(agentId);
      };
    },
    stop(agentId, order) {
      // What killed it stays the cause, however late it is written down.
      const kept = slots.get(agentId)?.memory.unwrittenStop ?? null;
      recordStop(setting, agentId, kept ?? newStop(order, setting.clock.now()));
      poke(agentId);
    },
    keepStop(agentId, stop) {
      const { memory } = slotOf(agentId);
      memory.unwrittenStop ??= { ...stop, graceMs: 0 };
    },
    survivors: (agentId) => slots.get(agentId)?.memory.members ?? [],
    async runOnce(agentIds) {
      for (const agentId of agentIds) {
        await runPasses(agentId, slotOf(agentId));
      }
    },
    async close() {
      isClosed = true;
      for (const slot of slots.values()) slot.cancelTimer();
      const running = [...slots.values()].flatMap((slot) => slot.running ?? []);
      await Promise.all(running);
    },
  };
}

/** Looks that nothing asks for come together, in so many rounds: one wakes the process once. */
const RESYNC_ROUNDS = 6;

/** Until the last round that is no later than the resync. Milliseconds. */
function resyncAfter(now: EpochMs, resyncMs: number): number {
  const between = Math.ceil(resyncMs / RESYNC_ROUNDS);
  return Math.floor((now + resyncMs) / between) * between - now;
}
