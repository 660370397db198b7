/** Events: appended inside transactions, told to listeners only once they are durable. */
import type { CorralEvent, EventKind } from "../../contract/events.ts";
import type { Clock } from "../../kernel/ports.ts";
import type { NewEvent } from "../../supervision/store.ts";
import type { Database } from "./database.ts";
import { eventOf, toJson } from "./rows.ts";

export interface EventRows {
  add(event: NewEvent): void;
  after(seq: number, max: number): readonly CorralEvent[];
  latest(max: number, kinds?: readonly EventKind[]): readonly CorralEvent[];
  listen(listener: (event: CorralEvent) => void): () => void;
  /** Runs `work` as one transaction and tells the events that it added, after the commit. */
  atomically<T>(work: () => T): T;
}

export function eventRows(database: Database, clock: Clock): EventRows {
  const listeners = new Set<(event: CorralEvent) => void>();
  let pending: CorralEvent[] = [];
  let depth = 0;

  const tell = (): void => {
    const told = pending;
    pending = [];
    for (const event of told) for (const listener of listeners) listener(event);
  };

  const insert = ({ kind, taskId, agentId, facts }: NewEvent): void => {
    const row = database.get(
      "INSERT INTO events (at, kind, task_id, agent_id, facts) VALUES (?, ?, ?, ?, ?) RETURNING *",
      clock.now(),
      kind,
      taskId ?? null,
      agentId ?? null,
      toJson(facts ?? {}),
    );
    const event = eventOf(row!);
    pending.push(event);
  };

  const atomically = <T>(work: () => T): T => {
    const before = pending.length;
    depth += 1;
    try {
      return database.transaction(work);
    } catch (error) {
      pending.length = before;
      throw error;
    } finally {
      depth -= 1;
      if (depth === 0) tell();
    }
  };

  return {
    add: (event) => atomically(() => insert(event)),
    after: (seq, max) =>
      database
        .all("SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", seq, max)
        .map(eventOf),
    latest: (max, kinds) =>
      database
        .all(
          kinds === undefined
            ? "SELECT * FROM events ORDER BY seq DESC LIMIT ?"
            : `SELECT * FROM events WHERE kind IN (${kinds.map(() => "?").join(", ")})
               ORDER BY seq DESC LIMIT ?`,
          ...(kinds ?? []),
          max,
        )
        .map(eventOf)
        .toReversed(),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    atomically,
  };
}
