/** Receipts: what became of everything that one owner held. */
import type { Cleanup, Receipt, Survivor } from "../contract/agent.ts";
import type { LedgerRow } from "../contract/api.ts";
import { isoTime } from "../kernel/units.ts";
import { isHeld, type Resource } from "./resource.ts";

/**
 * How far the cleanup of an owner is.
 * @param resources  All of its rows.
 * @param ended      True once the owner has settled: before that it holds on purpose, unless a try to end it has failed.
 */
export function cleanupOf(
  resources: readonly Pick<Resource, "state" | "attempts">[],
  ended: boolean,
): Cleanup {
  const held = resources.filter(isHeld);
  const stuck = held.filter(({ attempts }) => attempts > 0).length;
  return { state: cleanupState(held, stuck, ended, resources.length), held: held.length, stuck };
}

function cleanupState(
  held: readonly Pick<Resource, "state">[],
  stuck: number,
  ended: boolean,
  total: number,
): Cleanup["state"] {
  if (total === 0) return "none";
  if (held.length === 0) return "clean";
  // Its processes may have survived before it could be settled.
  if (stuck > 0) return "stuck";
  return ended ? "releasing" : "pending";
}

/** Builds the receipt of an owner; `survivors` are the processes seen alive at the last look, `usage` what it has used up. */
export function receiptOf(
  owner: string,
  resources: readonly Resource[],
  ended: boolean,
  survivors: readonly Survivor[],
  usage: Receipt["usage"] = null,
): Receipt {
  return {
    owner,
    cleanup: cleanupOf(resources, ended),
    resources: resources.map((resource) => ({
      resource_id: resource.id,
      kind: resource.kind,
      locator: resource.locator,
      state: resource.state,
      seen: resource.error ?? resource.seen,
      at: isHeld(resource) ? null : isoTime(resource.changedAt),
    })),
    survivors: [...survivors],
    usage,
  };
}

/** A ledger row as the wire shows it. */
export function ledgerRow(resource: Resource): LedgerRow {
  const { id, owner, kind, locator, state, attempts, seen, error } = resource;
  return {
    id,
    owner,
    kind,
    locator,
    state,
    attempts,
    seen,
    error,
    created_at: isoTime(resource.createdAt),
    changed_at: isoTime(resource.changedAt),
  };
}
