/** Agents that wait for the quota of their account. */
import type { AgentRecord } from "../../agents/record.ts";
import type { NewAgent, Store } from "../../supervision/store.ts";
import { told } from "./agent-rows.ts";
import type { Database } from "./database.ts";
import type { EventRows } from "./event-rows.ts";
import { writeIntents } from "./ledger-rows.ts";
import { agentOf } from "./rows.ts";
import { takeSlot } from "./slots.ts";

export function queueRows(
  database: Database,
  events: EventRows,
): Pick<Store, "queuedAgents" | "startQueued"> {
  return {
    queuedAgents: () =>
      database
        .all(
          `SELECT agents.*, queued_agents.prompt, queued_agents.until FROM queued_agents
           JOIN agents ON agents.id = queued_agents.agent_id
           WHERE agents.status = 'queued' ORDER BY agents.rowid`,
        )
        .map((row) => ({
          agent: agentOf(row),
          prompt: String(row["prompt"]),
          until: Number(row["until"]),
        })),
    startQueued: (agent) => events.atomically(() => startQueued(database, events, agent)),
  };
}

function startQueued(database: Database, events: EventRows, agent: NewAgent): AgentRecord | null {
  const slot = takeSlot(database);
  const row = database.get(
    `UPDATE agents SET status = 'starting', slot = ?, host = ?, session = ?, containment = ?, cwd = ?,
       token_hash = ?, wall_until = ? WHERE id = ? AND status = 'queued' AND stop IS NULL RETURNING *`,
    slot,
    agent.host,
    agent.session,
    agent.containment,
    agent.cwd,
    agent.tokenHash,
    agent.wallUntil,
    agent.id,
  );
  if (row === undefined) return null;
  const record = agentOf(row);
  writeIntents(database, agent.id, agent.intents(slot), agent.createdAt);
  const { parent, resumedFrom, type } = record;
  events.add(told("agent.starting", record, { type, parent, resumed_from: resumedFrom }));
  return record;
}
