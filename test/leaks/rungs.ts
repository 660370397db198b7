/**
 * The rungs of containment that the suite climbs, each through a daemon of its own. A new rung is
 * a new line here: how the daemon is started, and what it must then say that it contains with.
 */
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * An ordinary user whom nobody else is: RLIMIT_NPROC counts all processes of a user, those of
 * another run at the same time, too.
 */
export const USER = 60_000 + (process.pid % 5_000);

/** A hierarchy of control groups in which an ordinary user's daemon gets a group of its own. */
export type Hierarchy = "cgroup2" | "freezer";

export interface Rung {
  readonly as: "root" | "user";
  /** What a deploy answers as `containment`. */
  readonly level: string;
  /** The daemon's settings. */
  readonly env: Readonly<Record<string, string>>;
  /** Which control groups the user is given, as a service's delegation would. */
  readonly delegated?: Hierarchy;
}

const ROOTS: Readonly<Record<Hierarchy, readonly string[]>> = {
  cgroup2: ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"],
  freezer: ["/sys/fs/cgroup/freezer"],
};

const ALL: readonly Rung[] = [
  { as: "root", level: "cgroup2+watermark", env: {} },
  { as: "root", level: "watermark", env: { CORRAL_CONTAINMENT: "watermark" } },
  { as: "root", level: "cgroup2+pidns+watermark", env: { CORRAL_CONTAINMENT: "pidns" } },
  { as: "user", level: "cgroup2+watermark", env: {}, delegated: "cgroup2" },
  { as: "user", level: "freezer+watermark", env: {}, delegated: "freezer" },
  { as: "user", level: "pidns+watermark", env: { CORRAL_CONTAINMENT: "pidns" } },
  { as: "user", level: "watermark", env: { CORRAL_CONTAINMENT: "watermark" } },
];

/** The rungs that this machine has: other users need root, control groups a hierarchy. */
export const RUNGS: readonly Rung[] = ALL.filter(
  ({ level, delegated }) =>
    process.platform === "linux" &&
    process.getuid?.() === 0 &&
    (!level.startsWith("cgroup2") || rootOf("cgroup2") !== undefined) &&
    (delegated === undefined || rootOf(delegated) !== undefined),
);

export interface Delegation extends Disposable {
  /** Absolute. What joins it before it gives up root may make groups below it. */
  readonly path: string;
}

/** Makes a group that belongs to the ordinary user. Disposing removes it, which proves it empty. */
export function delegate(hierarchy: Hierarchy): Delegation {
  const root = rootOf(hierarchy);
  if (root === undefined) throw new Error(`no ${hierarchy} here`);
  const path = join(root, `corral-leaks-${randomBytes(4).toString("hex")}`);
  mkdirSync(path);
  for (const one of [path, join(path, "cgroup.procs")]) chownSync(one, USER, USER);
  return { path, [Symbol.dispose]: () => rmdirSync(path) };
}

/** A control group named like ours, of another world's, with a process in it. Absent where none can be made. */
export function makeForeignGroup(pid: number): Delegation | undefined {
  const root = rootOf("cgroup2");
  if (root === undefined || process.getuid?.() !== 0) return undefined;
  const path = join(root, `corral-${randomBytes(6).toString("hex")}`);
  const leaf = join(path, "worker-000000-0a0a0a");
  mkdirSync(leaf, { recursive: true });
  writeFileSync(join(leaf, "cgroup.procs"), String(pid));
  return {
    path,
    [Symbol.dispose]() {
      rmdirSync(leaf);
      rmdirSync(path);
    },
  };
}

function rootOf(hierarchy: Hierarchy): string | undefined {
  return ROOTS[hierarchy].find((path) => existsSync(join(path, "cgroup.procs")));
}
