/**
 * Signals, one process at a time, each after looking at it once more.
 *
 * Between the look and the signal a pid could in theory be given to another process. What
 * remains of that window is one system call; pids are handed out in a circle, so it would take
 * all of them to be used up within it.
 */
import { errnoOf } from "../../kernel/fault.ts";
import type { ProcessIdentity, ProcessSeen, ProcessSet } from "../../supervision/ports.ts";
import { readMark } from "../proc/proc-table.ts";
import type { Rung } from "./ladder.ts";
import { isOfSet, seeProcess } from "./process-seen.ts";
import { type Mark, sameMark } from "../../kernel/watermark.ts";

export type Blow = "SIGINT" | "SIGTERM" | "SIGSTOP" | "SIGKILL";

/** Signals those members that still are what they were, and that a rung still holds. @returns how many took it. */
export function strikeAll(
  rungs: readonly Rung[],
  set: ProcessSet,
  members: readonly ProcessSeen[],
  signal: Blow,
  spared: ReadonlySet<number>,
): number {
  const holders = rungs.map(({ holder }) => holder(set));
  return members.filter((member) => {
    const now = seeProcess(member.pid);
    if (now?.startTicks !== member.startTicks || spared.has(member.pid)) return false;
    if (!isOfSet(set, now)) return false;
    if (!holders.some((holds) => holds(member.pid))) return false;
    return send(member.pid, signal);
  }).length;
}

/** Kills whoever has that pid now, if he is of the set and bears its mark. */
export function strikeMarked(pid: number, set: ProcessSet, spared: ReadonlySet<number>): boolean {
  const now = seeProcess(pid);
  if (now === null || spared.has(pid) || !isOfSet(set, now)) return false;
  return sameMark(readMark(pid), set.mark) && send(pid, "SIGKILL");
}

/** Kills one process if it still is that process and bears that mark. */
export function strikeOne(
  process: ProcessIdentity,
  mark: Mark,
  uid: number,
  spared: ReadonlySet<number>,
): boolean {
  const now = seeProcess(process.pid);
  if (now?.startTicks !== process.startTicks || spared.has(process.pid)) return false;
  if (now.uid !== uid && uid !== 0) return false;
  return sameMark(readMark(process.pid), mark) && send(process.pid, "SIGKILL");
}

/** A process that ended meanwhile, or that is not ours to signal (EPERM), did not take it. */
function send(pid: number, signal: Blow): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) === "ESRCH" || errnoOf(error) === "EPERM") return false;
    throw error;
  }
}
