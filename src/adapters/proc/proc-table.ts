/**
 * Reads of /proc. Synchronous on purpose: measured 5 to 9 times cheaper than the promise
 * versions, because a read of /proc never waits for a disk. Whoever reads many yields between
 * chunks (`mark-scan.ts`).
 *
 * ENOENT and ESRCH mean "that process ended" and answer null. Anything else could hide a
 * process, so it is PROBE_FAILED and never an absence.
 */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { errnoOf, Fault, messageOf } from "../../kernel/fault.ts";
import type { ProcessIdentity } from "../../supervision/ports.ts";
import {
  isDead,
  parseMark,
  parseStat,
  parseUid,
  parseUptimeTicks,
  type StatFacts,
} from "./proc-text.ts";
import type { Mark } from "../../kernel/watermark.ts";

const ENDED: ReadonlySet<string> = new Set(["ENOENT", "ESRCH"]);
const buffer = Buffer.allocUnsafe(16_384);

const DIGIT_0 = 48;
const DIGIT_9 = 57;

/** Pids of all processes that this mount of /proc shows. @throws {Fault} PROBE_FAILED. */
export function listPids(): readonly number[] {
  try {
    const pids: number[] = [];
    for (const name of readdirSync("/proc")) {
      const first = name.charCodeAt(0);
      if (first >= DIGIT_0 && first <= DIGIT_9) pids.push(Number(name));
    }
    return pids;
  } catch (error) {
    throw probeFailed("/proc", error);
  }
}

/** Facts of a live process; null when it ended or is a zombie. @throws {Fault} PROBE_FAILED. */
export function readLiveStat(pid: number): StatFacts | null {
  const text = readText(`/proc/${pid}/stat`);
  const stat = text === null ? null : parseStat(text);
  return stat === null || isDead(stat) ? null : stat;
}

/**
 * The watermark of a process; null when it ended or has none.
 *
 * /proc/PID/limits is readable for every uid, dumpable or not. Only a mount with hidepid=1
 * refuses it, and then only for processes that are not ours to see: refused for another's
 * process is "not ours", refused for our own is a failed probe.
 *
 * @throws {Fault} PROBE_FAILED.
 */
export function readMark(pid: number): Mark | null {
  const path = `/proc/${pid}/limits`;
  try {
    const text = readText(path);
    return text === null ? null : parseMark(text);
  } catch (error) {
    if (error instanceof Fault && isRefused(error.cause) && !isOwnedByUs(pid)) return null;
    throw error;
  }
}

/** Real uid; null when it ended. The owner of /proc/PID would say root for what is not dumpable. */
export function readUid(pid: number): number | null {
  const text = readText(`/proc/${pid}/status`);
  return text === null ? null : parseUid(text);
}

/** Identity of a live process; null when there is none (or a zombie). @throws {Fault} PROBE_FAILED. */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readLiveStat(pid);
  return stat === null ? null : { pid, startTicks: stat.startTicks };
}

/** True while that very process lives and is no zombie. @throws {Fault} PROBE_FAILED. */
export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTicks === process.startTicks;
}

/** argv of a process; null when it ended or shows none. */
export function readArgv(pid: number): readonly string[] | null {
  const text = readText(`/proc/${pid}/cmdline`);
  if (text === null || text === "") return null;
  return text.replace(/\0$/, "").split("\0");
}

/** This boot's id; after another boot no recorded process can be alive. @throws {Fault} PROBE_FAILED. */
export function readBootId(): string {
  return requireText("/proc/sys/kernel/random/boot_id").trim();
}

/** Clock ticks since boot, now. @throws {Fault} PROBE_FAILED. */
export function ticksNow(): number {
  const ticks = parseUptimeTicks(requireText("/proc/uptime"));
  if (ticks === null) throw probeFailed("/proc/uptime", new Error("not a number"));
  return ticks;
}

/** The process itself and everything above it, nearest first. */
export function lineOf(pid: number): readonly number[] {
  const line: number[] = [];
  let at = pid;
  while (at > 0 && !line.includes(at)) {
    line.push(at);
    at = readLiveStat(at)?.ppid ?? 0;
  }
  return line;
}

/** Whole text of a small file of /proc or /sys; null when it, or its process, is gone. @throws {Fault} PROBE_FAILED. */
export function readText(path: string): string | null {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    let text = "";
    for (;;) {
      const bytes = readSync(fd, buffer, 0, buffer.length, null);
      text += buffer.toString("latin1", 0, bytes);
      if (bytes < buffer.length) return text;
    }
  } catch (error) {
    if (ENDED.has(errnoOf(error) ?? "")) return null;
    throw probeFailed(path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** A probe that could not look. It is retryable and never means "gone". */
export function probeFailed(what: string, cause: unknown): Fault {
  return new Fault("PROBE_FAILED", `Could not look at "${what}": ${messageOf(cause)}.`, {
    hint: 'Run "corral doctor"; nothing was decided from this look, and it is repeated.',
    details: { path: what, errno: errnoOf(cause) ?? null },
    cause,
  });
}

function requireText(path: string): string {
  const text = readText(path);
  if (text === null) throw probeFailed(path, new Error("it is not there"));
  return text;
}

function isRefused(cause: unknown): boolean {
  return errnoOf(cause) === "EACCES" || errnoOf(cause) === "EPERM";
}

function isOwnedByUs(pid: number): boolean {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === process.getuid?.();
}
