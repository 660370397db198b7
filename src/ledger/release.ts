/**
 * The release of everything an owner holds.
 *
 * The order is the guarantee: a row is written before its thing can exist and is crossed out
 * only after the thing was seen gone. A crash between the two leaves a row whose thing may
 * or may not exist, so every undo treats "already gone" as success.
 */
import { messageOf } from "../kernel/fault.ts";
import type { LedgerStore, Undos } from "./ports.ts";
import { isHeld, type Resource } from "./resource.ts";

export interface ReleaseReport {
  readonly released: readonly Resource[];
  /** Still held: their undo failed, and the next pass will try them again. */
  readonly stuck: readonly { readonly resource: Resource; readonly error: string }[];
}

/**
 * Undoes everything an owner holds, newest first, and never stops at a failure.
 *
 * Safe to call any number of times, from any state, without the start having finished.
 *
 * @param owner  Agent id, or `"daemon"`.
 * @returns      What went and what is stuck; does not throw for a failing undo.
 */
export async function releaseAll(
  owner: string,
  store: LedgerStore,
  undos: Undos,
): Promise<ReleaseReport> {
  const released: Resource[] = [];
  const stuck: { resource: Resource; error: string }[] = [];
  for (const resource of store.resourcesOf(owner).filter(isHeld).toReversed()) {
    const error = await releaseOne(resource, store, undos);
    if (error === null) released.push(resource);
    else stuck.push({ resource, error });
  }
  return { released, stuck };
}

/**
 * Undoes one resource and records what was seen.
 * @returns null when it is released or retained; otherwise why not.
 */
export async function releaseOne(
  resource: Resource,
  store: LedgerStore,
  undos: Undos,
): Promise<string | null> {
  try {
    store.beginRelease(resource.id);
    const undone = await undos[resource.kind](resource);
    if (undone.gone) store.forgetResource(resource.id, undone.seen);
    else store.retainResource(resource.id, undone.seen, undone.retainUntil);
    return null;
  } catch (error) {
    const message = messageOf(error);
    store.failRelease(resource.id, message);
    return message;
  }
}
