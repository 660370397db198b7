/**
 * The one table at the end of the suite. Test files run in processes of their own, so each adds
 * its rows to a file below the run's root, and the last act of the run prints and deletes it.
 */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FORM } from "./counts.ts";

const ROWS = "CORRAL_LEAKS_ROWS";
const HEADINGS = ["test", "count", "what is left", "worst time", "also"] as const;

export interface Row {
  /** Where it stands in the table; rows of one number keep the order in which they were added. */
  readonly place: number;
  readonly test: string;
  readonly count: string;
  /** Survivors, lost bytes, double owners, things touched: `"0 survivors"`. */
  readonly left: string;
  readonly worst: string;
  readonly also?: string;
}

/** Adds a row. A test adds its own before it judges it, so that a failure shows in the table. */
export function addRow(row: Row): void {
  const path = process.env[ROWS];
  if (path === undefined) throw new Error("there is no table: run with vitest.leaks.config.ts");
  appendFileSync(path, `${JSON.stringify(row)}\n`);
}

/** vitest calls it once, after the leak guard has made the run's root. */
export function setup(): void {
  process.env[ROWS] = join(process.env["CORRAL_TEST_ROOT"] ?? "", "rows.jsonl");
}

/** vitest calls it once, after the last test file. */
export function teardown(): void {
  const path = process.env[ROWS] ?? "";
  if (!existsSync(path)) return;
  const rows = readFileSync(path, "utf8").split("\n").filter(Boolean);
  rmSync(path);
  process.stdout.write(`\n${tableOf(rows.map((row) => JSON.parse(row) as Row))}\n`);
}

function tableOf(rows: readonly Row[]): string {
  const cells = rows
    .toSorted((one, other) => one.place - other.place)
    .map(({ test, count, left, worst, also = "" }) => [test, count, left, worst, also]);
  const all = [HEADINGS as readonly string[], ...cells];
  const widths = HEADINGS.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`,
  );
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [`The leak suite, ${FORM} form`, "", lines[0], rule, ...lines.slice(1)].join("\n");
}
