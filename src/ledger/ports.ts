/** What the ledger needs: a durable list, and somebody who can undo each kind. */
import type { EventKind } from "../contract/events.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { Resource, ResourceIntent, ResourceKind } from "./resource.ts";

/** Durable storage of resources. Every method is durable when it returns, and atomic. */
export interface LedgerStore {
  /** Rows of one owner, oldest first; all states. */
  resourcesOf(owner: string): readonly Resource[];
  /** Rows of every owner that are still to be given back, oldest first. */
  heldResources(): readonly Resource[];
  /** Those of these kinds: of hundreds of agents a fraction of all. */
  heldOf(kinds: readonly ResourceKind[]): readonly Resource[];
  /** A held process set that lives in a control group of its own, whosever; null when none does. */
  heldInGroup(): Resource | null;
  /** Retained rows whose date has passed, oldest first. */
  expiredResources(now: EpochMs): readonly Resource[];
  /** Retained rows of a kind that were last changed at that time or before, oldest first, at most `max`. */
  retainedOf(kind: ResourceKind, changedUntil: EpochMs, max: number): readonly Resource[];
  /**
   * Writes down what is about to be made to be kept: straight to retained, since its owner has
   * given everything back. Durable before it is made; a row that is there already stays as it is.
   */
  keepUntil(
    owner: string,
    intents: readonly ResourceIntent[],
    until: EpochMs,
    seen: string,
  ): readonly Resource[];
  /** What a retained thing has become, once it is made. */
  describeKept(id: number, identity: unknown, seen: string): void;
  /** Ends the retention of a row at a time. */
  expire(id: number, at: EpochMs): void;
  /** Every row, newest first, at most `max`. */
  allResources(max: number): readonly Resource[];
  /** intended → held, with what proves its identity from now on. */
  confirmResource(id: number, identity: unknown): void;
  /** → releasing, all in one commit. Before the first of them is undone. */
  beginRelease(ids: readonly number[]): void;
  /**
   * What came of it, in one commit: → released only after the absence was seen, → retained
   * until a date, or a failed try recorded and the row still held.
   */
  recordReleases(outcomes: readonly ReleaseOutcome[]): void;
  /** Records a failed try; the row stays held. */
  failRelease(id: number, error: string): void;
}

/** An event that belongs to a release. */
export interface Told {
  readonly kind: EventKind;
  readonly taskId?: string;
  readonly agentId?: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What an undo saw: the thing is gone, or it is kept on purpose. */
export type Undone =
  | {
      readonly gone: true;
      readonly seen: string;
      /** Told in the commit that crosses the row out, once, whoever does it. */
      readonly tell?: Told;
    }
  | { readonly gone: false; readonly seen: string; readonly retainUntil: EpochMs };

/** One undo that was tried: what it saw, or why it failed. */
export type ReleaseOutcome =
  | { readonly resource: Resource; readonly error: null; readonly undone: Undone }
  | { readonly resource: Resource; readonly error: string; readonly undone: null };

/**
 * Removes one resource from the world and looks that it is gone. Must succeed when it is
 * already gone, may be called any number of times and by two processes at once.
 * Throws when the thing is still there or could not be looked for.
 */
export type Undo = (resource: Resource) => Promise<Undone>;

export type Undos = Readonly<Record<ResourceKind, Undo>>;
