/**
 * Starts a daemon in a systemd scope of its own, where that is what gives it control groups: for a
 * login whose own group belongs to root, under a user manager that makes scopes.
 */
import { createHash, randomBytes } from "node:crypto";
import { accessSync, constants, readFileSync } from "node:fs";
import { cgroup2MountPoint, ownCgroup2Directory } from "../cgroup/cgroup-paths.ts";
import { firstExecutable } from "../containment/find-prlimit.ts";
import { mayHaveScopes, probeScope, scopeCommand } from "../containment/systemd-scope.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The argv that starts the daemon: as given, or within a scope. Asks nobody where no user manager
 * can be expected, and falls back to what was given whenever a scope cannot be had.
 *
 * @param stateDir  Names the scope, for people; each start has a new one, since an earlier
 *                  daemon's lives on while its agents do.
 */
export async function argvInScope(
  argv: readonly string[],
  env: Environment,
  stateDir: string,
): Promise<readonly string[]> {
  if (process.platform !== "linux" || !mayHaveScopes(env)) return argv;
  const mountinfo = readFileSync("/proc/self/mountinfo", "latin1");
  const own = ownCgroup2Directory(mountinfo, readFileSync("/proc/self/cgroup", "latin1"));
  const mountPoint = cgroup2MountPoint(mountinfo);
  const systemdRun = firstExecutable("systemd-run");
  if (own === null || mountPoint === null || systemdRun === null || isOurs(own)) return argv;
  if (!(await probeScope(systemdRun, env)).available) return argv;
  return [...scopeCommand({ systemdRun, mountPoint, unit: unitOf(stateDir) }), ...argv];
}

/** A group that we may make groups in needs no scope. */
function isOurs(group: string): boolean {
  try {
    accessSync(group, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function unitOf(stateDir: string): string {
  const world = createHash("sha256").update(stateDir).digest("hex").slice(0, 8);
  return `corral-${world}-${randomBytes(4).toString("hex")}`;
}
