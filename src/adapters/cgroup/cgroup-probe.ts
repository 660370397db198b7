/**
 * Proves, with a real process, that cgroup v2 can hold and end an agent here. Permissions
 * alone do not tell: a directory may be writable where the move into it is refused, and old
 * kernels have no `cgroup.kill`.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../kernel/fault.ts";
import {
  isPopulated,
  killGroup,
  makeDirectory,
  readMembers,
  removeGroup,
  removeIfEmpty,
} from "./cgroup-files.ts";

export interface Finding {
  readonly available: boolean;
  /** Where, or why not; one line. */
  readonly detail: string;
}

const PROBE_MS = 2_000;
const POLL_MS = 1;

/**
 * Tries cgroup v2 under `root`, which is made for it and removed again unless it was there.
 * Never throws: what fails is the finding.
 */
export async function probeCgroup2(root: string): Promise<Finding> {
  const probe = join(root, `probe-${process.pid}-${randomBytes(4).toString("hex")}`);
  let madeRoot = false;
  try {
    madeRoot = makeDirectory(root);
    makeDirectory(probe);
    if (!existsSync(join(probe, "cgroup.kill"))) return no("this kernel has no cgroup.kill");
    return await holdAndKill(probe, root);
  } catch (error) {
    return no(messageOf(error));
  } finally {
    await removeGroup(probe).catch(() => {});
    if (madeRoot) removeIfEmpty(root);
  }
}

/** Tries a v1 pids group: made, given a limit, removed. Never throws. */
export async function probePidsCgroup(
  root: string,
  setLimit: (group: string) => void,
): Promise<Finding> {
  const probe = join(root, `probe-${process.pid}-${randomBytes(4).toString("hex")}`);
  let madeRoot = false;
  try {
    madeRoot = makeDirectory(root);
    makeDirectory(probe);
    setLimit(probe);
    return { available: true, detail: root };
  } catch (error) {
    return no(messageOf(error));
  } finally {
    await removeGroup(probe).catch(() => {});
    if (madeRoot) removeIfEmpty(root);
  }
}

async function holdAndKill(probe: string, root: string): Promise<Finding> {
  // The child moves itself in, exactly as an agent will, and then waits on its stdin.
  const script = 'echo 0 > "$1/cgroup.procs" && echo in && read -r _';
  const child = spawn("/bin/sh", ["-c", script, "sh", probe], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const isIn = new Promise<boolean>((resolve) => {
    child.stdout.once("data", () => resolve(true));
    void ended.then(() => resolve(false));
  });
  try {
    if (!(await within(isIn)) || !readMembers(probe).includes(child.pid ?? -1)) {
      return no(`a process could not move itself into ${probe}`);
    }
    killGroup(probe);
    const end = await within(ended);
    if (end !== "SIGKILL") return no(`cgroup.kill did not kill (${end ?? "timeout"})`);
    return (await emptied(probe)) ? { available: true, detail: root } : no("populated never fell");
  } finally {
    child.kill("SIGKILL");
    child.stdin.destroy();
  }
}

async function emptied(cgroup: string): Promise<boolean> {
  const until = performance.now() + PROBE_MS;
  while (isPopulated(cgroup) === true) {
    if (performance.now() > until) return false;
    await sleep(POLL_MS);
  }
  return true;
}

async function within<T>(promise: Promise<T>): Promise<T | null> {
  const late = new AbortController();
  const timeout = sleep(PROBE_MS, null, { signal: late.signal }).catch(() => null);
  const first = await Promise.race([promise, timeout]);
  late.abort();
  return first;
}

function no(detail: string): Finding {
  return { available: false, detail };
}
