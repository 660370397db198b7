/** Archives in the store: the retained rows of their kind, once they are made. */
import type { ArchiveFilter, KeptArchive, Store } from "../../supervision/store.ts";
import type { Database, Row } from "./database.ts";
import { agentOf, resourceOf } from "./rows.ts";

const made = (states: string): string => `FROM resources r JOIN agents a ON a.id = r.owner
  WHERE r.state ${states} AND r.kind = 'archive' AND r.identity IS NOT NULL
    AND (?1 IS NULL OR a.task_id = ?1)`;
const KEPT = made("= 'retained'");
/** On their way out: they take their place until their absence was seen. */
const GOING = made("IN ('intended', 'held', 'releasing')");

export type ArchiveRows = Pick<Store, "archiveBytesByTask" | "countArchives" | "keptArchives">;

export function archiveRows(database: Database): ArchiveRows {
  return {
    keptArchives: (filter) => kept(database, filter),
    countArchives({ taskId = null as string | null }) {
      const row = database.get(
        `SELECT count(*) AS n, total(json_extract(r.identity, '$.bytes')) AS bytes ${KEPT}`,
        taskId,
      );
      return { count: Number(row?.["n"] ?? 0), bytes: Number(row?.["bytes"] ?? 0) };
    },
    archiveBytesByTask() {
      const rows = database.all(
        `SELECT task_id, total(bytes) AS bytes FROM (
           SELECT a.task_id, json_extract(r.identity, '$.bytes') AS bytes ${KEPT}
           UNION ALL SELECT a.task_id, json_extract(r.identity, '$.bytes') ${GOING}
         ) GROUP BY task_id`,
        null,
      );
      return new Map(rows.map((row) => [String(row["task_id"]), Number(row["bytes"])]));
    },
  };
}

/** In the order of the index of what is kept, so that a page costs no more than its rows. */
function kept(
  database: Database,
  { taskId, madeBefore, after, newestFirst = false, max }: ArchiveFilter,
): readonly KeptArchive[] {
  const order = newestFirst ? "DESC" : "ASC";
  const rows = database.all(
    `SELECT r.* ${KEPT}
       AND r.changed_at <= ?2 AND (r.changed_at, r.id) > (?3, ?4)
       ORDER BY r.changed_at ${order}, r.id ${order} LIMIT ?5`,
    taskId ?? null,
    madeBefore ?? Number.MAX_SAFE_INTEGER,
    after?.changedAt ?? 0,
    after?.id ?? 0,
    max,
  );
  return rows.map((row) => keptOf(database, row));
}

function keptOf(database: Database, row: Row): KeptArchive {
  const resource = resourceOf(row);
  const agent = agentOf(database.get("SELECT * FROM agents WHERE id = ?", resource.owner)!);
  return { agentId: agent.id, taskId: agent.taskId, status: agent.status, resource };
}
