/** Messages to agents: rows that only ever go forward, and an event for each step. */
import type { MessageRecord } from "../../agents/message.ts";
import { MESSAGES_MOST, MESSAGES_OPEN_MOST } from "../../contract/messages.ts";
import { Fault } from "../../kernel/fault.ts";
import type { MessageStore, NewMessage } from "../../supervision/message-store.ts";
import type { Database, Row } from "./database.ts";
import type { EventRows } from "./event-rows.ts";

export function messageRows(database: Database, events: EventRows): MessageStore {
  const list = (sql: string, ...values: (string | number | null)[]): readonly MessageRecord[] =>
    database.all(sql, ...values).map(messageOf);
  const one = (id: string): MessageRecord | null => {
    const row = database.get("SELECT * FROM messages WHERE id = ?", id);
    return row === undefined ? null : messageOf(row);
  };
  return {
    addMessage: (message) => events.atomically(() => addMessage(database, events, message)),
    message: one,
    messagesTo: (agentId, max, sender) =>
      list(
        `SELECT * FROM messages WHERE agent_id = ? AND sender = coalesce(?, sender)
         ORDER BY seq DESC LIMIT ?`,
        agentId,
        sender ?? null,
        max,
      ).toReversed(),
    openMessages: (agentId) =>
      list(
        `SELECT * FROM messages WHERE consumed_at IS NULL AND (agent_id = ? OR carrier = ?)
         ORDER BY seq LIMIT ?`,
        agentId,
        agentId,
        MESSAGES_MOST,
      ),
    offerMessages: (ids, carrier, way) =>
      events.atomically(() => {
        for (const id of ids) {
          database.run(
            `UPDATE messages SET offers = offers + 1, carrier = ?, way = ?, delivered_at = NULL
             WHERE id = ? AND consumed_at IS NULL`,
            carrier,
            way,
            id,
          );
        }
      }),
    deliverMessages: (ids, carrier, at) =>
      events.atomically(() => {
        for (const id of ids) {
          const { changes } = database.run(
            `UPDATE messages SET delivered_at = ?
             WHERE id = ? AND carrier = ? AND delivered_at IS NULL AND consumed_at IS NULL`,
            at,
            id,
            carrier,
          );
          if (changes > 0) tell(events, "message.delivered", one(id)!, { to: carrier });
        }
      }),
    consumeMessages: (ids, carrier, evidence, at) =>
      events.atomically(() => {
        for (const id of ids) {
          // Whoever went on after it has had it, also when nobody came to write that down.
          const { changes } = database.run(
            `UPDATE messages SET consumed_at = ?, evidence = ?, delivered_at = coalesce(delivered_at, ?)
             WHERE id = ? AND carrier = ? AND consumed_at IS NULL`,
            at,
            evidence,
            at,
            id,
            carrier,
          );
          if (changes > 0) tell(events, "message.consumed", one(id)!, { by: carrier, evidence });
        }
      }),
  };
}

function addMessage(
  database: Database,
  events: EventRows,
  message: NewMessage,
): { readonly message: MessageRecord; readonly isNew: boolean } {
  const { agentId, id, idempotencyKey, relation, sender, sentAt, taskId, text } = message;
  if (idempotencyKey !== null) {
    const earlier = database.get(
      "SELECT * FROM messages WHERE agent_id = ? AND sender = ? AND idempotency_key = ?",
      agentId,
      sender,
      idempotencyKey,
    );
    if (earlier !== undefined) return { message: messageOf(earlier), isNew: false };
  }
  refuseOver(database, agentId);
  const row = database.get(
    `INSERT INTO messages (id, task_id, agent_id, sender, relation, text, idempotency_key, sent_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
    id,
    taskId,
    agentId,
    sender,
    relation,
    text,
    idempotencyKey,
    sentAt,
  );
  const record = messageOf(row!);
  tell(events, "message.queued", record, { from: sender, chars: text.length });
  return { message: record, isNew: true };
}

function refuseOver(database: Database, agentId: string): void {
  const { open, total } = database.get(
    `SELECT count(*) AS total, count(*) FILTER (WHERE consumed_at IS NULL) AS open
     FROM messages WHERE agent_id = ?`,
    agentId,
  )!;
  const isFull = Number(open) >= MESSAGES_OPEN_MOST;
  if (!isFull && Number(total) < MESSAGES_MOST) return;
  const what = isFull
    ? `${MESSAGES_OPEN_MOST} messages to "${agentId}" wait to be read`
    : `"${agentId}" has had ${MESSAGES_MOST} messages`;
  throw new Fault("LIMIT_REACHED", `${what}: that is the most.`, {
    hint: isFull
      ? "Look with get_agent_messages what became of them, and wait until it reports."
      : "Put what it must know into a file of the project, or deploy another agent.",
    details: { limit: isFull ? "messages_open" : "messages" },
  });
}

function tell(
  events: EventRows,
  kind: "message.queued" | "message.delivered" | "message.consumed",
  { agentId, id, taskId, way }: MessageRecord,
  facts: Readonly<Record<string, unknown>>,
): void {
  events.add({ kind, taskId, agentId, facts: { message_id: id, way, ...facts } });
}

// Written by this adapter alone, in a STRICT table: a row is trusted to be what was written.
function messageOf(row: Row): MessageRecord {
  return {
    seq: Number(row["seq"]),
    id: String(row["id"]),
    taskId: String(row["task_id"]),
    agentId: String(row["agent_id"]),
    sender: String(row["sender"]),
    relation: row["relation"] as MessageRecord["relation"],
    text: String(row["text"]),
    sentAt: Number(row["sent_at"]),
    offers: Number(row["offers"]),
    carrier: row["carrier"] as string | null,
    way: row["way"] as MessageRecord["way"],
    deliveredAt: row["delivered_at"] as number | null,
    consumedAt: row["consumed_at"] as number | null,
    evidence: row["evidence"] as MessageRecord["evidence"],
  };
}
