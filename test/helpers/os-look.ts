/**
 * Asks the operating system what is there: processes, control groups, sockets, files.
 * It only looks; nothing here signals or deletes.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** The rlimit watermarks of Corral lie in this range: RLIMIT_MSGQUEUE, hard limit, bytes. */
export const MARK_RANGE = { lowest: 780_000, highest: 819_199 } as const;

export interface ProcessFound {
  readonly pid: number;
  readonly ppid: number;
  /** Clock ticks after boot; with the pid it names a process for ever. */
  readonly startTicks: number;
  readonly name: string;
  readonly argv: readonly string[];
}

/** Every live process; zombies are dead. On a system without /proc it is empty. */
export function processes(): readonly ProcessFound[] {
  return pids().flatMap((pid) => processOf(pid) ?? []);
}

/** One process; undefined when there is none, or only its zombie. */
export function processOf(pid: number): ProcessFound | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const close = stat.lastIndexOf(")");
  const fields = stat.slice(close + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return {
    pid,
    ppid: Number(fields[1]),
    startTicks: Number(fields[19]),
    name: stat.slice(stat.indexOf("(") + 1, close),
    argv: (read(`/proc/${pid}/cmdline`) ?? "").split("\0").filter(Boolean),
  };
}

/** True when the process names that path in its argv, folder, environment or open files. */
export function mentions(pid: number, path: string): boolean {
  const texts = [read(`/proc/${pid}/cmdline`), read(`/proc/${pid}/environ`)];
  if (texts.some((text) => text?.includes(path))) return true;
  if (link(`/proc/${pid}/cwd`)?.startsWith(path) === true) return true;
  return names(`/proc/${pid}/fd`).some((fd) => link(`/proc/${pid}/fd/${fd}`)?.startsWith(path));
}

/** How many live processes have that word as one of their arguments. Only to count them. */
export function countByArgument(word: string): number {
  return processes().filter(({ argv }) => argv.includes(word)).length;
}

/** The hard RLIMIT_MSGQUEUE of a process, in bytes; undefined when it is unlimited, gone or unreadable. */
export function hardMarkOf(pid: number): number | undefined {
  const line = /^Max msgqueue size\s+\S+\s+(\d+)/m.exec(read(`/proc/${pid}/limits`) ?? "");
  return line === null ? undefined : Number(line[1]);
}

/** True when the process bears the watermark of some Corral. */
export function isMarked(pid: number): boolean {
  const hard = hardMarkOf(pid);
  return hard !== undefined && hard >= MARK_RANGE.lowest && hard <= MARK_RANGE.highest;
}

/** Processes in a control group and in all below it. */
export function membersOf(cgroup: string): readonly number[] {
  const own = (read(join(cgroup, "cgroup.procs")) ?? "").split("\n").filter(Boolean).map(Number);
  return [...own, ...folders(cgroup).flatMap((name) => membersOf(join(cgroup, name)))];
}

/** Every control group directory whose name begins with `corral`, in every hierarchy. */
export function corralCgroups(root = "/sys/fs/cgroup"): readonly string[] {
  return folders(root).flatMap((name) => {
    const path = join(root, name);
    const below = corralCgroups(path);
    return name.startsWith("corral") ? [path].concat(below) : below;
  });
}

/** The control groups of a process in all hierarchies, as /proc prints them; empty when it is gone. */
export function cgroupTextOf(pid: number): string {
  return read(`/proc/${pid}/cgroup`) ?? "";
}

/**
 * The directories of our own control group in which a process limit may be set: v1 pids, then v2.
 * They may not exist or not be ours to write.
 */
export function ownCgroups(): readonly string[] {
  const text = cgroupTextOf(process.pid);
  const v1 = /^\d+:pids:(.*)$/m.exec(text)?.[1];
  const v2 = /^0::(.*)$/m.exec(text)?.[1];
  // Beside v1 hierarchies the v2 one lies in a folder of its own.
  const v2Root = text.trim().includes("\n") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
  return [
    ...(v1 === undefined ? [] : [join("/sys/fs/cgroup/pids", v1)]),
    ...(v2 === undefined ? [] : [join(v2Root, v2)]),
  ];
}

/** Unix sockets below a folder that some process has bound. */
export function socketsBelow(folder: string): readonly string[] {
  return (read("/proc/net/unix") ?? "")
    .split("\n")
    .map((line) => line.split(" ").at(-1) ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
}

/** Everything below a folder, relative to it; empty when it does not exist. */
export function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
  } catch {
    return [];
  }
}

/** `pid name argv`, for people. */
export function describeProcess({ pid, name, argv }: ProcessFound): string {
  return `process ${pid} (${name}): ${argv.join(" ").slice(0, 300)}`;
}

/** Whoever has a number now, zombies too. */
export function pids(): readonly number[] {
  return names("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Files of /proc vanish while one reads them: absent is an answer here. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function names(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function folders(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** What a process holds of the machine's memory, as the kernel counts it. Bytes. @throws when there is no such process. */
export function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1_024;
}
