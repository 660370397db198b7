/** Pure readings of what /proc prints. */

/** Hard limit of one row of /proc/PID/limits in its own unit; null when there is none or it is unlimited. */
export function hardLimit(limits: string, row: string): number | null {
  const line = limits.split("\n").find((text) => text.startsWith(row));
  const hard = line?.slice(row.length).trim().split(/\s+/)[1];
  return hard !== undefined && /^\d+$/.test(hard) ? Number(hard) : null;
}

export const MSGQUEUE_ROW = "Max msgqueue size";

/** A mounted cgroup hierarchy. */
export interface CgroupMount {
  readonly mountPoint: string;
  /** Path inside the hierarchy that is mounted there; `/` on a host. */
  readonly root: string;
  /** null for cgroup v2; the controllers of a v1 hierarchy, `"pids"`. */
  readonly controllers: readonly string[] | null;
}

/** The cgroup mounts in /proc/self/mountinfo. */
export function cgroupMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split("\n").flatMap((line): readonly CgroupMount[] => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "/", mountPoint = ""] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    if (type === "cgroup2") return [{ mountPoint, root, controllers: null }];
    if (type === "cgroup") return [{ mountPoint, root, controllers: options.split(",") }];
    return [];
  });
}

/**
 * The directories that hold a process, from its /proc/PID/cgroup, one per mounted hierarchy,
 * each with the directories above it up to the mount.
 */
export function cgroupDirectories(
  cgroup: string,
  mounts: readonly CgroupMount[],
): readonly string[] {
  return cgroup.split("\n").flatMap((line) => {
    const [id, names = "", ...rest] = line.split(":");
    const path = rest.join(":");
    const mount = mounts.find(({ controllers }) =>
      id === "0" ? controllers === null : names !== "" && sameControllers(controllers, names),
    );
    return mount === undefined ? [] : withParents(mount, path);
  });
}

function sameControllers(controllers: readonly string[] | null, names: string): boolean {
  return controllers !== null && names.split(",").every((name) => controllers.includes(name));
}

function withParents({ mountPoint, root }: CgroupMount, path: string): readonly string[] {
  // Outside our own namespace's root there is nothing that we could look at.
  if (path.startsWith("/..")) return [];
  const inside = root !== "/" && path.startsWith(root) ? path.slice(root.length) : path;
  const parts = inside.split("/").filter((part) => part !== "");
  return parts.map((_, at) => `${mountPoint}/${parts.slice(0, at + 1).join("/")}`);
}

/** What a process says of itself that may name the demo's folder. */
export interface ProcessTexts {
  readonly pid: number;
  readonly cmdline: string;
  readonly environ: string;
  readonly cwd: string;
  /** RLIMIT_MSGQUEUE, hard, bytes; null when it cannot be told. */
  readonly mark: number | null;
}

/** True when command line, environment or folder of the process name the root or something below it. */
export function isBelow(root: string, { cmdline, environ, cwd }: ProcessTexts): boolean {
  return [cmdline, environ, cwd].some((text) => namesPath(text, root));
}

/** True when the text holds the path itself, and not merely one that begins with the same letters. */
export function namesPath(text: string, path: string): boolean {
  for (let at = text.indexOf(path); at !== -1; at = text.indexOf(path, at + 1)) {
    const next = text.charAt(at + path.length);
    if (!/[A-Za-z0-9._-]/.test(next)) return true;
  }
  return false;
}

/**
 * The mark that the demo's processes bear and the demo itself does not.
 *
 * @param ours   Processes that name the demo's folder.
 * @param plain  The mark of the demo's own process: what everybody has.
 * @returns      The most frequent other value; null when there is none to see.
 */
export function learnMark(
  ours: readonly Pick<ProcessTexts, "mark">[],
  plain: number | null,
): number | null {
  const counts = new Map<number, number>();
  for (const { mark } of ours) {
    if (mark !== null && mark !== plain) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  const [most] = [...counts].toSorted(([, a], [, b]) => b - a);
  return most?.[0] ?? null;
}
