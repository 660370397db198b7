/** The proof: what the operating system showed while the demo ran, and what it shows after. */
import { table } from "../table.ts";
import type { TableStyle } from "../table.ts";
import type { LookFor, Seen } from "./look.ts";

/** One line of the proof. */
export interface ProofRow {
  readonly what: string;
  /** How it was looked at, so that anybody can look again. */
  readonly how: string;
  /** While the agents ran; null when nothing was looked at then. */
  readonly before: number | null;
  readonly left: number;
  /** What is left, by name; empty when nothing is. */
  readonly names: readonly string[];
}

const ROWS = ["marked", "named", "files", "sockets", "cgroups"] as const;
const WHAT: Record<(typeof ROWS)[number], string> = {
  marked: "processes with the mark",
  named: "processes that name the folder",
  files: "open files below the folder",
  sockets: "sockets",
  cgroups: "cgroup directories",
};

/**
 * The rows of the proof. What cannot be looked at on this machine has no row, rather than a
 * zero that says nothing.
 *
 * @param running  The look while the agents ran; null when the demo was stopped before it.
 */
export function proofRows(target: LookFor, running: Seen | null, after: Seen): readonly ProofRow[] {
  return ROWS.filter((row) => isLookedAt(row, target)).map((row) => ({
    what: WHAT[row],
    how: howOf(row, target),
    before: running === null ? null : running[row].length,
    left: after[row].length,
    names: after[row].map(String),
  }));
}

function isLookedAt(row: (typeof ROWS)[number], { mark, cgroups }: LookFor): boolean {
  if (row === "marked") return mark !== null;
  return row !== "cgroups" || cgroups.length > 0;
}

function howOf(row: (typeof ROWS)[number], { mark, root, sockets }: LookFor): string {
  const onLinux = process.platform === "linux";
  switch (row) {
    case "marked":
      return `/proc/*/limits, hard "Max msgqueue size" = ${mark}`;
    case "named":
      return onLinux ? `/proc/*/{cmdline,environ,cwd} with ${root}` : `ps -Aww with ${root}`;
    case "files":
      return onLinux ? `/proc/*/fd below ${root}` : `lsof -nP below ${root}`;
    case "sockets":
      return `stat of ${sockets.join(", ")}`;
    case "cgroups":
      return "stat of every directory that our processes were in";
  }
}

/** True when nothing is left. */
export function isNothingLeft(rows: readonly ProofRow[]): boolean {
  return rows.every(({ left }) => left === 0);
}

/** The proof for people. */
export function proofTable(rows: readonly ProofRow[], style: TableStyle): readonly string[] {
  const lines = table(
    ["WHAT", "RUNNING", "LEFT", "LOOKED AT"],
    rows.map(({ what, how, before, left }) => [
      what,
      before === null ? "–" : String(before),
      { text: String(left), tone: left === 0 ? "good" : "bad" },
      how,
    ]),
    style,
  );
  const names = rows.flatMap((row) => row.names.map((name) => `left: ${row.what}: ${name}`));
  return [...lines, ...names];
}
