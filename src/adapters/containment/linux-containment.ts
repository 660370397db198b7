/**
 * Containment on Linux: every rung of the ladder that works here, the rlimit watermark always.
 *
 *   look    all witnesses name the members; what not all name is a mismatch   (witnesses.ts)
 *   kill    each rung strikes once, then STOP and KILL for whatever any witness
 *           still sees, until two looks see nobody                            (ladder.ts)
 *   limit   a control group, else the agent's own rlimits                     (limits.ts)
 */
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Fault, messageOf } from "../../kernel/fault.ts";
import type {
  ProcessIdentity,
  ProcessSet,
  SetLimits,
  SetSighting,
} from "../../supervision/ports.ts";
import {
  childNames,
  groupInode,
  makeDirectory,
  removeGroup,
  removeIfEmpty,
} from "../cgroup/cgroup-files.ts";
import { markScanner } from "../proc/mark-scan.ts";
import { inSlices } from "../proc/slices.ts";
import { identify, isAlive, lineOf, readBootId, ticksNow } from "../proc/proc-table.ts";
import { ladder, type Rung } from "./ladder.ts";
import { limitGroups, limitWarnings, type OwnLimits, ownLimits } from "./limits.ts";
import { findMechanisms } from "./linux-mechanisms.ts";
import type { ContainmentOptions, OpenContainment } from "./open-containment.ts";
import { strikeAll, strikeOne } from "./strike.ts";
import { witnesses } from "./witnesses.ts";
import { worldLooks } from "./world-looks.ts";
import { agentMark, slotOf, WORLD_HARD } from "../../kernel/watermark.ts";

const WORLD_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Between two passes of a kill. Milliseconds; doubles from the first to the last. */
const PASS_MS = { first: 1, last: 8 } as const;

/** Looks for what a runner left of its own; the second finds nobody, as a rule. */
const COMPANION_ROUNDS = 10;

/** Opens containment on Linux; see {@link OpenContainment}. */
export async function linuxContainment(options: ContainmentOptions): Promise<OpenContainment> {
  const { worldName, worldHard, worldSeal = null, protect = () => [] } = options;
  if (!WORLD_NAME.test(worldName)) throw new RangeError(`world name "${worldName}"`);
  if (worldHard < WORLD_HARD.min || worldHard > WORLD_HARD.max) throw new RangeError("world mark");
  const world = { hard: worldHard, seal: worldSeal };
  const uid = process.getuid?.() ?? 0;
  const bootId = readBootId();
  const { roots, unshare, levels, warnings, ...found } = await findMechanisms(options);
  const rungs = ladder();
  const holding = roots.cgroup2 ?? roots.freezer;
  // The holding one first: who is listed there need not be looked for in the others.
  const ownRoots = [...new Set([holding, ...Object.values(roots)])].filter((root) => root !== null);
  const scanner = markScanner(world);
  const protectedPids = () => new Set([...lineOf(process.pid), ...protect()]);
  const { sight, sightSurely } = witnesses({ rungs, scanner, bootId, protectedPids });

  return {
    ...found,
    bootId,
    levels: () => levels,
    describe,
    plan,
    make,
    rlimitsFor,
    look: sightSurely,
    signal,
    kill,
    remove,
    ...worldLooks({ scanner, world, bootId, holding, leaves: leavesNow }),
    killOne: (process, mark) => strikeOne(process, mark, uid, protectedPids()),
    endCompanions,
    async leaves() {
      const left: { agentId: string; path: string; inode: string }[] = [];
      await inSlices(leavesNow(), (leaf) => {
        const inode = groupInode(leaf.path);
        if (inode !== null) left.push({ ...leaf, inode });
      });
      return left;
    },
    removeRoots,
    roots: () => ownRoots,
    removeRoot,
    isAlive,
    identify,
  };

  function describe(): string {
    const holders = { cgroup2: roots.cgroup2, freezer: roots.freezer, pidns: unshare };
    const names = [...Object.entries(holders), ["watermark", found.infrastructure] as const]
      .filter(([, means]) => means !== null)
      .map(([name]) => name);
    return names.length === 0 ? "none" : names.join("+");
  }

  function plan(agentId: string, slot: number): ProcessSet {
    const leafIn = (root: string | null): string | null =>
      root === null ? null : join(root, agentId);
    return {
      agentId,
      mark: found.infrastructure === null ? null : agentMark(slot, world),
      cgroup: leafIn(roots.cgroup2),
      freezer: leafIn(roots.freezer),
      pidsCgroup: leafIn(roots.pids),
      memoryCgroup: leafIn(roots.memory),
      cpuCgroup: leafIn(roots.cpu),
      pidNamespace: unshare,
      bootId,
      uid,
      notBeforeTicks: ticksNow(),
    };
  }

  async function make(set: ProcessSet, wanted: SetLimits | number): Promise<readonly string[]> {
    const limits = limitsOf(wanted);
    try {
      for (const group of [set.cgroup, set.freezer ?? null]) makeGroup(group);
      const missing = limitGroups(set, limits);
      return [...warnings, ...limitWarnings(limits, missing, rlimitsFor(set, limits))];
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

  function rlimitsFor(set: ProcessSet, wanted: SetLimits | number): OwnLimits {
    return ownLimits(set, limitsOf(wanted), found.prlimit !== null);
  }

  async function signal(set: ProcessSet, name: "SIGINT" | "SIGTERM"): Promise<number> {
    const { members } = await sight(set);
    return strikeAll(rungs, set, members, name, protectedPids());
  }

  async function kill(set: ProcessSet, deadlineMs: number): Promise<SetSighting> {
    const until = performance.now() + deadlineMs;
    let pause: number = PASS_MS.first;
    for (let empties = 0, pass = 0; ; pass += 1) {
      for (const rung of set.bootId === bootId ? strikersOf(set, pass) : []) {
        await rung.strike(set, protectedPids());
      }
      const sighting = await sight(set);
      empties = sighting.members.length === 0 ? empties + 1 : 0;
      if (empties === 2) return { ...sighting, mismatch: [] };
      if (empties === 1) continue;
      strikeAll(rungs, set, sighting.members, "SIGSTOP", protectedPids());
      strikeAll(rungs, set, sighting.members, "SIGKILL", protectedPids());
      if (performance.now() > until) return sightSurely(set);
      await sleep(pause);
      pause = Math.min(pause * 2, PASS_MS.last);
    }
  }

  /** What ends a whole set at one blow leaves the mark nobody to hunt, and a hunt costs a look. */
  function strikersOf(
    { cgroup, freezer, pidNamespace }: ProcessSet,
    pass: number,
  ): readonly Rung[] {
    const isOneBlow = [cgroup, freezer ?? null, pidNamespace ?? null].some((by) => by !== null);
    return pass === 0 && isOneBlow
      ? rungs.filter(({ mechanism }) => mechanism !== "watermark")
      : rungs;
  }

  async function remove(set: ProcessSet): Promise<string> {
    const groups = groupsOf(set);
    for (const group of groups) {
      assertLeaf(group, set.agentId);
      await removeGroup(group);
    }
    return groups.length === 0 ? "no control group was made" : "control groups removed and absent";
  }

  async function endCompanions(runner: ProcessIdentity): Promise<number> {
    let ended = 0;
    // A wall clock whose sleep is ended sleeps on in a new one until it is ended itself.
    for (let round = 0; round < COMPANION_ROUNDS; round += 1) {
      // A session's id is not given out again while a process is in it, so the number is proof enough.
      const companions = (await scanner.scan()).filter(
        ({ sessionId, mark, pid }) =>
          sessionId === runner.pid && slotOf(mark) === null && pid !== runner.pid,
      );
      if (companions.length === 0) break;
      ended += companions.filter((process) =>
        strikeOne(process, process.mark, uid, protectedPids()),
      ).length;
    }
    return ended;
  }

  function leavesNow(): readonly { readonly agentId: string; readonly path: string }[] {
    return ownRoots.flatMap((root) =>
      childNames(root).map((name) => ({ agentId: name, path: join(root, name) })),
    );
  }

  async function removeRoot(path: string): Promise<boolean> {
    if (basename(path) !== `corral-${worldName}`)
      throw new RangeError(`"${path}" is no root of ours`);
    return removeIfEmpty(path);
  }

  async function removeRoots(): Promise<string> {
    const kept = ownRoots.filter((root) => !removeIfEmpty(root));
    return kept.length === 0 ? "control group roots absent" : `kept, not empty: ${kept.join(", ")}`;
  }
}

function limitsOf(wanted: SetLimits | number): SetLimits {
  return typeof wanted === "number" ? { processes: wanted } : wanted;
}

function makeGroup(group: string | null): void {
  if (group === null) return;
  makeDirectory(dirname(group));
  makeDirectory(group);
}

/** Every directory that a set may have; a row of an earlier version names fewer. */
function groupsOf(set: ProcessSet): readonly string[] {
  const { cgroup, cpuCgroup, freezer, memoryCgroup, pidsCgroup } = set;
  return [cgroup, freezer, pidsCgroup, memoryCgroup, cpuCgroup].filter(
    (path) => path !== null && path !== undefined,
  );
}

/** A recorded path is removed only if it still reads as the leaf of that very agent. */
function assertLeaf(group: string, agentId: string): void {
  if (basename(group) === agentId && basename(dirname(group)).startsWith("corral-")) return;
  throw new RangeError(`"${group}" is not a control group of "${agentId}"`);
}
