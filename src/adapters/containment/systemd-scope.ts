/**
 * Scopes of a systemd user manager: a cgroup v2 group that is ours, for a login whose own group
 * belongs to root. What is to be contained must START inside the scope, because a process may
 * be moved only below a group that we may write; so it is the daemon's start that is wrapped:
 * its tmux server, runners and agents are then born below the scope.
 *
 * The bus is for systemd-run alone: agents get no address of it (harness/env.ts), so that none can
 * have work done outside of its scope by the user manager without looking for it.
 *
 * A scope ends with its last process; nothing has to be given back. Tested: the command line, the
 * probe, and whole lives of agents below a stand-in for the user manager that really makes groups
 * (test/e2e/scope.test.ts). Not yet run against a real user manager.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "../../kernel/fault.ts";
import type { Finding } from "../cgroup/cgroup-probe.ts";

const PROBE_MS = 2_000;
/** Where in its scope a daemon sits, with its tmux server and its runners; agents' groups lie beside it. */
export const LEAF_OF_SCOPE = "main";
const UNIT_NAME = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Moves the starter into a leaf of its own and becomes the program: a group that has processes
 * of its own may not hand controllers on (the "no internal processes" rule of cgroup v2), and
 * without controllers there are no limits per agent. A move that fails costs only the limits.
 */
const ENTER_LEAF =
  'while IFS=: read -r id _ own; do [ "$id" != 0 ] || break; done </proc/self/cgroup; ' +
  `leaf=$1$own/${LEAF_OF_SCOPE}; ` +
  'mkdir "$leaf" 2>/dev/null && echo 0 2>/dev/null >"$leaf/cgroup.procs"; ' +
  'shift; exec "$@"';

/**
 * Delegated to us; and when the user manager itself ends the scope (a logout, a shutdown), it ends
 * all of it: TERM, time for a shutdown of ours, KILL.
 */
const STRICT = ["Delegate=yes", "KillMode=control-group", "SendSIGKILL=yes", "TimeoutStopSec=30"];

export interface ScopeOptions {
  /** Absolute path of systemd-run. */
  readonly systemdRun: string;
  /** Names the unit; a scope of an earlier daemon may still live, so it must be new each time. */
  readonly unit: string;
  /** Where cgroup v2 is mounted. Absolute. */
  readonly mountPoint: string;
}

/**
 * argv before a program that is to run inside a scope of its own, delegated to us. Pure.
 * @throws {RangeError} for a unit that is no plain name.
 */
export function scopeCommand({
  mountPoint,
  systemdRun,
  unit,
}: ScopeOptions): readonly [string, ...string[]] {
  if (!UNIT_NAME.test(unit)) throw new RangeError(`"${unit}" is no name for a scope`);
  return [...scopeOnly(systemdRun, unit), "/bin/sh", "-c", ENTER_LEAF, "corral-scope", mountPoint];
}

/**
 * The group below which agents' groups are to be made: the scope itself for what was started by
 * {@link scopeCommand} and hence sits in the scope's leaf, otherwise our own group. Pure.
 * @param own  Directory of our own cgroup v2 group.
 */
export function baseOfScope(own: string): string {
  return /\/corral-[A-Za-z0-9_-]+\.scope\/main$/.test(own) ? dirname(own) : own;
}

/** Whether a user manager can be expected at all; without one, asking it may take long. Pure but for a look. */
export function mayHaveScopes(env: Readonly<Record<string, string | undefined>>): boolean {
  if ((env["DBUS_SESSION_BUS_ADDRESS"] ?? "") !== "") return true;
  const runtime = env["XDG_RUNTIME_DIR"] ?? "";
  return runtime !== "" && existsSync(join(runtime, "systemd/private"));
}

/** Starts a scope for `true`, with a time limit; never throws. */
export async function probeScope(
  systemdRun: string | null,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding> {
  if (systemdRun === null) return no("systemd-run is not installed");
  if (!mayHaveScopes(env)) return no("there is no systemd user manager");
  const [program, ...args] = [
    ...scopeOnly(systemdRun, `corral-probe-${process.pid}`),
    "/bin/true",
  ] as const;
  try {
    await promisify(execFile)(program, args, { timeout: PROBE_MS, env: { ...env } });
    return { available: true, detail: "the user manager makes scopes" };
  } catch (error) {
    const reason = messageOf(error).trim().split("\n").at(-1) ?? "";
    return no(`the user manager makes no scope: ${reason}`);
  }
}

function scopeOnly(systemdRun: string, unit: string): readonly [string, ...string[]] {
  const options = ["--user", "--scope", "--quiet", "--collect", `--unit=${unit}`];
  const description = "--description=Corral: a daemon, its tmux server, its agents";
  const properties = STRICT.flatMap((property) => ["-p", property]);
  return [systemdRun, ...options, description, ...properties, "--"];
}

function no(detail: string): Finding {
  return { available: false, detail };
}
