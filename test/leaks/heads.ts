/** Ground truth for counting: who lives with a tag in its argv, links of fork chains too. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { processOf } from "../helpers/os-look.ts";

/** What carries the tag until it has become the program, and what names it in a longer argument. */
const CARRIERS = /(^|\/)(prlimit|setpriv|sh|tmux)$/;
const LOOK_AGAIN_MS = 6;

/** Listings of one look; a crowd that forks must not keep it from ending. */
const MOST_LISTINGS = 10;

/**
 * Pids of live processes with that word as an argument; zombies are dead.
 *
 * A link of a fork chain lives 5 ms, and once pids have come round its child need not have the
 * highest: what is new since the listing before is looked at, until a listing shows nothing new.
 * A link and its child may then both be counted.
 */
export function headsOf(tag: string): readonly number[] {
  const seen = new Set<number>();
  const found: number[] = [];
  for (let listing = 0; listing < MOST_LISTINGS; listing += 1) {
    const news = readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && !seen.has(pid))
      .toSorted((one, other) => other - one);
    if (news.length === 0) break;
    for (const pid of news) seen.add(pid);
    found.push(...news.filter((pid) => hasTag(pid, tag)));
  }
  return found;
}

/** Waits until a tree has that many. @throws with the count when the time is up. */
export async function grown(tag: string, heads: number, withinMs = 15_000): Promise<void> {
  const end = performance.now() + withinMs;
  for (let seen = 0; seen < heads;) {
    if (performance.now() > end) throw new Error(`${seen} of ${heads} heads after ${withinMs} ms`);
    await sleep(LOOK_AGAIN_MS);
    seen = Math.max(seen, headsOf(tag).length);
  }
}

/** How many looks in a row must see nobody: one may miss a link of a chain, ten do not. */
const EMPTY_LOOKS = 10;

/**
 * Looks until a tree is gone, at most that long.
 *
 * @param strike  Called with who is seen at each look. Absent: only looks.
 * @returns how many are left, and when the first of the looks that saw nobody began, in
 *          milliseconds from the call.
 */
export async function untilGone(
  tag: string,
  withinMs: number,
  strike: (pids: readonly number[]) => void = () => undefined,
): Promise<{ readonly left: number; readonly ms: number }> {
  const from = performance.now();
  let [empties, emptySince] = [0, from];
  for (;;) {
    const lookedAt = performance.now();
    const seen = headsOf(tag);
    strike(seen);
    if (seen.length > 0) empties = 0;
    else if ((empties += 1) === 1) emptySince = lookedAt;
    if (empties === EMPTY_LOOKS) return { left: 0, ms: emptySince - from };
    if (lookedAt - from > withinMs) return { left: seen.length, ms: lookedAt - from };
    await sleep(LOOK_AGAIN_MS);
  }
}

function hasTag(pid: number, tag: string): boolean {
  const argv = processOf(pid)?.argv ?? [];
  return argv.includes(tag) && !CARRIERS.test(argv[0] ?? "");
}

/** Zombies that the links of fork chains may still be: far fewer than a user may have processes. */
const FEW_ZOMBIES = 40;
const REAPED_MS = 10_000;

/**
 * Waits, at most ten seconds, until the links of earlier fork chains have been reaped. An init that
 * is slow at it leaves thousands of zombies, which count against every process limit.
 */
export async function reaped(): Promise<void> {
  const end = performance.now() + REAPED_MS;
  while (zombies() > FEW_ZOMBIES && performance.now() < end) await sleep(20);
}

/** Of the whole machine: whose they were is not told any more. */
function zombies(): number {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => isZombie(pid)).length;
}

function isZombie(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false; // it was reaped
  }
}
