/** Finds out what this Linux can do, best first. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ContainmentLevel } from "../../supervision/ports.ts";
import { readGroupFile, removeIfEmpty } from "../cgroup/cgroup-files.ts";
import { adoptInto } from "../cgroup/adopt.ts";
import { markScanner } from "../proc/mark-scan.ts";
import { hidepidOf, ownCgroup2Directory, ownV1Directory } from "../cgroup/cgroup-paths.ts";
import { probeHolding, probeLimit, type Finding } from "../cgroup/cgroup-probe.ts";
import { findFlock } from "../lock/find-flock.ts";
import { findPrlimit, firstExecutable } from "./find-prlimit.ts";
import { findUnshare, type UnshareFinding } from "./find-unshare.ts";
import { handControllersOn, probeLimitFile } from "./limit-files.ts";
import type { ContainmentOptions, Refusable } from "./open-containment.ts";
import { baseOfScope, LEAF_OF_SCOPE, probeScope } from "./systemd-scope.ts";
import {
  type Mark,
  type WorldNumbers,
  infrastructureMark,
  slotOf,
} from "../../kernel/watermark.ts";

export interface Mechanisms {
  /** Our roots in the hierarchies; null where one does not work or is not needed. */
  readonly roots: Readonly<
    Record<"cgroup2" | "freezer" | "pids" | "memory" | "cpu", string | null>
  >;
  readonly prlimit: string | null;
  readonly flock: string | null;
  readonly infrastructure: Mark | null;
  /** argv that makes a PID namespace; null when it was not asked for or does not work. */
  readonly unshare: readonly string[] | null;
  readonly levels: readonly ContainmentLevel[];
  /** What was asked for and is not to be had; for every deploy. */
  readonly warnings: readonly string[];
}

interface Tried extends Finding {
  /** Our root there, if it is to be used. */
  readonly root: string | null;
}

/** CAP_SYS_RESOURCE: whoever holds it may raise a hard limit, hence leave a mark. */
const CAP_SYS_RESOURCE = 24n;

export async function findMechanisms(options: ContainmentOptions): Promise<Mechanisms> {
  const { pidNamespace = false, worldHard, worldSeal = null, without = [] } = options;
  const world = { hard: worldHard, seal: worldSeal };
  const mountinfo = readFileSync("/proc/self/mountinfo", "latin1");
  const own = readFileSync("/proc/self/cgroup", "latin1");
  const mark = infrastructureMark(world);
  const tried = (parent: string | null, refusal: Refusable, probe: Probe): Promise<Tried> =>
    tryAt(parent, `corral-${options.worldName}`, without.includes(refusal), probe);
  const limit = (controller: "pids" | "memory" | "cpu", refusal: Refusable): Promise<Tried> =>
    tried(ownV1Directory(mountinfo, own, controller), refusal, (root) =>
      probeLimit(root, (group) => probeLimitFile(group, controller)),
    );

  // These need nothing of what follows; what the first throws is thrown where it is awaited.
  const findingPrlimit = findPrlimit(mark);
  findingPrlimit.catch(() => undefined);
  const findingFlock = findFlock();
  const scope2 = scopeOf(ownCgroup2Directory(mountinfo, own));
  const cgroup2 = await tried(cgroup2Base(mountinfo, own), "cgroup2", async (root) => {
    const finding = await probeHolding(root, "cgroup2");
    return finding.available && scope2 !== null ? inScope(finding, scope2, world) : finding;
  });
  const freezer = await (cgroup2.root === null
    ? tried(ownV1Directory(mountinfo, own, "freezer"), "freezer", (root) =>
        probeHolding(root, "freezer"),
      )
    : notTried("not needed: cgroup2 works"));
  const scope = await (cgroup2.root === null && !without.includes("cgroup2")
    ? probeScope(firstExecutable("systemd-run"), process.env)
    : notTried(scope2 === null ? "not needed" : `the daemon runs in ${scope2}`));
  const pids = await limit("pids", "pids-cgroup");
  const memory = await limit("memory", "memory");
  const cpu = await limit("cpu", "cpu");
  const prlimit = await findingPrlimit;
  const flock = await findingFlock;
  const hasMark = prlimit.path !== null && !without.includes("watermark");
  const namespaces = pidNamespace ? await findNamespaces(hasMark) : null;
  const offered = cgroup2.root === null ? [] : controllersBelow(dirname(cgroup2.root));
  const isRoot = process.getuid?.() === 0;

  return {
    roots: {
      cgroup2: cgroup2.root,
      freezer: freezer.root,
      pids: pids.root,
      memory: memory.root,
      cpu: cpu.root,
    },
    prlimit: prlimit.path,
    flock: flock.path,
    infrastructure: hasMark ? mark : null,
    unshare: namespaces?.argv ?? null,
    levels: [
      level("cgroup2", cgroup2),
      level("systemd-scope", { ...scope, root: scope2, detail: scopeDetail(scope) }),
      level("freezer", freezer),
      {
        mechanism: "pidns",
        available: (namespaces?.argv ?? null) !== null,
        detail: namespaces?.detail ?? 'switched off: the setting containment is not "pidns"',
      },
      {
        mechanism: "subreaper",
        available: false,
        detail: "not used: the watermark sees the same and needs no process that must live on",
      },
      { mechanism: "watermark", available: hasMark, detail: markDetail(prlimit.detail, mountinfo) },
      limitLevel("pids-cgroup", pids, offered.includes("pids")),
      limitLevel("memory", memory, offered.includes("memory")),
      limitLevel("cpu", cpu, offered.includes("cpu")),
      {
        mechanism: "nproc",
        available: prlimit.path !== null && !isRoot,
        detail: isRoot
          ? "the kernel ignores RLIMIT_NPROC for root"
          : "a ceiling per user, not per agent",
      },
      { mechanism: "runner-lock", available: flock.path !== null, detail: flock.detail },
    ],
    warnings:
      namespaces !== null && namespaces.argv === null
        ? [`The agent has no PID namespace of its own: ${namespaces.detail}.`]
        : [],
  };
}

function cgroup2Base(mountinfo: string, selfCgroup: string): string | null {
  const own = ownCgroup2Directory(mountinfo, selfCgroup);
  if (own === null || baseOfScope(own) === own) return own;
  handControllersOn(baseOfScope(own)); // a scope of our own, with no process in it but in leaves
  return baseOfScope(own);
}

/** The scope that the daemon's start has made for it; null when it sits in none. */
function scopeOf(own: string | null): string | null {
  return own === null || baseOfScope(own) === own ? null : baseOfScope(own);
}

/** What an earlier daemon left must come along, or its tmux server's agents could not join. */
async function inScope(finding: Finding, scope: string, world: WorldNumbers): Promise<Finding> {
  const scanner = markScanner(world);
  const refusal = await adoptInto(join(scope, LEAF_OF_SCOPE), async () =>
    (await scanner.scan()).filter(({ mark }) => slotOf(mark) === null).map(({ pid }) => pid),
  );
  return refusal === null ? finding : { available: false, detail: refusal };
}

type Probe = (root: string) => Promise<Finding>;

async function tryAt(
  parent: string | null,
  name: string,
  isRefused: boolean,
  probe: Probe,
): Promise<Tried> {
  if (isRefused) return notTried("switched off");
  if (parent === null) return notTried("not mounted here");
  const root = join(parent, name);
  const finding = await probe(root);
  // A root that a crashed daemon left empty is not ours to keep on doing nothing.
  if (!finding.available && existsSync(root)) removeIfEmpty(root);
  return { ...finding, root: finding.available ? root : null };
}

async function notTried(detail: string): Promise<Tried> {
  return { available: false, detail, root: null };
}

function level(
  mechanism: ContainmentLevel["mechanism"],
  { detail, root }: Tried,
): ContainmentLevel {
  return { mechanism, available: root !== null, detail };
}

function limitLevel(
  mechanism: "pids-cgroup" | "memory" | "cpu",
  v1: Tried,
  isOffered: boolean,
): ContainmentLevel {
  if (v1.root !== null || !isOffered) return level(mechanism, v1);
  return { mechanism, available: true, detail: "by cgroup2" };
}

/** Controllers that a cgroup v2 group hands on to those below it. */
function controllersBelow(group: string): readonly string[] {
  const text = readGroupFile(join(group, "cgroup.subtree_control")) ?? "";
  return text.trim().split(/\s+/);
}

/** The init of a namespace is told by its mark, so there is no such rung without marks. */
async function findNamespaces(hasMark: boolean): Promise<UnshareFinding> {
  if (!hasMark) return { argv: null, detail: "it needs the watermark, which is not available" };
  return findUnshare();
}

function scopeDetail({ available, detail }: Finding): string {
  return available
    ? `${detail}, and this daemon was not started in one: end it with "corral detach", then run "corral up"`
    : detail;
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
