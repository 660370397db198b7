/** Looks over all of a world's processes at once: by their marks, and by the groups of its agents. */
import { dirname } from "node:path";
import type { Containment, ProcessSet, WorldProcess } from "../../supervision/ports.ts";
import { readMembers } from "../cgroup/cgroup-files.ts";
import type { MarkScanner } from "../proc/mark-scan.ts";
import { readLiveStat, readMark } from "../proc/proc-table.ts";
import { inSlices } from "../proc/slices.ts";
import { isOfWorld, type WorldNumbers, slotOf } from "../../kernel/watermark.ts";

export interface WorldLookOptions {
  readonly scanner: MarkScanner;
  readonly world: WorldNumbers;
  readonly bootId: string;
  /** The root in which sets are held: cgroup v2's, else the freezer's; null where the mark alone holds them. */
  readonly holding: string | null;
  /** Agents' groups below all of our roots, those of the holding one first. */
  readonly leaves: () => readonly { readonly agentId: string; readonly path: string }[];
}

/**
 * Makes `lookEverywhere` of a world.
 *
 * To identify a process costs as much as to find it, and nearly all of them are where they belong: so
 * of those that a caller knows only the mark is read, then whether their group lists them. Who is
 * not listed (it left, it was born since, it is a zombie) is looked at once more, mark and all.
 */
export function worldLooks(options: WorldLookOptions): Pick<Containment, "lookEverywhere"> {
  const { bootId, holding, leaves, scanner, world } = options;

  return {
    async lookEverywhere(known = []) {
      const owners = ownersOf(known);
      const { marked, passed } = await scanner.scanPast((mark) => owners.has(slotOf(mark)));
      const seen = new Map<number, WorldProcess>();
      for (const { mark, ...process } of marked) {
        seen.set(process.pid, { ...process, slot: slotOf(mark), cgroupAgentId: null });
      }
      const belong = new Set<number>();
      await inSlices(leaves(), ({ agentId, path }) => {
        const isHolding = dirname(path) === holding;
        for (const pid of readMembers(path)) {
          if (belong.has(pid)) continue;
          const mark = passed.get(pid) ?? null;
          const isItsOwn = mark !== null && owners.get(slotOf(mark)) === agentId;
          if (isItsOwn && (isHolding || holding === null)) belong.add(pid);
          else putInGroup(seen, pid, agentId, isHolding);
        }
      });
      const strays = holding === null ? [] : [...passed.keys()].filter((pid) => !belong.has(pid));
      await inSlices(strays, (pid) => {
        const process = seen.get(pid) ?? lookAgain(pid);
        if (process !== null) seen.set(pid, process);
      });
      return [...seen.values()];
    },
  };

  /** By slot. Of another boot, or without a mark, a set tells nothing of who lives now. */
  function ownersOf(known: readonly ProcessSet[]): ReadonlyMap<number | null, string> {
    return new Map(
      known.flatMap(({ agentId, bootId: boot, mark }) =>
        mark !== null && boot === bootId && isOfWorld(mark, world) ? [[slotOf(mark), agentId]] : [],
      ),
    );
  }

  function putInGroup(
    seen: Map<number, WorldProcess>,
    pid: number,
    agentId: string,
    isHolding: boolean,
  ): void {
    const process = seen.get(pid) ?? lookAgain(pid);
    if (process === null) return;
    const heldBy = isHolding ? agentId : (process.heldBy ?? null);
    seen.set(pid, { ...process, cgroupAgentId: agentId, heldBy });
  }

  /** Who was born since the marks were read, has none of this world's, or was passed by; null when it ended. */
  function lookAgain(pid: number): WorldProcess | null {
    const mark = readMark(pid);
    const stat = readLiveStat(pid);
    if (stat === null) return null;
    const { startTicks, ppid, name, sessionId } = stat;
    const slot = mark !== null && isOfWorld(mark, world) ? slotOf(mark) : null;
    return { pid, startTicks, ppid, name, slot, sessionId, cgroupAgentId: null };
  }
}
