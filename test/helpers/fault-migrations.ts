/** Databases of every version that there was, full of rows, and what must be true of them afterwards. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MIGRATIONS } from "../../src/adapters/sqlite/migrations.ts";
import { collect, ended } from "./daemon-process.ts";
import { sampleOf } from "./fault-calls.ts";
import { programNamed } from "./fault-programs.ts";
import { type Call, type Fate, readTrace, tracedFromBirth } from "./tracer.ts";

const FILES = ["", "-wal", "-shm", "-journal"] as const;
const KINDS = ["fdatasync", "fsync", "ftruncate", "pwrite64", "unlink"];
/** SQLite calls a full disk an I/O error where it did not expect to need room. */
const CLEAR = /^(opened|DISK_FULL|STATE_UNUSABLE)/;
/** Enough for a step to fill more than a page with each table. */
const ROWS = 60;

/** Rows that the first version could hold; what later steps make of them is theirs. */
const FULL = [
  "INSERT INTO world VALUES ('mark', '790000'), ('name', 'abcd1234'), ('epoch', '4')",
  `INSERT INTO tasks (id, description, priority, workspace, limits, context, created_at)
   VALUES ('T1', 'An old task.', 'P2', '/w', '{"running":1,"total":1,"depth":1}', '{}', 5)`,
  ...numbers().map(
    (nth) =>
      `INSERT INTO agents (id, task_id, type, harness, permission, parent, depth, slot, status, host, session,
         containment, directory, cwd, created_at, wall_until, ended_at, reason)
       VALUES ('old-${nth}', 'T1', 'w', 'claude', 'default', 'orchestrator', 1, ${nth}, 'failed', 'tmux',
         's', 'c', '/d', '/', 1, 2, 3, 'ran into wall ${nth}')`,
  ),
  ...numbers().map(
    (nth) => `INSERT INTO resources (owner, kind, locator, retain, state, created_at, changed_at)
       VALUES ('old-${nth}', 'token', 'store', 0, 'released', 1, 2)`,
  ),
  ...numbers().map(
    (nth) => `INSERT INTO progress (task_id, agent_id, status, message, progress, at)
       VALUES ('T1', 'old-${nth}', 'working', 'words ${nth}', 5, 4)`,
  ),
  ...numbers().map(
    (nth) => `INSERT INTO findings (task_id, agent_id, finding_type, severity, message, at)
       VALUES ('T1', 'old-${nth}', 'issue', 'low', 'found ${nth}', 4)`,
  ),
  ...numbers().map(
    (nth) => `INSERT INTO events (at, kind, agent_id, facts) VALUES (1, 'old', 'old-${nth}', '{}')`,
  ),
];

function numbers(): readonly number[] {
  return Array.from({ length: ROWS }, (_, nth) => nth);
}

/** Makes a database as that version left it; version 0 is none at all. */
function makeDatabase(path: string, version: number): void {
  for (const suffix of FILES) rmSync(`${path}${suffix}`, { force: true });
  if (version === 0) return;
  const old = new DatabaseSync(path);
  old.exec("PRAGMA journal_mode = WAL");
  for (const [index, step] of MIGRATIONS.slice(0, version).entries()) {
    old.exec(step);
    if (index === 0) old.exec(["BEGIN", ...FULL, "COMMIT"].join(";"));
  }
  old.exec(`PRAGMA user_version = ${version}`);
  old.close();
}

/** Runs the migration in a process of its own, with words before it. @returns what it printed; null when it was killed. */
async function migrate(path: string, words: readonly string[] = []): Promise<string | null> {
  const migrator = await programNamed("fault-migrator");
  const [program, ...args] = [...words, process.execPath, migrator, path];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const output = collect(child);
  const { signal, code } = await ended(child);
  return signal === "SIGKILL" || code === 137 ? null : output().stdout;
}

/** Everything wrong with a database that must be of the newest version and hold what it held in `version`. */
function wrongWith(path: string, version: number): readonly string[] {
  if (!existsSync(path)) return ["there is no database"];
  const database = new DatabaseSync(path);
  const one = (sql: string): string | number | undefined => {
    const row = database.prepare(sql).get() as Record<string, string | number> | undefined;
    return Object.values(row ?? {})[0];
  };
  const tables = ["tasks", "agents", "resources", "progress", "findings", "events"];
  const expected = (table: string): number => (version === 0 ? 0 : table === "tasks" ? 1 : ROWS);
  const wrong = [
    ...(one("PRAGMA integrity_check") === "ok" ? [] : ["its integrity check fails"]),
    ...(one("SELECT count(*) FROM pragma_foreign_key_check") === 0
      ? []
      : ["foreign keys point nowhere"]),
    ...(one("PRAGMA user_version") === MIGRATIONS.length
      ? []
      : [`it is of version ${one("PRAGMA user_version")}`]),
    ...tables
      .filter((table) => one(`SELECT count(*) FROM ${table}`) !== expected(table))
      .map((table) => `${table} has ${one(`SELECT count(*) FROM ${table}`)} rows`),
  ];
  database.close();
  return wrong;
}

export interface MigrationReport {
  readonly struck: number;
  /** `kind:nth fate: what is wrong`. */
  readonly wrong: readonly string[];
}

/**
 * Migrates from a version to the newest, once for each fate at each of a sample of its calls, and then once more
 * undisturbed: it has happened or it has not, and the next start ends it.
 */
export async function strikeMigration(
  version: number,
  fates: readonly Fate[],
  every: number,
): Promise<MigrationReport> {
  const folder = mkdtempSync(join(tmpdir(), "migration-"));
  const [path, file] = [join(folder, "corral.db"), join(folder, "calls")];
  try {
    makeDatabase(path, version);
    const first = await migrate(path, tracedFromBirth(file, KINDS));
    const wrong =
      first === "opened" ? [...wrongWith(path, version)] : [`unstruck it said ${first}`];
    const calls = sampleOf(readTrace(file).calls, every);
    for (const is of fates) {
      for (const at of calls) {
        const seen = await strikeOnce({ path, file, version, at, is });
        wrong.push(...seen.map((what) => `${at.kind}:${at.nth} ${is}: ${what}`));
      }
    }
    return { struck: calls.length * fates.length, wrong };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Strike {
  readonly path: string;
  /** Where strace writes. */
  readonly file: string;
  readonly version: number;
  readonly at: Call;
  readonly is: Fate;
}

async function strikeOnce({ path, file, version, at, is }: Strike): Promise<readonly string[]> {
  makeDatabase(path, version);
  const said = await migrate(path, tracedFromBirth(file, [at.kind], { at, is }));
  const isRight = is === "SIGKILL" ? said === null : CLEAR.test(said ?? "");
  const again = await migrate(path);
  return [
    ...(isRight ? [] : [`it said ${said}`]),
    ...(again === "opened" ? [] : [`the next start said ${again}`]),
    ...wrongWith(path, version),
  ];
}
