/** Reads, makes and removes control groups; the file names are the kernel's. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf, Fault, messageOf } from "../../kernel/fault.ts";
import { probeFailed, readText } from "../proc/proc-table.ts";

const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENODEV"]);
/** A dying process keeps its group busy for a moment after its death is seen. Milliseconds. */
const BUSY_PATIENCE_MS = 500;
const RETRY_MS = 2;
const FREEZER_STATE = "freezer.state";

/** Makes a directory and says whether it was made now; one that is there is fine. */
export function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, 0o755);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/**
 * Pids in a group and in every group below it, which an agent may have made itself.
 * @returns an empty list for a group that is gone. @throws {Fault} PROBE_FAILED.
 */
export function readMembers(cgroup: string): readonly number[] {
  return [...readOwnMembers(cgroup), ...childrenOf(cgroup).flatMap(readMembers)];
}

/** Names of the groups directly below; empty when the group is gone. @throws {Fault} PROBE_FAILED. */
export function childNames(cgroup: string): readonly string[] {
  try {
    return readdirSync(cgroup, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (GONE.has(errnoOf(error) ?? "")) return [];
    throw probeFailed(cgroup, error);
  }
}

/** Number of the group's directory, as long as that exists; null when it is gone. @throws {Fault} PROBE_FAILED. */
export function groupInode(cgroup: string): string | null {
  try {
    const { dev, ino } = statSync(cgroup, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (GONE.has(errnoOf(error) ?? "")) return null;
    throw probeFailed(cgroup, error);
  }
}

/** Whether any process is in the group or below it; null when the group is gone. */
export function isPopulated(cgroup: string): boolean | null {
  const text = readGroupFile(join(cgroup, "cgroup.events"));
  return text === null ? null : /^populated 1$/m.test(text);
}

/** Kills all in a cgroup v2 group, atomically; false when the group is gone. */
export function killGroup(cgroup: string): boolean {
  return writeGroupFile(join(cgroup, "cgroup.kill"), "1");
}

/** What a group's own files say it can do at one blow. */
export function kindOfGroup(group: string): "cgroup2" | "freezer" | "other" {
  if (existsSync(join(group, "cgroup.kill"))) return "cgroup2";
  return existsSync(join(group, FREEZER_STATE)) ? "freezer" : "other";
}

/**
 * Freezes or thaws all in a cgroup v1 freezer group and below it. Freezing takes a moment:
 * {@link isFrozen} tells when it is done.
 * @returns false when the group is gone. @throws {Fault} PROBE_FAILED.
 */
export function setFrozen(group: string, isToFreeze: boolean): boolean {
  return writeGroupFile(join(group, FREEZER_STATE), isToFreeze ? "FROZEN" : "THAWED");
}

/** Whether nobody in the group runs any more; true as well for a group that is gone. */
export function isFrozen(group: string): boolean {
  return (readGroupFile(join(group, FREEZER_STATE)) ?? "FROZEN").trim() === "FROZEN";
}

/** Writes a file of a group; false when the group is gone. @throws {Fault} PROBE_FAILED. */
function writeGroupFile(path: string, text: string): boolean {
  try {
    writeFileSync(path, text);
    return true;
  } catch (error) {
    if (GONE.has(errnoOf(error) ?? "")) return false;
    throw probeFailed(path, error);
  }
}

/**
 * Removes a group and those below it, deepest first; already gone is success.
 * @throws {Fault} PROBE_FAILED when it stays busy: something still lives in it.
 */
export async function removeGroup(cgroup: string): Promise<void> {
  for (const child of childrenOf(cgroup)) await removeGroup(child);
  const until = performance.now() + BUSY_PATIENCE_MS;
  while (!tryRemove(cgroup, performance.now() > until)) await sleep(RETRY_MS);
}

/** Removes an empty group at once; false when it is not empty. @throws {Fault} PROBE_FAILED. */
export function removeIfEmpty(cgroup: string): boolean {
  if (childNames(cgroup).length > 0) return false;
  return tryRemove(cgroup, false);
}

/** Text of a file of a group; null when the group is gone. @throws {Fault} PROBE_FAILED. */
export function readGroupFile(path: string): string | null {
  try {
    return readText(path);
  } catch (error) {
    // A group removed between open and read answers ENODEV.
    if (error instanceof Fault && GONE.has(errnoOf(error.cause) ?? "")) return null;
    throw error;
  }
}

function readOwnMembers(cgroup: string): readonly number[] {
  try {
    const text = readGroupFile(join(cgroup, "cgroup.procs")) ?? "";
    return text.split("\n").filter(Boolean).map(Number);
  } catch (error) {
    // A threaded group has no process list of its own; the domain above it lists its processes.
    if (error instanceof Fault && errnoOf(error.cause) === "EOPNOTSUPP") return [];
    throw error;
  }
}

/** A directory of the kernel's has a link for itself, one for its name, and one for each below it. */
const LINKS_WITHOUT_CHILDREN = 2;

/** Most groups have none, and that is cheaper to see than their thirty files. */
function childrenOf(cgroup: string): readonly string[] {
  if (linksOf(cgroup) === LINKS_WITHOUT_CHILDREN) return [];
  return childNames(cgroup).map((name) => join(cgroup, name));
}

/** Null when it could not be asked; listing it then says why. */
function linksOf(cgroup: string): number | null {
  try {
    return statSync(cgroup).nlink;
  } catch {
    return null;
  }
}

function tryRemove(cgroup: string, isLastTry: boolean): boolean {
  try {
    rmdirSync(cgroup);
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    if (GONE.has(errno)) return true;
    if ((errno === "EBUSY" || errno === "ENOTEMPTY") && !isLastTry) return false;
    throw new Fault("PROBE_FAILED", `"${cgroup}" is still in use: ${messageOf(error)}.`, {
      hint: 'Run "corral sweep" to see which process is in it.',
      details: { path: cgroup, errno },
      cause: error,
    });
  }
}
