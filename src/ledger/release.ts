/**
 * The release of everything an owner holds.
 *
 * The order is the guarantee: a row is written before its thing can exist and is crossed out
 * only after the thing was seen gone. A crash between the two leaves a row whose thing may
 * or may not exist, so every undo treats "already gone" as success.
 */
import { messageOf } from "../kernel/fault.ts";
import type { LedgerStore, ReleaseOutcome, Undos } from "./ports.ts";
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
  const held = store.resourcesOf(owner).filter(isHeld).toReversed();
  // One commit before the first undo and one after the last: a crash between them leaves rows
  // whose things are gone, which is what every undo expects.
  store.beginRelease(held.map(({ id }) => id));
  const outcomes: ReleaseOutcome[] = [];
  for (const resource of held) outcomes.push(await undo(resource, undos));
  store.recordReleases(outcomes);
  return {
    released: outcomes.filter(({ error }) => error === null).map(({ resource }) => resource),
    stuck: outcomes.flatMap(({ resource, error }) => (error === null ? [] : [{ resource, error }])),
  };
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
  store.beginRelease([resource.id]);
  const outcome = await undo(resource, undos);
  store.recordReleases([outcome]);
  return outcome.error;
}

async function undo(resource: Resource, undos: Undos): Promise<ReleaseOutcome> {
  try {
    return { resource, error: null, undone: await undos[resource.kind](resource) };
  } catch (error) {
    return { resource, error: messageOf(error), undone: null };
  }
}
