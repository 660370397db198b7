/**
 * Who belongs to a set, according to witnesses that know nothing of each other: the rungs of
 * the ladder that hold it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessSeen, ProcessSet, SetSighting } from "../../supervision/ports.ts";
import type { MarkedProcess, MarkScanner } from "../proc/mark-scan.ts";
import { readUid } from "../proc/proc-table.ts";
import type { Rung } from "./ladder.ts";
import { isOfSet, seeProcess } from "./process-seen.ts";
import { sameMark } from "../../kernel/watermark.ts";

/** A launch joins its group a moment before it takes its mark; that is no mismatch yet. */
const RECHECKS = 3;
const RECHECK_MS = 3;

export interface Witnesses {
  /** Members by any witness, and those that not all of them saw at this instant. */
  sight(set: ProcessSet): Promise<SetSighting>;
  /** As `sight`, with every mismatch looked at again until it is one. */
  sightSurely(set: ProcessSet): Promise<SetSighting>;
}

export interface WitnessOptions {
  readonly rungs: readonly Rung[];
  readonly scanner: MarkScanner;
  readonly bootId: string;
  /** Pids that are never a member: us and those above us, our tmux server. */
  readonly protectedPids: () => ReadonlySet<number>;
}

interface View {
  readonly witness: string;
  readonly members: readonly ProcessSeen[];
}

export function witnesses({ rungs, scanner, bootId, protectedPids }: WitnessOptions): Witnesses {
  return { sight, sightSurely };

  async function sight(set: ProcessSet): Promise<SetSighting> {
    if (set.bootId !== bootId) return nobodyAfterReboot();
    const marked = set.mark === null ? null : membersByMark(set, await scanner.scan());
    const views: View[] = [];
    // From the slowest to the best: what forks into a group meanwhile is then seen by the group.
    for (const { mechanism, members } of rungs.toReversed()) {
      const seen = await members(set, marked);
      if (seen !== null) views.unshift({ witness: mechanism, members: seen });
    }
    return compare(views, protectedPids());
  }

  async function sightSurely(set: ProcessSet): Promise<SetSighting> {
    let sighting = await sight(set);
    for (let again = 0; again < RECHECKS && sighting.mismatch.length > 0; again += 1) {
      await sleep(RECHECK_MS);
      sighting = settleMismatch(sighting, set);
    }
    return sighting;
  }

  function settleMismatch(sighting: SetSighting, set: ProcessSet): SetSighting {
    const holders = rungs
      .filter(({ mechanism }) => sighting.witnesses.includes(mechanism))
      .map(({ mechanism, holder }) => ({ mechanism, holds: holder(set) }));
    const gone = new Set<number>();
    const mismatch = sighting.mismatch.filter(({ pid, startTicks }) => {
      const now = seeProcess(pid);
      if (now?.startTicks !== startTicks) {
        gone.add(pid);
        return false;
      }
      const yes = holders.filter(
        ({ mechanism, holds }) => holds(pid) && (mechanism !== "watermark" || isOfSet(set, now)),
      ).length;
      return yes > 0 && yes < holders.length;
    });
    const members = sighting.members.filter(({ pid }) => !gone.has(pid));
    return { members, witnesses: sighting.witnesses, mismatch };
  }
}

function membersByMark(set: ProcessSet, marked: readonly MarkedProcess[]): readonly ProcessSeen[] {
  return marked
    .filter(({ mark }) => sameMark(mark, set.mark))
    .flatMap(({ pid, startTicks, ppid, name }) => {
      const uid = readUid(pid);
      return uid === null ? [] : [{ pid, startTicks, ppid, uid, name }];
    })
    .filter((process) => isOfSet(set, process));
}

function compare(views: readonly View[], spared: ReadonlySet<number>): SetSighting {
  const byPid = new Map<number, ProcessSeen>();
  for (const process of views.flatMap(({ members }) => members)) byPid.set(process.pid, process);
  const members = [...byPid.values()].filter(({ pid }) => !spared.has(pid));
  const pidsOf = views.map((view) => new Set(view.members.map(({ pid }) => pid)));
  const mismatch = members.filter(({ pid }) => !pidsOf.every((pids) => pids.has(pid)));
  return { members, witnesses: views.map(({ witness }) => witness), mismatch };
}

/** The kernel that ran them is gone: the strongest witness of all. */
function nobodyAfterReboot(): SetSighting {
  return { members: [], witnesses: ["boot id"], mismatch: [] };
}
