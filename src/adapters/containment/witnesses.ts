/**
 * Who belongs to a set, according to two witnesses that know nothing of each other: the control
 * group and the watermark.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessSeen, ProcessSet, SetSighting } from "../../supervision/ports.ts";
import { readMembers } from "../cgroup/cgroup-files.ts";
import type { MarkedProcess, MarkScanner } from "../proc/mark-scan.ts";
import { readLiveStat, readMark, readUid } from "../proc/proc-table.ts";
import { sameMark } from "../proc/proc-text.ts";

/** A launch joins its group a moment before it takes its mark; that is no mismatch yet. */
const RECHECKS = 3;
const RECHECK_MS = 3;

export interface Witnesses {
  /** Members by either witness, and those that only one of two saw at this instant. */
  sight(set: ProcessSet): Promise<SetSighting>;
  /** As `sight`, with every mismatch looked at again until it is one. */
  sightSurely(set: ProcessSet): Promise<SetSighting>;
}

export interface WitnessOptions {
  readonly scanner: MarkScanner;
  readonly bootId: string;
  /** Pids that are never a member: us and those above us, our tmux server. */
  readonly protectedPids: () => ReadonlySet<number>;
}

export function witnesses({ scanner, bootId, protectedPids }: WitnessOptions): Witnesses {
  return { sight, sightSurely };

  async function sight(set: ProcessSet): Promise<SetSighting> {
    if (set.bootId !== bootId) return nobodyAfterReboot();
    // The scan first: what forks into the group meanwhile is then seen by the group.
    const marked = set.mark === null ? null : membersByMark(set, await scanner.scan());
    const grouped = set.cgroup === null ? null : membersByGroup(set.cgroup);
    return compare(marked, grouped, protectedPids());
  }

  async function sightSurely(set: ProcessSet): Promise<SetSighting> {
    let sighting = await sight(set);
    for (let again = 0; again < RECHECKS && sighting.mismatch.length > 0; again += 1) {
      await sleep(RECHECK_MS);
      sighting = settleMismatch(sighting, set);
    }
    return sighting;
  }
}

/**
 * Whether a process with a set's mark is the set's. Its uid must be ours, because anybody may
 * give himself any mark; only root's agents may have passed on to another uid.
 */
export function isOfSet(set: ProcessSet, process: ProcessSeen): boolean {
  return (process.uid === set.uid || set.uid === 0) && process.startTicks >= set.notBeforeTicks;
}

/** What the process itself shows now; null when it ended. */
export function seeProcess(pid: number): ProcessSeen | null {
  const stat = readLiveStat(pid);
  const uid = readUid(pid);
  if (stat === null || uid === null) return null;
  return { pid, startTicks: stat.startTicks, ppid: stat.ppid, uid, name: stat.name };
}

function membersByMark(set: ProcessSet, marked: readonly MarkedProcess[]): readonly ProcessSeen[] {
  return marked
    .filter((process) => sameMark(process.mark, set.mark) && isOfSet(set, process))
    .map(({ pid, startTicks, ppid, uid, name }) => ({ pid, startTicks, ppid, uid, name }));
}

function membersByGroup(cgroup: string): readonly ProcessSeen[] {
  return readMembers(cgroup)
    .map(seeProcess)
    .filter((process) => process !== null);
}

function compare(
  marked: readonly ProcessSeen[] | null,
  grouped: readonly ProcessSeen[] | null,
  spared: ReadonlySet<number>,
): SetSighting {
  const byPid = new Map<number, ProcessSeen>();
  for (const process of [...(grouped ?? []), ...(marked ?? [])]) byPid.set(process.pid, process);
  const members = [...byPid.values()].filter(({ pid }) => !spared.has(pid));
  const seen = [
    ...(grouped === null ? [] : ["cgroup2"]),
    ...(marked === null ? [] : ["watermark"]),
  ];
  if (marked === null || grouped === null) return { members, witnesses: seen, mismatch: [] };
  const inMarked = new Set(marked.map(({ pid }) => pid));
  const inGrouped = new Set(grouped.map(({ pid }) => pid));
  const mismatch = members.filter(({ pid }) => inMarked.has(pid) !== inGrouped.has(pid));
  return { members, witnesses: seen, mismatch };
}

function settleMismatch(sighting: SetSighting, set: ProcessSet): SetSighting {
  const grouped = new Set(set.cgroup === null ? [] : readMembers(set.cgroup));
  const gone = new Set<number>();
  const mismatch = sighting.mismatch.filter(({ pid, startTicks }) => {
    const now = seeProcess(pid);
    if (now?.startTicks !== startTicks) gone.add(pid);
    else return (sameMark(readMark(pid), set.mark) && isOfSet(set, now)) !== grouped.has(pid);
    return false;
  });
  const members = sighting.members.filter(({ pid }) => !gone.has(pid));
  return { members, witnesses: sighting.witnesses, mismatch };
}

/** The kernel that ran them is gone: the strongest witness of all. */
function nobodyAfterReboot(): SetSighting {
  return { members: [], witnesses: ["boot id"], mismatch: [] };
}
