/**
 * Proves, with a real process, that a control group can hold and end an agent here. Permissions
 * alone do not tell: a directory may be writable where the move into it is refused, and old
 * kernels have no `cgroup.kill`.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../kernel/fault.ts";
import {
  kindOfGroup,
  makeDirectory,
  readMembers,
  removeGroup,
  removeIfEmpty,
} from "./cgroup-files.ts";
import { endGroup } from "./end-group.ts";

export interface Finding {
  readonly available: boolean;
  /** Where, or why not; one line. */
  readonly detail: string;
}

/** A busy machine must not cost the daemon a means for as long as it lives. Milliseconds. */
const PROBE_MS = 6_000;

/**
 * Tries to hold and end a process in a group under `root`, which is made for it and removed
 * again unless it was there. Never throws: what fails is the finding.
 */
export async function probeHolding(root: string, kind: "cgroup2" | "freezer"): Promise<Finding> {
  return tryInGroup(root, async (probe) => {
    if (kindOfGroup(probe) === kind) return holdAndEnd(probe, root);
    return no(kind === "cgroup2" ? "this kernel has no cgroup.kill" : "there is no freezer.state");
  });
}

/** Tries a limit: a group is made, given the limit, removed. Never throws. */
export async function probeLimit(
  root: string,
  setLimit: (group: string) => void,
): Promise<Finding> {
  return tryInGroup(root, async (probe) => {
    setLimit(probe);
    return { available: true, detail: root };
  });
}

async function tryInGroup(
  root: string,
  attempt: (probe: string) => Promise<Finding>,
): Promise<Finding> {
  const probe = join(root, `probe-${process.pid}-${randomBytes(4).toString("hex")}`);
  let madeRoot = false;
  try {
    madeRoot = makeDirectory(root);
    makeDirectory(probe);
    return await attempt(probe);
  } catch (error) {
    return no(messageOf(error));
  } finally {
    await removeGroup(probe).catch(() => {});
    if (madeRoot) removeIfEmpty(root);
  }
}

async function holdAndEnd(probe: string, root: string): Promise<Finding> {
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
    await endGroup(probe, new Set());
    const end = await within(ended);
    if (end !== "SIGKILL") return no(`what was in ${probe} was not killed (${end ?? "timeout"})`);
    const left = readMembers(probe).length;
    return left === 0 ? { available: true, detail: root } : no(`${probe} does not empty`);
  } finally {
    child.kill("SIGKILL");
    child.stdin.destroy();
  }
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
