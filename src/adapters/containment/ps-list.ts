/** Every process by `ps`, where there is no /proc: macOS. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ListedProcess, ProcessDetails } from "../../supervision/orphans.ts";
import { probeFailed } from "../proc/proc-table.ts";
import { parsePs, PS_COLUMNS } from "./ps-table.ts";

const PS = "/bin/ps";
const MIB = 1_048_576;
const KIB = 1_024;
const SECOND_MS = 1_000;

/** What `ps` does not tell, for people. */
export const PS_BEST_EFFORT =
  "ps tells neither sessions, folders nor marks here: what has init as its parent is listed, services and Corral's own included";

export interface PsList {
  readonly processes: readonly ListedProcess[];
  readonly details: ReadonlyMap<number, ProcessDetails>;
}

/** Asks ps. @throws {Fault} PROBE_FAILED. */
export async function listByPs(): Promise<PsList> {
  const options = { env: { LC_ALL: "C", TZ: process.env["TZ"] }, maxBuffer: 64 * MIB };
  try {
    const run = promisify(execFile);
    const [rows, sizes] = await Promise.all([
      run(PS, ["-axww", "-o", PS_COLUMNS], options),
      run(PS, ["-ax", "-o", "pid=,rss="], options),
    ]);
    return psList(rows.stdout, sizes.stdout);
  } catch (error) {
    throw probeFailed(PS, error);
  }
}

/**
 * Puts the two answers of ps together. Pure.
 * @param rows   `ps -axww -o` {@link PS_COLUMNS}.
 * @param sizes  `ps -ax -o pid=,rss=`; rss in KiB.
 */
export function psList(rows: string, sizes: string): PsList {
  const resident = new Map(
    sizes.split("\n").map((line) => {
      const [pid, kib] = line.trim().split(/\s+/).map(Number);
      return [pid, kib] as const;
    }),
  );
  const living = parsePs(rows).filter(({ isZombie }) => !isZombie);
  const processes = living.map(({ pid, ppid, name, command, startTicks }) => ({
    pid,
    ppid,
    sessionId: null,
    name,
    argv: command.split(" "),
    startedAt: startTicks * SECOND_MS,
  }));
  const details = living.map(({ pid, uid }) => {
    const kib = resident.get(pid);
    const memoryBytes = kib === undefined ? null : kib * KIB;
    return [pid, { uid, memoryBytes, cwd: null, groups: null, isOurs: false }] as const;
  });
  return { processes, details: new Map(details) };
}
