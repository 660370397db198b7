/** The store: one SQLite database behind the `Store` port. */
import type { Chance, Clock } from "../../kernel/ports.ts";

import type { Store } from "../../supervision/store.ts";
import { agentRows } from "./agent-rows.ts";
import { alertRows } from "./alert-rows.ts";
import { archiveRows } from "./archive-rows.ts";
import { type Database, openDatabase } from "./database.ts";
import { roomRows } from "./room.ts";
import { diskRows } from "./disk-rows.ts";
import { queueRows } from "./queue-rows.ts";
import { circuitRows } from "./circuit-rows.ts";
import { spentRows } from "./spent-rows.ts";
import { eventRows, type EventRows } from "./event-rows.ts";
import { ledgerRows, writeIntents } from "./ledger-rows.ts";
import { forgettingRows } from "./forgetting-rows.ts";
import { sampleRows } from "./sample-rows.ts";
import { sweepPlanRows } from "./sweep-plan-rows.ts";
import { historyRows } from "./history-rows.ts";
import { messageRows } from "./message-rows.ts";
import { findingOf, progressOf, toJson } from "./rows.ts";
import { secretRows } from "./secret-rows.ts";
import { taskRows } from "./task-rows.ts";
import { type DrawLimits, keep, openWorld } from "./world-rows.ts";

/**
 * Opens the store of a state directory. Hold the state lock.
 *
 * @param isNewEpoch  True for a daemon: each begins an epoch of its own.
 * @param limits      What a new world may draw.
 * @throws {Fault} STATE_UNUSABLE, STATE_NEWER, DISK_FULL.
 */
export function openStore(
  path: string,
  clock: Clock,
  chance: Chance,
  isNewEpoch = true,
  limits: DrawLimits = {},
): Store {
  const database = openDatabase(path);
  const events = eventRows(database, clock);
  const ledger = ledgerRows(database, clock, events.add);
  const world = database.transaction(() => openWorld(database, clock, chance, isNewEpoch, limits));
  const stored = (key: string) =>
    database.get("SELECT value FROM world WHERE key = ?", key)?.["value"];
  const agents = agentRows(database, events, clock);
  return {
    world,
    port: () => (stored("port") === undefined ? null : Number(stored("port"))),
    keepPort: (port) => keep(database, "port", String(port)),
    ...ledger,
    recordReleases: (outcomes) => events.atomically(() => ledger.recordReleases(outcomes)),
    ...agents,
    ...historyRows(database, events, agents),
    ...archiveRows(database),
    ...alertRows(database),
    ...diskRows(database),
    ...spentRows(database),
    ...circuitRows(database),
    ...queueRows(database, events),
    ...roomRows(database),
    ...taskRows(database, events),
    ...reportRows(database, events),
    ...secretRows(database),
    ...streamTimeRows(database),
    ...sampleRows(database),
    ...sweepPlanRows(database),
    ...forgettingRows(database, clock),
    ...messageRows(database, events),
    intend: (owner, intents) =>
      events.atomically(() => writeIntents(database, owner, intents, clock.now())),
    addEvent: events.add,
    eventsAfter: events.after,
    latestEvents: events.latest,
    onEvent: events.listen,
    atomically: events.atomically,
    close: () => database.close(),
  };
}

function streamTimeRows(database: Database): Pick<Store, "recordStreamTimes" | "streamLengthAt"> {
  return {
    recordStreamTimes: (times) =>
      database.transaction(() => {
        for (const { agentId, at, bytes } of times) {
          database.run(
            "INSERT INTO stream_times VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = max(bytes, excluded.bytes)",
            agentId,
            at,
            bytes,
          );
        }
      }),
    streamLengthAt: (agentId, at) =>
      Number(
        database.get(
          "SELECT bytes FROM stream_times WHERE agent_id = ? AND at <= ? ORDER BY at DESC LIMIT 1",
          agentId,
          at,
        )?.["bytes"] ?? 0,
      ),
  };
}

function reportRows(
  database: Database,
  events: EventRows,
): Pick<
  Store,
  "addProgress" | "addFinding" | "progress" | "findings" | "progressAfter" | "findingsAfter"
> {
  /** The latest `max`, told oldest first. */
  const latest = (table: "progress" | "findings", taskId: string, max: number, agentId?: string) =>
    (agentId === undefined
      ? database.all(
          `SELECT * FROM ${table} WHERE task_id = ? ORDER BY seq DESC LIMIT ?`,
          taskId,
          max,
        )
      : database.all(
          `SELECT * FROM ${table} WHERE agent_id = ? AND task_id = ? ORDER BY seq DESC LIMIT ?`,
          agentId,
          taskId,
          max,
        )
    ).toReversed();
  const after = (table: "progress" | "findings", agentId: string, seq: number, max: number) =>
    database.all(
      `SELECT * FROM ${table} WHERE agent_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
      agentId,
      seq,
      max,
    );
  return {
    addProgress: (record, taskId) =>
      events.atomically(() => {
        const { agentId, status, message, progress, at, validation } = record;
        const row = database.get(
          `INSERT INTO progress (task_id, agent_id, status, message, progress, at, validation)
           VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *`,
          taskId,
          agentId,
          status,
          message,
          progress,
          at,
          toJson(validation),
        );
        const reported = { status, message, progress, at };
        database.run("UPDATE agents SET reported = ? WHERE id = ?", toJson(reported), agentId);
        events.add({
          kind: "agent.progress",
          taskId,
          agentId,
          facts: { status, message, progress },
        });
        return progressOf(row!);
      }),
    addFinding: (record, taskId) =>
      events.atomically(() => {
        const { agentId, findingType, severity, message, details, at } = record;
        const row = database.get(
          `INSERT INTO findings (task_id, agent_id, finding_type, severity, message, details, at)
           VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *`,
          taskId,
          agentId,
          findingType,
          severity,
          message,
          toJson(details),
          at,
        );
        const facts = { finding_type: findingType, severity, message };
        events.add({ kind: "agent.finding", taskId, agentId, facts });
        return findingOf(row!);
      }),
    progressAfter: (agentId, seq, max) => after("progress", agentId, seq, max).map(progressOf),
    findingsAfter: (agentId, seq, max) => after("findings", agentId, seq, max).map(findingOf),
    progress: (taskId, max, agentId) => latest("progress", taskId, max, agentId).map(progressOf),
    findings: (taskId, max, agentId) => latest("findings", taskId, max, agentId).map(findingOf),
  };
}
