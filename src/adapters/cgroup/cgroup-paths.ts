/** Where the kernel lets us make control groups. Pure; the texts come from /proc/self. */
import { join } from "node:path";

interface MountLine {
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly superOptions: readonly string[];
}

/**
 * Directory of our own cgroup v2 group.
 * @returns null when no cgroup2 file system is mounted where we are.
 */
export function ownCgroup2Directory(mountinfo: string, selfCgroup: string): string | null {
  const own = /^0::(.*)$/m.exec(selfCgroup)?.[1];
  const mount = parseMounts(mountinfo).find(({ type }) => type === "cgroup2");
  return own === undefined || mount === undefined ? null : inside(mount, own);
}

/** Where the whole cgroup v2 hierarchy is mounted; null when it is not, or only a part of it. */
export function cgroup2MountPoint(mountinfo: string): string | null {
  const mount = parseMounts(mountinfo).find(({ type }) => type === "cgroup2");
  return mount?.root === "/" ? mount.point : null;
}

/** Directory of our own group in the v1 hierarchy of a controller; null when there is none. */
export function ownV1Directory(
  mountinfo: string,
  selfCgroup: string,
  controller: "pids" | "freezer" | "memory" | "cpu",
): string | null {
  const own = new RegExp(String.raw`^\d+:(?:[^:\n]*,)?${controller}(?:,[^:\n]*)?:(.*)$`, "m").exec(
    selfCgroup,
  )?.[1];
  const mount = parseMounts(mountinfo).find(
    ({ type, superOptions }) => type === "cgroup" && superOptions.includes(controller),
  );
  return own === undefined || mount === undefined ? null : inside(mount, own);
}

/** The `hidepid` option of /proc; null when every process is shown. */
export function hidepidOf(mountinfo: string): string | null {
  const proc = parseMounts(mountinfo).find(
    ({ type, point }) => type === "proc" && point === "/proc",
  );
  const option = proc?.superOptions.find((one) => one.startsWith("hidepid="));
  const value = option?.slice("hidepid=".length);
  return value === undefined || value === "0" || value === "off" ? null : value;
}

/** A bind mount shows the hierarchy from `root` down; our path must be below it to be visible. */
function inside({ root, point }: MountLine, own: string): string | null {
  if (root === "/") return join(point, own === "/" ? "" : own);
  if (own !== root && !own.startsWith(`${root}/`)) return null;
  return join(point, own === root ? "" : own.slice(root.length));
}

/** Lines of proc_pid_mountinfo(5); spaces in paths are written as octal escapes. */
function parseMounts(mountinfo: string): readonly MountLine[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before, after] = line.split(" - ");
    const [, , , root, point] = before?.split(" ") ?? [];
    const [type, , superOptions] = after?.split(" ") ?? [];
    if (root === undefined || point === undefined || type === undefined) return [];
    const options = superOptions?.split(",") ?? [];
    return [{ root: unescape(root), point: unescape(point), type, superOptions: options }];
  });
}

function unescape(path: string): string {
  return path.replaceAll(/\\(\d{3})/g, (_, octal: string) =>
    String.fromCodePoint(Number.parseInt(octal, 8)),
  );
}
