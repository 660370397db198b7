/** What agents take on the disk, as the store keeps it; triggers of the schema keep the sums. */
import type { LiveDisk, Store } from "../../supervision/store.ts";
import type { Database, Row } from "./database.ts";
import { agentOf } from "./rows.ts";

export type DiskRows = Pick<Store, "recordDiskUse" | "liveDisks" | "diskUse" | "diskDue">;

/** Its limits lie before the long context in a task's row, so that one is never read. */
const LIVE = `
  SELECT agents.id, agents.task_id, slot, directory, cwd, output_limit, disk_limit, output_bytes, disk_bytes,
    stop IS NOT NULL AS is_stopping, coalesce(task_disk.bytes, 0) AS task_bytes,
    json_extract(tasks.limits, '$.disk') AS task_limit
  FROM agents JOIN tasks ON tasks.id = agents.task_id
  LEFT JOIN task_disk ON task_disk.task_id = agents.task_id
  WHERE ended_at IS NULL AND agents.status <> 'queued'`;

export function diskRows(database: Database): DiskRows {
  return {
    recordDiskUse(uses) {
      database.transaction(() => {
        for (const { agentId, outputBytes, diskBytes, isFinal } of uses) {
          database.run(
            "UPDATE agents SET output_bytes = ?, disk_bytes = ?, disk_due = ? WHERE id = ?",
            outputBytes,
            diskBytes,
            isFinal ? 0 : 1,
            agentId,
          );
        }
      });
    },
    liveDisks: database.keptUntilWritten(() => database.all(LIVE).map(liveDiskOf)),
    diskUse: (taskId) => diskUseOf(database, taskId),
    diskDue: (max) =>
      database
        .all("SELECT * FROM agents WHERE disk_due = 1 AND ended_at IS NOT NULL LIMIT ?", max)
        .map(agentOf),
  };
}

function liveDiskOf(row: Row): LiveDisk {
  return {
    id: row["id"] as string,
    taskId: row["task_id"] as string,
    slot: row["slot"] as number,
    directory: row["directory"] as string,
    cwd: row["cwd"] as string,
    outputLimit: row["output_limit"] as number | null,
    diskLimit: row["disk_limit"] as number | null,
    outputBytes: row["output_bytes"] as number | null,
    diskBytes: row["disk_bytes"] as number | null,
    isStopping: row["is_stopping"] === 1,
    taskBytes: row["task_bytes"] as number,
    taskLimit: row["task_limit"] as number | null,
  };
}

/** Bytes of a task's agents, or of all; also for the transaction that admits one more. */
export function diskUseOf(database: Database, taskId?: string): number {
  const row =
    taskId === undefined
      ? database.get("SELECT sum(bytes) AS n FROM task_disk")
      : database.get("SELECT bytes AS n FROM task_disk WHERE task_id = ?", taskId);
  return Number(row?.["n"] ?? 0);
}
