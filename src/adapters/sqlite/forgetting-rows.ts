/** Forgetting in the store: bounded pieces, each a transaction of its own. */
import type { Clock } from "../../kernel/ports.ts";
import type { Place, ForgettingStore } from "../../supervision/forgetting.ts";
import type { Database, Row } from "./database.ts";

/** What an agent's record is made of beside its own row: table, column with its id. */
const PARTS = [
  ["progress", "agent_id"],
  ["findings", "agent_id"],
  ["results", "agent_id"],
  ["resources", "owner"],
] as const;
/** How much of the reason an outcome keeps. Characters. */
const REASON_KEPT = 200;
const EMPTY_CONTEXT = JSON.stringify({
  background: null,
  deliverables: [],
  criteria: [],
  constraints: [],
  files: [],
  history: [],
});

export function forgettingRows(database: Database, clock: Clock): ForgettingStore {
  return {
    forgetRecords: (endedBefore, from, most) =>
      database.lazily(() => forgetRecords(database, clock, endedBefore, from, most)),
    dropOutcomes: (kept, most) => database.lazily(() => dropOutcomes(database, kept, most)),
    dropEvents: (kept, most) =>
      database.lazily(() => {
        const sql = `DELETE FROM events WHERE seq IN (SELECT seq FROM events ORDER BY seq LIMIT ?)
          AND seq <= (SELECT max(seq) FROM events) - ?`;
        return database.run(sql, most, kept).changes;
      }),
    pastTasks(closedBefore, from, most) {
      const rows = database.all(
        `SELECT id, workspace, closed_at AS at, id AS key,
           EXISTS (SELECT 1 FROM agents WHERE task_id = tasks.id) AS agents
         FROM tasks WHERE closed_at IS NOT NULL AND closed_at <= ? AND (closed_at, id) > (?, ?)
         ORDER BY closed_at, id LIMIT ?`,
        closedBefore,
        from?.at ?? -1,
        from?.key ?? "",
        most,
      );
      return {
        tasks: rows.map((row) => ({
          id: String(row["id"]),
          workspace: String(row["workspace"]),
          hasAgents: row["agents"] === 1,
        })),
        next: rows.length < most ? null : placeOf(rows.at(-1)),
      };
    },
    trimTask: (id) =>
      void database.run(
        "UPDATE tasks SET context = ? WHERE id = ? AND status <> 'open' AND context <> ?",
        EMPTY_CONTEXT,
        id,
        EMPTY_CONTEXT,
      ),
    dropTask(id) {
      database.transaction(() => {
        const { changes } = database.run(
          `DELETE FROM tasks WHERE id = ? AND status <> 'open'
             AND NOT EXISTS (SELECT 1 FROM agents WHERE task_id = tasks.id)`,
          id,
        );
        if (changes > 0) database.run("DELETE FROM resources WHERE owner = ?", id);
      });
    },
    shrink(pages) {
      database.lazily(() => database.all(`PRAGMA incremental_vacuum(${Math.trunc(pages)})`));
      return Number(database.get("PRAGMA freelist_count")?.["freelist_count"] ?? 0);
    },
    checkpoint: () => void database.all("PRAGMA wal_checkpoint(PASSIVE)"),
  };
}

function forgetRecords(
  database: Database,
  clock: Clock,
  endedBefore: number,
  from: Place | null,
  most: number,
): ReturnType<ForgettingStore["forgetRecords"]> {
  const agents = database.all(
    `SELECT id, ended_at AS at, rowid AS key FROM agents
     WHERE ended_at IS NOT NULL AND forgotten_at IS NULL
       AND ended_at <= ? AND (ended_at, rowid) > (?, ?)
     ORDER BY ended_at, rowid LIMIT ?`,
    endedBefore,
    from?.at ?? -1,
    from?.key ?? -1,
    most,
  );
  let rows = 0;
  let place = from;
  for (const agent of agents) {
    const id = String(agent["id"]);
    if (!holdsSomething(database, id)) {
      for (const [table, column] of PARTS) {
        if (rows < most) rows += deleteSome(database, table, column, id, most - rows);
      }
      // The rest of it is for the next piece, which begins with the same agent.
      if (rows >= most && hasParts(database, id)) return { rows, next: place ?? START };
      keepOutcome(database, id, clock.now());
    }
    rows += 1;
    place = placeOf(agent);
    if (rows >= most) return { rows, next: place };
  }
  return { rows, next: agents.length < most ? null : place };
}

const START: Place = { at: -1, key: -1 };

function placeOf(row: Row | undefined): Place | null {
  if (row === undefined) return null;
  return { at: Number(row["at"]), key: row["key"] as number | string };
}

/** Also what is retained: a log that lies there still has its row. */
function holdsSomething(database: Database, id: string): boolean {
  const sql = "SELECT 1 FROM resources WHERE owner = ? AND state <> 'released' LIMIT 1";
  return database.get(sql, id) !== undefined;
}

function deleteSome(
  database: Database,
  table: string,
  column: string,
  id: string,
  most: number,
): number {
  return database.run(
    `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${column} = ? LIMIT ?)`,
    id,
    most,
  ).changes;
}

function hasParts(database: Database, id: string): boolean {
  return PARTS.some(
    ([table, column]) =>
      database.get(`SELECT 1 FROM ${table} WHERE ${column} = ? LIMIT 1`, id) !== undefined,
  );
}

function keepOutcome(database: Database, id: string, at: number): void {
  database.run(
    `UPDATE agents SET forgotten_at = ?, stop = NULL, reported = NULL, warnings = '[]',
       token_hash = NULL, linger_until = NULL, cli_session = NULL, options = NULL, reason = substr(reason, 1, ?)
     WHERE id = ?`,
    at,
    REASON_KEPT,
    id,
  );
}

function dropOutcomes(database: Database, kept: number, most: number): number {
  const { n } = database.get("SELECT count(*) AS n FROM agents WHERE forgotten_at IS NOT NULL")!;
  const over = Math.min(most, Number(n) - kept);
  if (over <= 0) return 0;
  const oldest = database.all(
    "SELECT rowid, task_id FROM agents WHERE forgotten_at IS NOT NULL ORDER BY ended_at, rowid LIMIT ?",
    over,
  );
  for (const row of oldest) {
    database.run(
      "UPDATE tasks SET forgotten_agents = forgotten_agents + 1 WHERE id = ?",
      String(row["task_id"]),
    );
    database.run("DELETE FROM agents WHERE rowid = ?", Number(row["rowid"]));
  }
  return oldest.length;
}
