/**
 * Looks at the operating system, and only at it: nothing here asks Corral.
 *
 * Linux answers from /proc; elsewhere `ps` and `lsof` say what they can. A process that cannot
 * be read belongs to another user and cannot be ours; one that ends while it is read is gone.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import {
  namesPath,
  cgroupDirectories,
  cgroupMounts,
  hardLimit,
  isBelow,
  learnMark,
  MSGQUEUE_ROW,
} from "./os-text.ts";
import type { ProcessTexts } from "./os-text.ts";

/** What one look is after. */
export interface LookFor {
  /** The demo's folder, without links. */
  readonly root: string;
  /** Hard RLIMIT_MSGQUEUE of the demo's world; null while unknown, or where there is none. */
  readonly mark: number | null;
  /** cgroup directories that its processes were seen in. */
  readonly cgroups: readonly string[];
  /** Paths that must not exist in the end. */
  readonly sockets: readonly string[];
}

/** What was there. */
export interface Seen {
  /** Pids that bear the mark. */
  readonly marked: readonly number[];
  /** Pids whose command line, environment or folder name the root. */
  readonly named: readonly number[];
  /** Open files below the root, `pid: path`. */
  readonly files: readonly string[];
  /** cgroup directories that exist. */
  readonly cgroups: readonly string[];
  readonly sockets: readonly string[];
}

/** True where /proc tells all. */
export const HAS_PROC = process.platform === "linux";

/** Looks once, at every process. @throws {Error} when it could not look at all. */
export function look({ root, mark, cgroups, sockets }: LookFor): Seen {
  const rest = { cgroups: cgroups.filter(existsSync), sockets: sockets.filter(existsSync) };
  if (!HAS_PROC) return { ...lookWithPs(root), ...rest };
  const processes = allProcesses();
  return {
    marked: mark === null ? [] : pidsOf(processes.filter((one) => one.mark === mark)),
    named: pidsOf(processes.filter((one) => isBelow(root, one))),
    files: processes.flatMap(({ pid }) => filesBelow(root, pid)),
    ...rest,
  };
}

/** What distinguishes the demo's world, learnt from its running processes. */
export interface Learnt {
  readonly mark: number | null;
  readonly cgroups: readonly string[];
}

/** Directories of every cgroup hierarchy that exist now: what is here before us is not ours. */
export function existingCgroups(): ReadonlySet<string> {
  if (!HAS_PROC) return new Set();
  return new Set(mounts().flatMap(({ mountPoint }) => directoriesBelow(mountPoint)));
}

/** Learns the mark and the cgroups of the demo's processes. @param before  See {@link existingCgroups}. */
export function learnWorld(root: string, before: ReadonlySet<string>): Learnt {
  if (!HAS_PROC) return { mark: null, cgroups: [] };
  const processes = allProcesses();
  const plain = processes.find(({ pid }) => pid === process.pid)?.mark ?? null;
  const mark = learnMark(
    processes.filter((one) => isBelow(root, one)),
    plain,
  );
  const ours = processes.filter(
    (one) => isBelow(root, one) || (mark !== null && one.mark === mark),
  );
  const held = ours.flatMap(({ pid }) =>
    cgroupDirectories(readText(`/proc/${pid}/cgroup`), mounts()),
  );
  return { mark, cgroups: [...new Set(held)].filter((path) => !before.has(path)) };
}

function mounts() {
  return cgroupMounts(readText("/proc/self/mountinfo"));
}

function allProcesses(): readonly ProcessTexts[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({
      pid: Number(name),
      cmdline: readText(`/proc/${name}/cmdline`),
      environ: readText(`/proc/${name}/environ`),
      cwd: readLink(`/proc/${name}/cwd`),
      mark: hardLimit(readText(`/proc/${name}/limits`), MSGQUEUE_ROW),
    }))
    .filter(({ pid }) => !isZombie(pid));
}

/** A zombie holds a number and nothing else. */
function isZombie(pid: number): boolean {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === "" || stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

function filesBelow(root: string, pid: number): readonly string[] {
  return listOf(`/proc/${pid}/fd`)
    .map((fd) => readLink(`/proc/${pid}/fd/${fd}`))
    .filter((path) => namesPath(path, root))
    .map((path) => `${pid}: ${path}`);
}

function directoriesBelow(directory: string): string[] {
  const own = entriesOf(directory).map((name) => `${directory}/${name}`);
  return own.concat(own.flatMap(directoriesBelow));
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

function lookWithPs(root: string): Pick<Seen, "marked" | "named" | "files"> {
  const listing = execFileSync("ps", ["-Aww", "-o", "pid=,command="], { encoding: "utf8" });
  const named = listing
    .split("\n")
    .filter((line) => namesPath(line, root))
    .map((line) => Number.parseInt(line, 10));
  return { marked: [], named, files: filesFromLsof(root) };
}

/** `p<pid>` and `n<path>` lines of `lsof -F`. */
function filesFromLsof(root: string): readonly string[] {
  let pid = "";
  return lsof().flatMap((line) => {
    if (line.startsWith("p")) pid = line.slice(1);
    return line.startsWith("n") && namesPath(line, root) ? [`${pid}: ${line.slice(1)}`] : [];
  });
}

function lsof(): readonly string[] {
  const options = { encoding: "utf8", maxBuffer: 256 * 1_024 * 1_024, stdio: "pipe" } as const;
  return execFileSync("lsof", ["-nP", "-F", "pn"], options).split("\n");
}

function pidsOf(processes: readonly ProcessTexts[]): readonly number[] {
  return processes.map(({ pid }) => pid);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function listOf(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
