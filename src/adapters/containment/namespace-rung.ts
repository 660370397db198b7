/**
 * The rung of PID namespaces. Nobody leaves one, every orphan in it falls to its init, and the
 * kernel kills all in it when the init dies.
 *
 * The init is a shell of ours that never touches its limits, so it is found by the set's mark.
 * Its parent, the `unshare` that waits for it outside, is counted with the set.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../../kernel/fault.ts";
import type { ProcessIdentity, ProcessSeen, ProcessSet } from "../../supervision/ports.ts";
import { familyBelow, isNamespaceInit } from "../proc/descent.ts";
import { isAlive, lineOf, readLiveStat, readMark } from "../proc/proc-table.ts";
import type { Rung } from "./ladder.ts";
import { seeProcess } from "./process-seen.ts";
import { sameMark } from "../../kernel/watermark.ts";

/** The init is gone only when all in its namespace are: how long that may take. Milliseconds. */
const EMPTYING_MS = 100;
const POLL_MS = 1;

export function namespaceRung(): Rung {
  /** Inits by agent, as last seen: a kill needs no look through all processes first. */
  const inits = new Map<string, ProcessIdentity>();
  return { mechanism: "pidns", members, holder, strike };

  async function members(
    set: ProcessSet,
    marked: readonly ProcessSeen[] | null,
  ): Promise<readonly ProcessSeen[] | null> {
    if (!isNamespaced(set)) return null;
    const init = marked?.find(({ pid }) => isNamespaceInit(pid));
    if (init === undefined) {
      inits.delete(set.agentId);
      return null; // not made yet, or ended; then nobody can be in it
    }
    inits.set(set.agentId, init);
    const outside = marked?.filter(({ pid }) => pid === init.ppid) ?? [];
    return [...outside, ...(await familyBelow(init.pid))];
  }

  function holder(set: ProcessSet): (pid: number) => boolean {
    const init = isNamespaced(set) ? inits.get(set.agentId) : undefined;
    if (init === undefined || !isAlive(init)) return () => false;
    const outside = readLiveStat(init.pid)?.ppid;
    return (pid) => pid === outside || lineOf(pid).includes(init.pid);
  }

  async function strike(set: ProcessSet, spared: ReadonlySet<number>): Promise<void> {
    const init = isNamespaced(set) ? inits.get(set.agentId) : undefined;
    if (init === undefined || [...spared].some((pid) => lineOf(pid).includes(init.pid))) return;
    const now = seeProcess(init.pid);
    if (now?.startTicks !== init.startTicks || !sameMark(readMark(init.pid), set.mark)) return;
    // Its unshare first: some versions would call the init's death by KILL an exit with code 1.
    if (sameMark(readMark(now.ppid), set.mark)) end(now.ppid);
    end(init.pid);
    const until = performance.now() + EMPTYING_MS;
    while (isAlive(init) && performance.now() < until) await sleep(POLL_MS);
  }
}

function isNamespaced({ pidNamespace }: ProcessSet): boolean {
  return pidNamespace !== undefined && pidNamespace !== null;
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH" && errnoOf(error) !== "EPERM") throw error;
  }
}
