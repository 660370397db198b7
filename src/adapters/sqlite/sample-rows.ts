/** The history of samples, as the store keeps it: rows of bytes that mean nothing to it. */
import type { SampleStore } from "../../supervision/sampling/history.ts";
import type { Database } from "./database.ts";

/** Rows that are deleted at once; between two of these lies a transaction. */
const DELETED_AT_ONCE = 500;

export function sampleRows(database: Database): SampleStore {
  const bytes = (): number =>
    Number(database.get("SELECT bytes FROM sample_bytes")?.["bytes"] ?? 0);
  return {
    keepChunks: (chunks) =>
      database.lazily(() => {
        for (const { begun, points, stepS, subject, until } of chunks) {
          database.run(
            `INSERT INTO samples (subject, step_s, begun, until, points) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (subject, step_s, begun) DO UPDATE SET until = excluded.until, points = excluded.points`,
            subject,
            stepS,
            begun,
            until,
            points,
          );
        }
      }),
    chunksOf: (subject, stepS, fromStep) =>
      database
        .all(
          "SELECT * FROM samples WHERE subject = ? AND step_s = ? AND until >= ? ORDER BY begun",
          subject,
          stepS,
          fromStep,
        )
        .map((row) => ({
          subject,
          stepS,
          begun: Number(row["begun"]),
          until: Number(row["until"]),
          points: row["points"] as Uint8Array,
        })),
    trimChunks: (fromSteps, mostBytes) =>
      database.lazily(() => {
        for (const [stepS, fromStep] of fromSteps) {
          database.run("DELETE FROM samples WHERE step_s = ? AND until < ?", stepS, fromStep);
        }
        while (bytes() > mostBytes) {
          const { changes } = database.run(
            `DELETE FROM samples WHERE id IN (SELECT id FROM samples ORDER BY until * step_s, id LIMIT ?)`,
            overshootRows(database, bytes() - mostBytes),
          );
          if (changes === 0) break;
        }
        return bytes();
      }),
  };
}

/** About as many rows as take so many bytes. */
function overshootRows(database: Database, bytes: number): number {
  const mean = Number(database.get("SELECT avg(size) AS n FROM samples")?.["n"] ?? 1);
  return Math.min(DELETED_AT_ONCE, Math.max(1, Math.ceil(bytes / mean)));
}
