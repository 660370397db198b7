/** What is said between a thread that searches and whoever asks it. */
import type { PatternPlan } from "../../output/pattern-plan.ts";
import type { LineRun, ScanRange } from "../../output/ports.ts";

/** Both places of what the thread shares with whoever asks it. */
export const SHARED = {
  /** Counts up while a question goes on. */
  beats: 0,
  /** Number of the newest search whose answers nobody wants any more. */
  dropped: 1,
} as const;

/** One pattern, for as long as somebody asks about it. */
export interface Search {
  /** No two searches of a process have the same; ascending, > 0. */
  readonly number: number;
  readonly pattern: string;
  readonly plan: PatternPlan;
}

/** Where to look: at bytes that are sent, or at a file. */
export type SearchWork = { readonly block: Uint8Array } | { readonly range: ScanRange };

export type MatcherQuestion = SearchWork & { readonly search: Search };

/** What a search found: where lines start in a block, or runs of them in a file. */
export type MatcherFound =
  | { readonly starts: readonly number[] }
  | { readonly runs: readonly LineRun[] };

export type MatcherAnswer =
  | { readonly found: MatcherFound }
  /** What could not be read, and why. */
  | { readonly failed: string }
  /** Its search was dropped. */
  | { readonly dropped: true };
