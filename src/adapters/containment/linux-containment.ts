/**
 * Containment on Linux: cgroup v2 where it works, the rlimit watermark always.
 *
 *   look    both witnesses name the members; what only one names is a mismatch
 *   kill    cgroup.kill, then by mark whatever is left, until two looks see nobody
 *   limit   pids.max (v2, else v1), else a ceiling per user
 */
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Fault, messageOf } from "../../kernel/fault.ts";
import type {
  ProcessIdentity,
  ProcessSet,
  SetSighting,
  WorldProcess,
} from "../../supervision/ports.ts";
import {
  childNames,
  isPopulated,
  killGroup,
  makeDirectory,
  readMembers,
  removeGroup,
  removeIfEmpty,
} from "../cgroup/cgroup-files.ts";
import { markScanner } from "../proc/mark-scan.ts";
import { identify, isAlive, lineOf, readBootId, readMark, ticksNow } from "../proc/proc-table.ts";
import { findMechanisms } from "./linux-mechanisms.ts";
import { agentMark, slotOf, WORLD_HARD } from "./marks.ts";
import type { ContainmentOptions, OpenContainment } from "./open-containment.ts";
import { delegatePids, nprocCeiling, setPidsMax } from "./process-limit.ts";
import { strikeAll, strikeOne } from "./strike.ts";
import { seeProcess, witnesses } from "./witnesses.ts";

const WORLD_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Between two passes of a kill. Milliseconds; doubles from the first to the last. */
const PASS_MS = { first: 1, last: 8 } as const;
/** How long a killed group may take to empty before it is looked at anyway. Milliseconds. */
const EMPTYING_MS = 100;

/** Opens containment on Linux; see {@link OpenContainment}. */
export async function linuxContainment(options: ContainmentOptions): Promise<OpenContainment> {
  const { worldName, worldHard, protect = () => [] } = options;
  if (!WORLD_NAME.test(worldName)) throw new RangeError(`world name "${worldName}"`);
  if (worldHard < WORLD_HARD.min || worldHard > WORLD_HARD.max) throw new RangeError("world mark");
  const uid = process.getuid?.() ?? 0;
  const bootId = readBootId();
  const { cgroupRoot, pidsRoot, levels, ...found } = await findMechanisms(options);
  const scanner = markScanner(worldHard);
  const protectedPids = () => new Set([...lineOf(process.pid), ...protect()]);
  const { sight, sightSurely } = witnesses({ scanner, bootId, protectedPids });

  return {
    ...found,
    bootId,
    levels: () => levels,
    describe,
    plan,
    make,
    nprocFor,
    look: sightSurely,
    signal,
    kill,
    remove,
    lookEverywhere,
    killOne: (process, mark) => strikeOne(process, mark, uid, protectedPids()),
    endCompanions,
    leaves: async () => leavesNow(),
    removeRoots,
    isAlive,
    identify,
  };

  function describe(): string {
    const names = [cgroupRoot && "cgroup2", found.infrastructure && "watermark"].filter(Boolean);
    return names.length === 0 ? "none" : names.join("+");
  }

  function plan(agentId: string, slot: number): ProcessSet {
    return {
      agentId,
      mark: found.infrastructure === null ? null : agentMark(slot, worldHard),
      cgroup: cgroupRoot === null ? null : join(cgroupRoot, agentId),
      pidsCgroup: pidsRoot === null ? null : join(pidsRoot, agentId),
      bootId,
      uid,
      notBeforeTicks: ticksNow(),
    };
  }

  async function make(set: ProcessSet, maxProcesses: number): Promise<readonly string[]> {
    try {
      const isLimited = [
        makeGroup(set.cgroup, maxProcesses),
        makePids(set.pidsCgroup, maxProcesses),
      ];
      return isLimited.includes(true) ? [] : [limitWarning(nprocFor(set, maxProcesses))];
    } catch (error) {
      await remove(set).catch(() => {});
      throw new Fault(
        "LAUNCH_FAILED",
        `No control group for "${set.agentId}": ${messageOf(error)}.`,
        {
          hint: 'Run "corral doctor"; it shows which containment works here.',
          cause: error,
        },
      );
    }
  }

  function nprocFor(set: ProcessSet, maxProcesses: number): number | null {
    if (set.pidsCgroup !== null || found.prlimit === null) return null;
    if (set.cgroup !== null && delegatePids(dirname(set.cgroup))) return null;
    return nprocCeiling(maxProcesses, set.uid);
  }

  async function signal(set: ProcessSet, name: "SIGINT" | "SIGTERM"): Promise<number> {
    const { members } = await sight(set);
    return strikeAll(set, members, name, protectedPids());
  }

  async function kill(set: ProcessSet, deadlineMs: number): Promise<SetSighting> {
    const until = performance.now() + deadlineMs;
    let pause: number = PASS_MS.first;
    for (let empties = 0; ;) {
      if (set.bootId === bootId) await killInGroup(set);
      const sighting = await sight(set);
      empties = sighting.members.length === 0 ? empties + 1 : 0;
      if (empties === 2) return { ...sighting, mismatch: [] };
      if (empties === 1) continue;
      strikeAll(set, sighting.members, "SIGSTOP", protectedPids());
      strikeAll(set, sighting.members, "SIGKILL", protectedPids());
      if (performance.now() > until) return sightSurely(set);
      await sleep(pause);
      pause = Math.min(pause * 2, PASS_MS.last);
    }
  }

  /** cgroup.kill spares nobody, so it is not for a group that one of the protected sits in. */
  async function killInGroup({ cgroup }: ProcessSet): Promise<void> {
    if (cgroup === null || isPopulated(cgroup) !== true) return;
    const spared = protectedPids();
    if (readMembers(cgroup).some((pid) => spared.has(pid))) return;
    killGroup(cgroup);
    // Looking through all processes while these still end would only have to be repeated.
    const until = performance.now() + EMPTYING_MS;
    while (isPopulated(cgroup) === true && performance.now() < until) await sleep(PASS_MS.first);
  }

  async function remove(set: ProcessSet): Promise<string> {
    const groups = [set.cgroup, set.pidsCgroup].filter((path) => path !== null);
    for (const group of groups) {
      assertLeaf(group, set.agentId);
      await removeGroup(group);
    }
    return groups.length === 0 ? "no control group was made" : "control groups removed and absent";
  }

  async function lookEverywhere(): Promise<readonly WorldProcess[]> {
    const byPid = new Map<number, WorldProcess>();
    for (const { mark, ...seen } of await scanner.scan()) {
      byPid.set(seen.pid, { ...seen, slot: slotOf(mark), cgroupAgentId: null });
    }
    for (const { agentId, path } of leavesNow()) {
      for (const pid of readMembers(path)) {
        const seen = byPid.get(pid) ?? newcomer(pid);
        if (seen !== null) byPid.set(pid, { ...seen, cgroupAgentId: agentId });
      }
    }
    return [...byPid.values()];
  }

  /** Born since the scan, or without this world's mark: only its group tells whose it is. */
  function newcomer(pid: number): WorldProcess | null {
    const mark = readMark(pid);
    const seen = seeProcess(pid);
    const slot = mark?.hard === worldHard ? slotOf(mark) : null;
    return seen === null ? null : { ...seen, slot, sessionId: null, cgroupAgentId: null };
  }

  async function endCompanions(runner: ProcessIdentity): Promise<number> {
    // A session's id is not given out again while a process is in it, so the number is proof enough.
    const companions = (await scanner.scan()).filter(
      ({ sessionId, mark, pid }) =>
        sessionId === runner.pid && slotOf(mark) === null && pid !== runner.pid,
    );
    return companions.filter((process) => strikeOne(process, process.mark, uid, protectedPids()))
      .length;
  }

  function leavesNow(): readonly { readonly agentId: string; readonly path: string }[] {
    return [cgroupRoot, pidsRoot]
      .filter((root) => root !== null)
      .flatMap((root) =>
        childNames(root).map((name) => ({ agentId: name, path: join(root, name) })),
      );
  }

  async function removeRoots(): Promise<string> {
    const roots = [cgroupRoot, pidsRoot].filter((root) => root !== null);
    const kept = roots.filter((root) => !removeIfEmpty(root));
    return kept.length === 0 ? "control group roots absent" : `kept, not empty: ${kept.join(", ")}`;
  }
}

function makeGroup(group: string | null, maxProcesses: number): boolean {
  if (group === null) return false;
  makeDirectory(dirname(group));
  makeDirectory(group);
  if (!delegatePids(dirname(group))) return false;
  setPidsMax(group, maxProcesses);
  return true;
}

function makePids(group: string | null, maxProcesses: number): boolean {
  if (group === null) return false;
  makeDirectory(dirname(group));
  makeDirectory(group);
  setPidsMax(group, maxProcesses);
  return true;
}

/** A recorded path is removed only if it still reads as the leaf of that very agent. */
function assertLeaf(group: string, agentId: string): void {
  if (basename(group) === agentId && basename(dirname(group)).startsWith("corral-")) return;
  throw new RangeError(`"${group}" is not a control group of "${agentId}"`);
}

function limitWarning(nproc: number | null): string {
  return nproc === null
    ? "The number of processes is not limited here: no pids control group is writable and RLIMIT_NPROC does nothing for root."
    : `The number of processes is limited for the whole user only (RLIMIT_NPROC ${nproc}): no pids control group is writable.`;
}
