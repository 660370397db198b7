/**
 * What /proc says about one process, parsed. Pure; the text comes from `proc-table.ts`.
 */
import { type Mark, SEAL } from "../../kernel/watermark.ts";

export interface StatFacts {
  readonly pid: number;
  /** The program's own short name; it may contain spaces, parentheses and newlines. */
  readonly name: string;
  /** One letter of proc(5): `R`, `S`, `T`, `Z`, … */
  readonly state: string;
  readonly ppid: number;
  readonly sessionId: number;
  readonly threads: number;
  /** Clock ticks after boot. */
  readonly startTicks: number;
}

/** Fields of /proc/PID/stat counted from the one after the name, which is field 3 of proc(5). */
const FIELD = { state: 0, ppid: 1, session: 3, threads: 17, startTime: 19 } as const;

/**
 * Parses /proc/PID/stat.
 *
 * The name is taken up to the LAST `)`: a process may call itself `) R 1 (`.
 *
 * @returns null when the text is not a whole stat line.
 */
export function parseStat(text: string): StatFacts | null {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 1 || close < open) return null;
  const fields = text.slice(close + 2).split(" ", FIELD.startTime + 1);
  const startTicks = Number(fields[FIELD.startTime] ?? Number.NaN);
  const state = fields[FIELD.state] ?? "";
  if (state === "" || !Number.isSafeInteger(startTicks)) return null;
  return {
    pid: Number.parseInt(text, 10),
    name: text.slice(open + 1, close),
    state,
    ppid: Number(fields[FIELD.ppid]),
    sessionId: Number(fields[FIELD.session]),
    threads: Number(fields[FIELD.threads]),
    startTicks,
  };
}

/**
 * True for a process that runs no more and only waits to be reaped.
 *
 * A main thread that ended before its siblings also shows `Z`; that process lives, and only
 * its thread count tells.
 */
export function isDead(stat: StatFacts): boolean {
  if (stat.state === "X" || stat.state === "x") return true;
  return stat.state === "Z" && stat.threads <= 1;
}

const MSGQUEUE_LINE = "Max msgqueue size";
const LOCKS_LINE = "Max file locks";
const LIMIT_NUMBERS = /^\s+(\w+)\s+(\w+)\s/;

/**
 * The watermark in the text of /proc/PID/limits.
 * @returns null when the limit is `unlimited` or the text is empty (the process was just ending).
 */
export function parseMark(text: string): Mark | null {
  const [soft, hard] = limitIn(text, MSGQUEUE_LINE);
  if (soft === null || hard === null) return null;
  const seal = parseLocksHard(text);
  const isSeal = seal !== null && seal >= SEAL.min && seal <= SEAL.max;
  return { soft, hard, seal: isSeal ? seal : null };
}

/** Hard RLIMIT_LOCKS in the text of /proc/PID/limits; null when it is `unlimited` or not told. */
export function parseLocksHard(text: string): number | null {
  return limitIn(text, LOCKS_LINE)[1];
}

/** Soft and hard limit of one line, null where `unlimited`. */
function limitIn(text: string, line: string): readonly [number | null, number | null] {
  const at = text.indexOf(line);
  const from = at + line.length;
  const [, soft, hard] = (at === -1 ? null : LIMIT_NUMBERS.exec(text.slice(from, from + 64))) ?? [];
  return [numberOrNull(soft), numberOrNull(hard)];
}

function numberOrNull(limit: string | undefined): number | null {
  return limit !== undefined && /^\d+$/.test(limit) ? Number(limit) : null;
}

/** Real uid in the text of /proc/PID/status; null when the text is not whole. */
export function parseUid(text: string): number | null {
  const uid = /^Uid:\s+(\d+)/m.exec(text)?.[1];
  return uid === undefined ? null : Number(uid);
}

/** Resident memory in the text of /proc/PID/status, bytes; null for a kernel thread or a text that is not whole. */
export function parseResidentBytes(text: string): number | null {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1];
  return kib === undefined ? null : Number(kib) * 1_024;
}

/** Number of threads in the text of /proc/PID/status; null when the text is not whole. */
export function parseThreads(text: string): number | null {
  const threads = /^Threads:\s+(\d+)$/m.exec(text)?.[1];
  return threads === undefined ? null : Number(threads);
}

/**
 * Processor time in the text of /proc/PID/stat: its own, and that of the children it has waited
 * for (fields 14 to 17). Clock ticks; null when the text is not whole.
 */
export function parseCpuTicks(text: string): number | null {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).map(Number);
  if (ticks.length < 4 || !ticks.every(Number.isSafeInteger)) return null;
  return ticks.reduce((sum, one) => sum + one, 0);
}

/**
 * The pids of a process, from the namespace of this /proc down to its own, in the text of
 * /proc/PID/status; empty when the text is not whole.
 */
export function parseNamespacePids(text: string): readonly number[] {
  const pids = /^NSpid:\s+([\d\s]+?)$/m.exec(text)?.[1];
  return pids === undefined ? [] : pids.split(/\s+/).map(Number);
}

/** Seconds since boot in the text of /proc/uptime, as clock ticks (USER_HZ is 100 on every Linux). */
export function parseUptimeTicks(text: string): number | null {
  const seconds = /^(\d+)\.(\d\d)/.exec(text);
  return seconds === null ? null : Number(seconds[1]) * 100 + Number(seconds[2]);
}
