/** The ballast, and the room inside the store, kept full while there is room for it. */
import { messageOf } from "../kernel/fault.ts";
import { MIB } from "../kernel/units.ts";
import { ballastBytes, hasRoomFor, storeRoomBytes } from "../output/disk-floors.ts";
import type { Floors } from "../output/disk-floors.ts";
import type { FileSystemView } from "../output/disk-policy.ts";
import type { Setting } from "./setting.ts";

/**
 * Fills one piece, when one is missing and the disk of the state directory would still be well
 * above its floors with all of them. Called at every look; the next one fills the next.
 */
export async function refillBallast(
  {
    ballast,
    configuration,
    log,
    store,
  }: Pick<Setting, "ballast" | "configuration" | "log" | "store">,
  { space }: FileSystemView,
  floors: Floors,
): Promise<void> {
  const wanted = ballastBytes(configuration().ballast_mb * MIB, space.totalBytes);
  if (wanted === 0) return;
  try {
    const missing = wanted - ballast.size();
    if (!hasRoomFor(Math.max(0, missing), space, floors)) return;
    store.keepRoom(storeRoomBytes(wanted));
    await ballast.fill(wanted);
  } catch (error) {
    log.warn("ballast.not_filled", { cause: messageOf(error) });
  }
}
