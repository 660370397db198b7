/**
 * Proves with the operating system that a whole test run leaves nothing behind.
 *
 * Before the first test it makes one root for every temporary file (TMPDIR of all tests) and
 * puts the run under a process limit. After the last it looks for what is left of the run and
 * fails it, by name. It never signals and never deletes what it finds: a leak is a bug to
 * read about, and the machine may be shared.
 *
 * What counts as left behind:
 *   - a process in the run's control group (v1 pids or v2, where one can be made), whatever it has scrubbed
 *   - a process that mentions the root in argv, folder, environment or open files
 *   - a process with a Corral watermark that was not there before
 *   - a control group directory corral… that was not there before
 *   - a bound socket or a file below the root
 *
 * What bears a mark or a name of Corral but lies outside our control group may be another's: of
 * a run at the same time, or of a Corral that somebody uses on this machine. In CI it fails the
 * run like the rest; elsewhere it is reported, unless there is no group to tell the two apart.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PROGRAMS_FOLDER } from "./fault-programs.ts";
import {
  cgroupTextOf,
  corralCgroups,
  describeProcess,
  filesBelow,
  hardMarkOf,
  isMarked,
  membersOf,
  mentions,
  ownCgroups,
  processes,
  processOf,
  type ProcessFound,
  socketsBelow,
} from "./os-look.ts";

/** Processes and threads that a run may have at once: far above its need, far below the machine's. */
const MOST_PROCESSES = 3_000;
/** How long what is just ending may take to end. */
const PATIENCE_MS = Number(process.env["CORRAL_TEST_PATIENCE_MS"] ?? 5_000);
const LOOK_AGAIN_MS = 100;
const RUN_CGROUP = "corral-run-";

interface Run {
  readonly root: string;
  /** The run's own control group; undefined where none can be made. */
  readonly cgroup: string | undefined;
  readonly before: {
    readonly processes: ReadonlySet<string>;
    readonly marks: ReadonlySet<number>;
    readonly cgroups: ReadonlySet<string>;
  };
}

export interface Leftovers {
  /** Certainly this run's. */
  readonly ours: readonly string[];
  /** New, and perhaps of another run or of a Corral in use. */
  readonly perhaps: readonly string[];
}

let run: Run | undefined;

/** vitest calls it once, before any test file. */
export function setup(): void {
  run = begin();
}

/** vitest calls it once, after the last test file; its failure fails the run. */
export async function teardown(): Promise<void> {
  if (run === undefined) return;
  rmSync(join(run.root, PROGRAMS_FOLDER), { recursive: true, force: true });
  const { ours, perhaps } = await waitForNothing(run);
  for (const line of perhaps) report(`new, but outside this run's control group: ${line}`);
  if (ours.length > 0) {
    for (const line of ours) report(line);
    process.exitCode = 1;
    proveEmpty(run, 1); // an empty group is no use to whoever reads about the leak
    throw new Error(`${ours.length} things were left behind:\n  ${ours.join("\n  ")}`);
  }
  rmSync(run.root, { recursive: true });
}

function begin(): Run {
  const before = {
    processes: new Set(processes().map(identity)),
    marks: new Set(
      processes().flatMap(({ pid }) => (isMarked(pid) ? (hardMarkOf(pid) ?? []) : [])),
    ),
    cgroups: new Set(corralCgroups()),
  };
  // Short, because sockets live below it and their paths may have 107 bytes.
  const root = mkdtempSync(join(realpathSync(tmpdir()), "corral-"));
  process.env["CORRAL_TEST_ROOT"] = root;
  process.env["TMPDIR"] = root;
  return { root, before, cgroup: limitProcesses() };
}

/** Every child is born into the group of its parent, so moving ourselves is enough. */
function limitProcesses(): string | undefined {
  const made = ownCgroups()
    .map((own) => join(own, `${RUN_CGROUP}${process.pid}`))
    .find(enterNewCgroup);
  if (made !== undefined) return made;
  if (process.getuid?.() !== 0) limitByUser();
  report("no control group can be made here: scrubbed processes cannot be traced to this run");
  return undefined;
}

function enterNewCgroup(cgroup: string): boolean {
  try {
    mkdirSync(cgroup);
  } catch {
    return false;
  }
  try {
    const limit = join(cgroup, "pids.max"); // absent in v2 where the controller is not handed down
    if (existsSync(limit)) writeFileSync(limit, String(MOST_PROCESSES));
    writeFileSync(join(cgroup, "cgroup.procs"), String(process.pid));
    return true;
  } catch {
    rmdirSync(cgroup);
    return false;
  }
}

/** RLIMIT_NPROC counts all processes of a user, and root is exempt from it. */
function limitByUser(): void {
  const most = processes().length + MOST_PROCESSES;
  const made = spawnSync("prlimit", [`--pid=${process.pid}`, `--nproc=${most}`]);
  if (made.status !== 0) report("no process limit: prlimit is not installed");
}

/**
 * Looks until nothing is left, at most that long. One empty look proves nothing, since a process
 * that forks may be missed, parent and child; that the kernel lets the group be removed does, and where
 * there is none a second empty look has to do.
 */
async function waitForNothing(current: Run): Promise<Leftovers> {
  const deadline = Date.now() + PATIENCE_MS;
  let emptyLooks = 0;
  for (;;) {
    if (current.cgroup !== undefined) moveOurselvesOut(current.cgroup);
    const left = look(current);
    emptyLooks = left.ours.length === 0 ? emptyLooks + 1 : 0;
    const failure = emptyLooks > 0 ? proveEmpty(current, emptyLooks) : "something is left";
    if (failure === undefined) return left;
    if (Date.now() > deadline) {
      return emptyLooks === 0 ? left : { ...left, ours: [`control group: ${failure}`] };
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

/** What speaks against it; undefined when nothing does. */
function proveEmpty({ cgroup }: Run, emptyLooks: number): string | undefined {
  if (cgroup === undefined) return emptyLooks < 2 ? "looked only once" : undefined;
  try {
    rmdirSync(cgroup);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

function look(current: Run): Leftovers {
  const ours: string[] = [];
  const perhaps: string[] = [];
  const doubtful = isAlone(current) ? ours : perhaps;
  for (const found of processes()) {
    if (current.before.processes.has(identity(found)) || isOurself(found)) continue;
    if (isCertainlyOurs(found, current)) ours.push(describeProcess(found));
    else if (isNewMark(found, current)) doubtful.push(`marked ${describeProcess(found)}`);
  }
  for (const path of corralCgroups()) {
    if (current.before.cgroups.has(path) || path === current.cgroup) continue;
    const isInside = isWithin(path, current.cgroup);
    if (!isInside && isOtherRuns(path)) continue;
    (isInside ? ours : doubtful).push(`control group ${path}`);
  }
  ours.push(...socketsBelow(current.root).map((path) => `socket ${path}`));
  ours.push(...filesBelow(current.root).map((path) => `file ${join(current.root, path)}`));
  return { ours, perhaps };
}

function isCertainlyOurs({ pid }: ProcessFound, { cgroup, root }: Run): boolean {
  return (cgroup !== undefined && membersOf(cgroup).includes(pid)) || mentions(pid, root);
}

function isNewMark({ pid }: ProcessFound, { before }: Run): boolean {
  const isMarkNew = isMarked(pid) && !before.marks.has(hardMarkOf(pid) ?? 0);
  return isMarkNew && !isOtherRuns(cgroupTextOf(pid));
}

/** This process, and what vitest itself keeps until later: tests run in workers, so no child of theirs is a direct one. */
function isOurself({ pid, ppid }: ProcessFound): boolean {
  return pid === process.pid || ppid === process.pid;
}

/** Only asked about what does not lie within our own group. */
function isOtherRuns(cgroup: string): boolean {
  return cgroup.includes(`/${RUN_CGROUP}`);
}

function isWithin(path: string, folder: string | undefined): boolean {
  return folder !== undefined && path.startsWith(`${folder}/`);
}

/** True when everything new on this machine must be ours. */
function isAlone({ cgroup }: Run): boolean {
  return process.env["CI"] !== undefined || cgroup === undefined;
}

/** Leaves the group, with what vitest itself still runs. */
function moveOurselvesOut(cgroup: string): void {
  for (const pid of membersOf(cgroup)) {
    const found = processOf(pid);
    if (found === undefined || !isOurself(found)) continue;
    try {
      writeFileSync(join(dirname(cgroup), "cgroup.procs"), String(pid));
    } catch {
      // A worker that has just ended cannot be moved and need not be.
    }
  }
}

function identity({ pid, startTicks }: ProcessFound): string {
  return `${pid}@${startTicks}`;
}

function report(line: string): void {
  process.stderr.write(`leak guard: ${line}\n`);
}
