/** A stop, and how it is written down. */
import type { StopCause, StopRecord } from "../agents/record.ts";
import type { AgentId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { Setting } from "./setting.ts";
import { withRoom } from "./with-room.ts";

export interface StopOrder {
  readonly cause: StopCause;
  readonly reason: string;
  /** INT to TERM; 0 kills at once. Milliseconds. */
  readonly graceMs: number;
}

/** A stop as it begins. */
export function newStop({ cause, reason, graceMs }: StopOrder, now: EpochMs): StopRecord {
  return { cause, reason, graceMs, requestedAt: now, intAt: null, termAt: null, killAt: null };
}

/**
 * Writes a stop down; on a full disk with the ballast's room, and then without a grace: what
 * fills the disk would fill that room, too.
 *
 * @throws {Fault} DISK_FULL, STATE_UNUSABLE.
 */
export function recordStop(setting: Setting, agentId: AgentId, stop: StopRecord): void {
  withRoom(setting, (failures) => {
    setting.store.recordStop(agentId, failures === 0 ? stop : { ...stop, graceMs: 0 });
  });
}
