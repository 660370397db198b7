/**
 * The blow of the watermark: whoever bears a set's mark is killed the moment he is seen.
 *
 * A look that first gathers everybody and strikes afterwards loses to a chain of forks whose links live a few
 * milliseconds: a link is dead when its turn comes, and its child was not listed yet. Here some
 * microseconds lie between seeing and striking, and whoever is new since the last listing (few, hence
 * read at once) is looked at until a listing shows nobody new.
 */
import type { ProcessSet } from "../../supervision/ports.ts";
import { listPids, readMark } from "../proc/proc-table.ts";
import { inSlices } from "../proc/slices.ts";
import { strikeMarked } from "./strike.ts";
import { sameMark } from "../../kernel/watermark.ts";

/** Listings of one hunt; a fork bomb must not keep it from ending. */
const MAX_LISTINGS = 20;

/**
 * Kills whoever bears the set's mark, each once; whether it worked, the next look tells. Does nothing for a
 * set without a mark. Holds the event loop for a few milliseconds at a time.
 *
 * @throws {Fault} PROBE_FAILED when a process could not be looked at.
 */
export async function huntMarked(set: ProcessSet, spared: ReadonlySet<number>): Promise<void> {
  const { mark } = set;
  if (mark === null) return;
  const seen = new Set<number>();
  for (let listing = 0; listing < MAX_LISTINGS; listing += 1) {
    const begunAt = performance.now();
    const newcomers = listPids().filter((pid) => !seen.has(pid));
    if (newcomers.length === 0) return;
    const visit = (pid: number): void => {
      seen.add(pid);
      if (sameMark(readMark(pid), mark)) strikeMarked(pid, set, spared);
    };
    await inSlices(newcomers, visit, begunAt);
  }
}
