/**
 * Containment on macOS: best effort, and it says so.
 *
 * There is no control group, no watermark and no subreaper there, and `ps` hides the
 * environment of Apple's own programs. What is left: the runner's descendants and its process
 * group, and everybody whom an earlier look of this daemon saw among them. A process that left
 * the tree between two looks is missed.
 */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../../kernel/fault.ts";
import type {
  ContainmentLevel,
  ProcessIdentity,
  ProcessSet,
  SetSighting,
} from "../../supervision/ports.ts";
import { probeFailed } from "../proc/proc-table.ts";
import type { ContainmentOptions, OpenContainment } from "./open-containment.ts";
import { familyOf, parsePs, PS_COLUMNS, type PsRow } from "./ps-table.ts";

const PS = "/bin/ps";
const PS_ARGS = ["-axww", "-o", PS_COLUMNS];
const PS_OPTIONS = { env: { LC_ALL: "C", TZ: process.env["TZ"] }, maxBuffer: 64 * 1_024 * 1_024 };
const PASS_MS = 20;
const REASON =
  "macOS tells no mark and has no control groups: processes that leave the runner's tree between two looks are missed";

/** Opens containment on macOS; see {@link OpenContainment}. */
export async function darwinContainment({
  protect = () => [],
  runnerScript,
}: ContainmentOptions): Promise<OpenContainment> {
  const bootId = await readBootTime();
  const uid = process.getuid?.() ?? 0;
  const seenBefore = new Map<string, Map<number, number>>();
  const levels: readonly ContainmentLevel[] = [
    { mechanism: "none", available: true, detail: `best effort: ${REASON}` },
    { mechanism: "runner-lock", available: false, detail: "macOS has no flock(1)" },
  ];

  return {
    prlimit: null,
    flock: null,
    infrastructure: null,
    bootId,
    levels: () => levels,
    describe: () => "none (best effort)",
    plan: (agentId) => ({
      agentId,
      mark: null,
      cgroup: null,
      pidsCgroup: null,
      bootId,
      uid,
      notBeforeTicks: Math.floor(Date.now() / 1_000),
    }),
    make: async () => ["Processes are found by best effort and not limited: this is macOS."],
    rlimitsFor: () => ({ nproc: null, openFiles: null, dataBytes: null, niceness: null }),
    look,
    signal: async (set, signal) => strike((await look(set)).members, signal),
    kill,
    remove: async ({ agentId }) => {
      seenBefore.delete(agentId);
      return "no control group was made";
    },
    lookEverywhere: async () => [],
    killOne: () => false, // without marks a stray cannot be told from a stranger
    endCompanions: async () => 0, // without marks a companion cannot be told from a stranger
    leaves: async () => [],
    removeRoots: async () => "no control group was made",
    roots: () => [],
    removeRoot: async () => true,
    isAlive: (process) => identify(process.pid)?.startTicks === process.startTicks,
    identify,
  };

  async function look(set: ProcessSet): Promise<SetSighting> {
    if (set.bootId !== bootId) return { members: [], witnesses: ["boot time"], mismatch: [] };
    const rows = await readRows();
    const known = seenBefore.get(set.agentId) ?? new Map<number, number>();
    const family = familyOf(rows, runnersOf(rows, set.agentId), known).filter(
      (row) => row.uid === set.uid && row.startTicks >= set.notBeforeTicks && !isProtected(row.pid),
    );
    for (const { pid, startTicks } of family) known.set(pid, startTicks);
    seenBefore.set(set.agentId, known);
    return { members: family, witnesses: ["ps (best effort)"], mismatch: [] };
  }

  async function kill(set: ProcessSet, deadlineMs: number): Promise<SetSighting> {
    const until = performance.now() + deadlineMs;
    for (let empties = 0; ;) {
      const sighting = await look(set);
      empties = sighting.members.length === 0 ? empties + 1 : 0;
      if (empties === 2 || performance.now() > until) return sighting;
      strike(sighting.members, "SIGSTOP");
      strike(sighting.members, "SIGKILL");
      if (empties === 0) await sleep(PASS_MS);
    }
  }

  /** `runner.sh DIR` where the directory is the agent's: an argv that only our host starts. */
  function runnersOf(rows: readonly PsRow[], agentId: string): ReadonlySet<number> {
    return new Set(
      rows
        .filter(({ command }) => command.includes(`${runnerScript} /`))
        .filter(({ command }) => `${command} `.includes(`/${agentId} `))
        .map(({ pid }) => pid),
    );
  }

  function isProtected(pid: number): boolean {
    return pid === process.pid || pid === process.ppid || protect().includes(pid);
  }
}

/** Identity of a live process; null when there is none (or a zombie). @throws {Fault} PROBE_FAILED. */
function identify(pid: number): ProcessIdentity | null {
  try {
    const text = execFileSync(PS, ["-ww", "-o", PS_COLUMNS, "-p", String(pid)], {
      ...PS_OPTIONS,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const row = parsePs(text).find((one) => one.pid === pid && !one.isZombie);
    return row === undefined ? null : { pid, startTicks: row.startTicks };
  } catch (error) {
    // ps exits 1 when it knows no such process; anything else is a failed look.
    if (error instanceof Error && "status" in error && error.status === 1) return null;
    throw probeFailed(PS, error);
  }
}

async function readRows(): Promise<readonly PsRow[]> {
  try {
    const { stdout } = await promisify(execFile)(PS, PS_ARGS, PS_OPTIONS);
    return parsePs(stdout);
  } catch (error) {
    throw probeFailed(PS, error);
  }
}

async function readBootTime(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("/usr/sbin/sysctl", [
      "-n",
      "kern.bootsessionuuid",
    ]);
    return stdout.trim();
  } catch (error) {
    throw probeFailed("kern.bootsessionuuid", error);
  }
}

function strike(members: readonly ProcessIdentity[], signal: NodeJS.Signals): number {
  return members.filter(({ pid, startTicks }) => {
    if (identify(pid)?.startTicks !== startTicks) return false;
    try {
      return process.kill(pid, signal);
    } catch (error) {
      if (errnoOf(error) === "ESRCH" || errnoOf(error) === "EPERM") return false;
      throw error;
    }
  }).length;
}
