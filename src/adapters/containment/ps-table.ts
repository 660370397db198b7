/** What `ps` prints on macOS, parsed, and who of it belongs together. Pure. */
import type { ProcessSeen } from "../../supervision/ports.ts";

export interface PsRow extends ProcessSeen {
  readonly pgid: number;
  readonly isZombie: boolean;
  /** The whole command line as ps joins it: with blanks, so it cannot be taken apart again. */
  readonly command: string;
}

/** Columns asked of ps, in the order in which {@link parsePs} reads them. */
export const PS_COLUMNS = "pid=,ppid=,pgid=,uid=,stat=,lstart=,command=";

const ROW =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/;

/**
 * Parses `LC_ALL=C ps -axww -o` {@link PS_COLUMNS}; lines that are no rows are left out.
 * `startTicks` is seconds since the epoch: macOS tells no more.
 */
export function parsePs(text: string): readonly PsRow[] {
  return text.split("\n").flatMap((line) => {
    const match = ROW.exec(line);
    if (match === null) return [];
    const [, pid, ppid, pgid, uid, state = "", started = "", command = ""] = match;
    return [
      {
        pid: Number(pid),
        ppid: Number(ppid),
        pgid: Number(pgid),
        uid: Number(uid),
        startTicks: Math.floor(Date.parse(started) / 1_000),
        isZombie: state.startsWith("Z"),
        name: command.split(" ")[0]?.split("/").at(-1) ?? "",
        command,
      },
    ];
  });
}

/**
 * Everybody below the runners, in their process groups, or below somebody seen before.
 *
 * @param roots  Pids of the runners; they themselves do not belong to the family.
 * @param known  Start times of members seen by earlier looks, by pid: a daemon that left the
 *               tree is found again only this way.
 */
export function familyOf(
  rows: readonly PsRow[],
  roots: ReadonlySet<number>,
  known: ReadonlyMap<number, number>,
): readonly PsRow[] {
  const living = rows.filter(({ isZombie }) => !isZombie);
  const family = new Map<number, PsRow>();
  for (const row of living) {
    const wasSeen = known.get(row.pid) === row.startTicks;
    if (!roots.has(row.pid) && (wasSeen || roots.has(row.pgid))) family.set(row.pid, row);
  }
  for (let grew = true; grew;) {
    const children = living.filter(
      ({ pid, ppid }) =>
        !family.has(pid) && !roots.has(pid) && (family.has(ppid) || roots.has(ppid)),
    );
    for (const row of children) family.set(row.pid, row);
    grew = children.length > 0;
  }
  return [...family.values()];
}
