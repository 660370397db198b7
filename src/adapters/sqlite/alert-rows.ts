/** Alerts and the notices that are still to be delivered, as the store keeps them. */
import type { AlertStore, Delivery, StoredAlert } from "../../supervision/alerts/ports.ts";
import type { Database, Row } from "./database.ts";

const CLEARED_KEPT = 1_000;
/** Nobody hears that an alert is over before he has heard that it stands. */
const FIRST_OF_ITS_ALERT = `NOT EXISTS (SELECT 1 FROM alert_deliveries AS other
  WHERE other.alert_id = one.alert_id AND other.channel = one.channel AND other.id < one.id)`;

export function alertRows(database: Database): AlertStore {
  return {
    standingAlerts: () =>
      database.all("SELECT * FROM alerts WHERE cleared_at IS NULL ORDER BY id").map(alertOf),
    clearedAlerts: (max) =>
      database
        .all(
          "SELECT * FROM alerts WHERE cleared_at IS NOT NULL ORDER BY cleared_at DESC, id DESC LIMIT ?",
          max,
        )
        .map(alertOf)
        .toReversed(),
    alert(id) {
      const row = database.get("SELECT * FROM alerts WHERE id = ?", id);
      return row === undefined ? null : alertOf(row);
    },
    raiseAlert({ evidence, key, nextStep, raisedAt, rule, severity, since, subject }) {
      const row = database.get(
        `INSERT INTO alerts (key, rule, severity, subject_kind, subject_id, since, raised_at, evidence, raised_evidence, next_step)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
        key,
        rule,
        severity,
        subject.kind,
        subject.id,
        since,
        raisedAt,
        evidence,
        evidence,
        nextStep,
      );
      return alertOf(row!);
    },
    clearAlert(id, at, evidence) {
      database.transaction(() => {
        database.run(
          "UPDATE alerts SET cleared_at = ?, evidence = ? WHERE id = ? AND cleared_at IS NULL",
          at,
          evidence,
          id,
        );
        // One that a notice still speaks of is needed for it.
        database.run(
          `DELETE FROM alerts WHERE cleared_at IS NOT NULL
             AND id NOT IN (SELECT alert_id FROM alert_deliveries)
             AND id NOT IN (SELECT id FROM alerts WHERE cleared_at IS NOT NULL ORDER BY cleared_at DESC, id DESC LIMIT ?)`,
          CLEARED_KEPT,
        );
      });
    },
    queueDelivery: ({ alertId, channel, createdAt, state }, most) =>
      database.transaction(() => {
        database.run(
          `INSERT INTO alert_deliveries (channel, state, alert_id, created_at, next_at) VALUES (?, ?, ?, ?, ?)`,
          channel,
          state,
          alertId,
          createdAt,
          createdAt,
        );
        return database.run(
          `DELETE FROM alert_deliveries WHERE id IN
             (SELECT id FROM alert_deliveries ORDER BY id DESC LIMIT -1 OFFSET ?)`,
          most,
        ).changes;
      }),
    dueDeliveries: (now, max) =>
      database
        .all(
          `SELECT * FROM alert_deliveries AS one WHERE next_at <= ? AND ${FIRST_OF_ITS_ALERT} ORDER BY id LIMIT ?`,
          now,
          max,
        )
        .map(deliveryOf),
    retryDelivery: (id, at) =>
      void database.run(
        "UPDATE alert_deliveries SET attempts = attempts + 1, next_at = ? WHERE id = ?",
        at,
        id,
      ),
    endDelivery: (id) => void database.run("DELETE FROM alert_deliveries WHERE id = ?", id),
    countDeliveries: () =>
      Number(database.get("SELECT count(*) AS n FROM alert_deliveries")?.["n"] ?? 0),
    nextDeliveryAt() {
      const row = database.get(
        `SELECT min(next_at) AS at FROM alert_deliveries AS one WHERE ${FIRST_OF_ITS_ALERT}`,
      );
      const at = row?.["at"] ?? null;
      return at === null ? null : Number(at);
    },
    // Each look at alerts asks, and no index knows which of all held rows have failed.
    stuckOwners: database.keptUntilWritten(() =>
      database
        .all(
          `SELECT owner, count(*) AS held, max(kind || ': ' || coalesce(error, 'no reason')) AS error
           FROM resources WHERE state IN ('intended', 'held', 'releasing') AND attempts > 0 GROUP BY owner`,
        )
        .map((row) => ({
          owner: String(row["owner"]),
          held: Number(row["held"]),
          error: String(row["error"]),
        })),
    ),
    stoppedSince: (at, causes, max) =>
      database
        .all(
          `SELECT id, coalesce(json_extract(stop, '$.reason'), reason, '') AS why FROM agents
           WHERE ended_at >= ? AND ended_at IS NOT NULL AND forgotten_at IS NULL
             AND (status = 'timed_out' OR json_extract(stop, '$.cause') IN (SELECT value FROM json_each(?)))
           ORDER BY ended_at DESC, rowid DESC LIMIT ?`,
          at,
          JSON.stringify(causes),
          max,
        )
        .map((row) => ({ id: String(row["id"]), why: String(row["why"]).split("\n", 1)[0] ?? "" }))
        .toReversed(),
    tasksOfEnded: (at) =>
      database
        .all(
          `SELECT DISTINCT task_id FROM agents
           WHERE ended_at >= ? AND ended_at IS NOT NULL AND forgotten_at IS NULL`,
          at,
        )
        .map((row) => String(row["task_id"])),
  };
}

function alertOf(row: Row): StoredAlert {
  return {
    id: row["id"] as number,
    key: row["key"] as string,
    rule: row["rule"] as StoredAlert["rule"],
    severity: row["severity"] as StoredAlert["severity"],
    subject: {
      kind: row["subject_kind"] as StoredAlert["subject"]["kind"],
      id: row["subject_id"] as string,
    },
    since: row["since"] as number,
    raisedAt: row["raised_at"] as number,
    clearedAt: row["cleared_at"] as number | null,
    evidence: row["evidence"] as string,
    raisedEvidence: row["raised_evidence"] as string,
    nextStep: row["next_step"] as string,
  };
}

function deliveryOf(row: Row): Delivery {
  return {
    id: row["id"] as number,
    channel: row["channel"] as Delivery["channel"],
    state: row["state"] as Delivery["state"],
    alertId: row["alert_id"] as number,
    attempts: row["attempts"] as number,
    createdAt: row["created_at"] as number,
  };
}
