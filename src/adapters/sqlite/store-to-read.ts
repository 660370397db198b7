/** The part of the store that answers about archives, read beside whoever owns the state directory. */
import type { Clock } from "../../kernel/ports.ts";
import type { Store, World } from "../../supervision/store.ts";
import { agentRows } from "./agent-rows.ts";
import { archiveRows } from "./archive-rows.ts";
import { openDatabaseToRead } from "./database.ts";
import { eventRows } from "./event-rows.ts";
import { historyRows } from "./history-rows.ts";
import { ledgerRows } from "./ledger-rows.ts";
import { secretRows } from "./secret-rows.ts";
import { taskRows } from "./task-rows.ts";

export type StoreToRead = Pick<
  Store,
  | "agent"
  | "agentsBy"
  | "close"
  | "countArchives"
  | "heldByOwner"
  | "keptArchives"
  | "resourcesOf"
  | "secrets"
  | "task"
  | "tasksBy"
> & { readonly world: Pick<World, "salt"> };

/** Opens an existing store for reading; needs no lock. @throws {Fault} STATE_UNUSABLE, STATE_NEWER. */
export function openStoreToRead(path: string, clock: Clock): StoreToRead {
  const database = openDatabaseToRead(path);
  const events = eventRows(database, clock);
  const agents = agentRows(database, events, clock);
  const { agentsBy, heldByOwner, tasksBy } = historyRows(database, events, agents);
  const { countArchives, keptArchives } = archiveRows(database);
  const { resourcesOf } = ledgerRows(database, clock);
  const salt = database.get("SELECT value FROM world WHERE key = 'salt'")?.["value"];
  return {
    world: { salt: typeof salt === "string" ? salt : "" },
    agent: agents.agent,
    agentsBy,
    heldByOwner,
    tasksBy,
    countArchives,
    keptArchives,
    resourcesOf,
    secrets: secretRows(database).secrets,
    task: taskRows(database, events).task,
    close: () => database.close(),
  };
}
