/**
 * The ladder: every way to hold an agent's processes on Linux, best first.
 *
 *   rung           holds by                sees                        ends at one blow by
 *   -------------  ----------------------  --------------------------  -----------------------------
 *   cgroup2        group membership        cgroup.procs                cgroup.kill
 *   freezer (v1)   group membership        cgroup.procs                freeze, KILL each, thaw
 *   pidns (asked)  PID namespace           descent from its init       KILL of its init
 *   watermark      RLIMIT_MSGQUEUE         /proc/PID/limits            KILL of each at sight
 *
 * A set is held by every rung that its row names, and each is a witness: what one sees and
 * another does not is a mismatch. Where cgroup v2 works, the freezer is not used. The fixpoint
 * (linux-containment.ts) ends whatever any witness still sees after the blows.
 *
 * A subreaper is no rung: docs/adr/0022-no-subreaper.md.
 */
import type { ProcessSeen, ProcessSet } from "../../supervision/ports.ts";
import { readMembers } from "../cgroup/cgroup-files.ts";
import { endGroup } from "../cgroup/end-group.ts";
import { readMark } from "../proc/proc-table.ts";
import { huntMarked } from "./mark-hunt.ts";
import { namespaceRung } from "./namespace-rung.ts";
import { seeProcess } from "./process-seen.ts";
import { sameMark } from "../../kernel/watermark.ts";

export interface Rung {
  readonly mechanism: "cgroup2" | "freezer" | "pidns" | "watermark";
  /**
   * Members now; null when this rung does not hold the set.
   * @param marked  Who bears the set's mark; null for a set without one.
   * @throws {Fault} PROBE_FAILED.
   */
  members(
    set: ProcessSet,
    marked: readonly ProcessSeen[] | null,
  ): Promise<readonly ProcessSeen[] | null>;
  /** Judges single processes by what the rung shows at the moment of this call. */
  holder(set: ProcessSet): (pid: number) => boolean;
  /** Ends all that it holds, save for the spared; whether it worked, the next look tells. */
  strike(set: ProcessSet, spared: ReadonlySet<number>): Promise<void>;
}

export function ladder(): readonly Rung[] {
  return [
    groupRung("cgroup2", ({ cgroup }) => cgroup),
    groupRung("freezer", ({ freezer }) => freezer ?? null),
    namespaceRung(),
    WATERMARK,
  ];
}

function groupRung(
  mechanism: "cgroup2" | "freezer",
  groupOf: (set: ProcessSet) => string | null,
): Rung {
  return {
    mechanism,
    async members(set) {
      const group = groupOf(set);
      if (group === null) return null;
      return readMembers(group)
        .map(seeProcess)
        .filter((process) => process !== null);
    },
    holder(set) {
      const group = groupOf(set);
      const members = new Set(group === null ? [] : readMembers(group));
      return (pid) => members.has(pid);
    },
    async strike(set, spared) {
      const group = groupOf(set);
      if (group !== null) await endGroup(group, spared);
    },
  };
}

const WATERMARK: Rung = {
  mechanism: "watermark",
  members: async (_, marked) => marked,
  holder: (set) => (pid) => sameMark(readMark(pid), set.mark),
  strike: huntMarked,
};
