/** What one process uses, in the text of its `stat`: the cheapest of its files. Pure but for the page size. */
import { isDead, parseStat, type StatFacts } from "./proc-text.ts";
import { readText } from "./proc-table.ts";

/** USER_HZ is 100 on every Linux. Milliseconds. */
export const TICK_MS = 10;
const KIB = 1_024;
const PAGE_FALLBACK = 4_096;
/** Fields of /proc/PID/stat from field 3 of proc(5) on: utime, stime, rss. */
const FIELD = { userTicks: 11, systemTicks: 12, residentPages: 21 } as const;

export interface StatUse extends StatFacts {
  /** Of its own; of children that it has waited for, nothing. Milliseconds. */
  readonly cpuMs: number;
  readonly residentPages: number;
}

/** Null for a process that is dead, or a text that is not whole. */
export function parseStatUse(text: string): StatUse | null {
  const stat = parseStat(text);
  if (stat === null || isDead(stat)) return null;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = (index: number): number => Number(fields[index] ?? Number.NaN);
  const ticks = at(FIELD.userTicks) + at(FIELD.systemTicks);
  const residentPages = at(FIELD.residentPages);
  if (!Number.isSafeInteger(ticks) || !Number.isSafeInteger(residentPages)) return null;
  return { ...stat, cpuMs: ticks * TICK_MS, residentPages };
}

/** Bytes of a page: what our own `stat` counts in pages, `status` tells in KiB. */
export function pageBytes(): number {
  const pages = parseStatUse(readText("/proc/self/stat") ?? "")?.residentPages ?? 0;
  const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readText("/proc/self/status") ?? "")?.[1] ?? 0);
  if (pages === 0 || kib === 0) return PAGE_FALLBACK;
  // It grows between the two looks: the nearest power of two is meant.
  return 2 ** Math.round(Math.log2((kib * KIB) / pages));
}
