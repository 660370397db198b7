/** Finds out what this Linux can do, best first. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainmentLevel, Mark } from "../../supervision/ports.ts";
import { removeIfEmpty } from "../cgroup/cgroup-files.ts";
import { hidepidOf, ownCgroup2Directory, ownPidsDirectory } from "../cgroup/cgroup-paths.ts";
import { probeCgroup2, probePidsCgroup, type Finding } from "../cgroup/cgroup-probe.ts";
import { findPrlimit } from "./find-prlimit.ts";
import { infrastructureMark } from "./marks.ts";
import type { ContainmentOptions } from "./open-containment.ts";
import { setPidsMax } from "./process-limit.ts";

export interface Mechanisms {
  /** Our root in cgroup v2 and in v1 pids; null where it does not work. */
  readonly cgroupRoot: string | null;
  readonly pidsRoot: string | null;
  readonly prlimit: string | null;
  readonly infrastructure: Mark | null;
  readonly levels: readonly ContainmentLevel[];
}

/** CAP_SYS_RESOURCE: whoever holds it may raise a hard limit, hence leave a mark. */
const CAP_SYS_RESOURCE = 24n;

export async function findMechanisms(options: ContainmentOptions): Promise<Mechanisms> {
  const { worldName, worldHard, without = [] } = options;
  const mountinfo = readFileSync("/proc/self/mountinfo", "latin1");
  const own = readFileSync("/proc/self/cgroup", "latin1");
  const name = `corral-${worldName}`;
  const mark = infrastructureMark(worldHard);

  const cgroup = await tryAt(ownCgroup2Directory(mountinfo, own), name, probeCgroup2);
  const pids = await tryAt(ownPidsDirectory(mountinfo, own), name, (root) =>
    probePidsCgroup(root, (group) => setPidsMax(group, 16)),
  );
  const prlimit = await findPrlimit(mark);
  const isOn = (
    finding: Finding & { root: string },
    one: "cgroup2" | "pids-cgroup",
  ): string | null => (finding.available && !without.includes(one) ? finding.root : null);
  const cgroupRoot = isOn(cgroup, "cgroup2");
  const pidsRoot = isOn(pids, "pids-cgroup");
  const hasMark = prlimit.path !== null && !without.includes("watermark");
  const isRoot = process.getuid?.() === 0;
  return {
    cgroupRoot,
    pidsRoot,
    prlimit: prlimit.path,
    infrastructure: hasMark ? mark : null,
    levels: [
      {
        mechanism: "cgroup2",
        available: cgroupRoot !== null,
        detail: detailOf(cgroup, cgroupRoot),
      },
      { mechanism: "watermark", available: hasMark, detail: markDetail(prlimit.detail, mountinfo) },
      { mechanism: "pids-cgroup", available: pidsRoot !== null, detail: detailOf(pids, pidsRoot) },
      {
        mechanism: "nproc",
        available: prlimit.path !== null && !isRoot,
        detail: isRoot
          ? "the kernel ignores RLIMIT_NPROC for root"
          : "a ceiling per user, not per agent",
      },
    ],
  };
}

async function tryAt(
  parent: string | null,
  name: string,
  probe: (root: string) => Promise<Finding>,
): Promise<Finding & { readonly root: string }> {
  if (parent === null) return { available: false, detail: "not mounted here", root: "" };
  const root = join(parent, name);
  const finding = await probe(root);
  // A root that a crashed daemon left empty is not ours to keep on doing nothing.
  if (!finding.available && existsSync(root)) removeIfEmpty(root);
  return { ...finding, root };
}

function detailOf({ available, detail }: Finding, used: string | null): string {
  return available && used === null ? "switched off" : detail;
}

function markDetail(detail: string, mountinfo: string): string {
  const caveats = [];
  const hidepid = hidepidOf(mountinfo);
  // Under hidepid the kernel hides even our own processes once they are not dumpable.
  if (hidepid !== null)
    caveats.push(`/proc is mounted hidepid=${hidepid}: non-dumpable processes are hidden`);
  if (mayRaiseLimits()) caveats.push("agents have CAP_SYS_RESOURCE and could raise the limit");
  return [detail, ...caveats].join("; ");
}

function mayRaiseLimits(): boolean {
  const mask = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & (1n << CAP_SYS_RESOURCE)) !== 0n;
}
