/** A ledger in memory for tests of the release: rows of one owner, as SQLite would keep them. */
import type { LedgerStore } from "../../../src/ledger/ports.ts";
import {
  isHeld,
  type Resource,
  type ResourceKind,
  type ResourceState,
} from "../../../src/ledger/resource.ts";

export function row(id: number, kind: ResourceKind, over: Partial<Resource> = {}): Resource {
  return {
    id,
    owner: "a1",
    kind,
    locator: `${kind}-${id}`,
    identity: null,
    retain: false,
    state: "held",
    attempts: 0,
    seen: null,
    error: null,
    createdAt: 1,
    changedAt: 1,
    retainUntil: null,
    ...over,
  };
}

export function memoryLedger(first: readonly Resource[]): LedgerStore {
  const rows = new Map(first.map((resource) => [resource.id, resource]));
  const list = () => [...rows.values()];
  const change = (id: number, over: Partial<Resource>): void => {
    rows.set(id, { ...rows.get(id)!, ...over });
  };
  const to = (id: number, state: ResourceState, seen: string | null = null): void =>
    change(id, { state, seen });
  const fail = (id: number, error: string): void =>
    change(id, { error, attempts: rows.get(id)!.attempts + 1 });
  return {
    resourcesOf: (owner) => list().filter((resource) => resource.owner === owner),
    heldResources: () => list().filter(isHeld),
    heldOf: (kinds) => list().filter((one) => isHeld(one) && kinds.includes(one.kind)),
    heldInGroup: () => null,
    expiredResources: () => [],
    retainedOf: () => [],
    keepUntil: () => [],
    describeKept: (id, identity, seen) => change(id, { identity, seen }),
    expire: (id, at) => change(id, { retainUntil: at }),
    allResources: (max) => list().toReversed().slice(0, max),
    confirmResource: (id) => to(id, "held"),
    beginRelease: (ids) => ids.forEach((id) => to(id, "releasing")),
    recordReleases(outcomes) {
      for (const { resource, error, undone } of outcomes) {
        if (error !== null) fail(resource.id, error);
        else if (undone.gone) to(resource.id, "released", undone.seen);
        else change(resource.id, { state: "retained", ...undone });
      }
    },
    failRelease: fail,
  };
}
