/** Archives as the command line reads them itself: with the daemon dead, and whatever a daemon has no part in. */
import { existsSync } from "node:fs";
import { agentNotFound, taskNotFound } from "../agents/find.ts";
import { fileStreams } from "../adapters/output/streams.ts";
import { openStoreToRead, type StoreToRead } from "../adapters/sqlite/store-to-read.ts";
import { machineClock } from "../adapters/time/machine-time.ts";
import { listAgents, listTasks } from "../supervision/history-tools.ts";
import { archivePathOf, archiveReader } from "../supervision/read-archives.ts";
import { agentView } from "../supervision/views.ts";
import type { ArchivesBeside } from "../surface/cli/ports.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";
import { openSecrets } from "./open-secrets.ts";
import { readSettings } from "./read-settings.ts";

/**
 * Opens the store for reading and closes it when the work is done. Needs no lock, changes nothing,
 * and answers without secrets, as a daemon does.
 *
 * @throws {Fault} STATE_LOCKED where the daemon keeps the database for itself; STATE_UNUSABLE, STATE_NEWER; CONFIG_INVALID, because the patterns of secrets are settings.
 */
export async function readArchivesBeside<T>(
  paths: StatePaths,
  env: PathEnvironment,
  work: (archives: ArchivesBeside) => Promise<T>,
): Promise<T> {
  if (!existsSync(paths.database)) return work(NONE);
  const store = openStoreToRead(paths.database, machineClock);
  try {
    return await work(archivesOf(store, paths, env));
  } finally {
    store.close();
  }
}

function archivesOf(store: StoreToRead, paths: StatePaths, env: PathEnvironment): ArchivesBeside {
  const secrets = openSecrets(store, readSettings(paths, env).configuration);
  const streams = fileStreams({ agents: paths.agentsDir, archives: paths.archiveDir });
  const reader = archiveReader({ store, streams, redactor: secrets });
  return {
    async agent(id) {
      const agent = store.agent(id);
      if (agent === null) throw agentNotFound(id);
      return secrets.value(agentView(store, agent));
    },
    agents: async ({ all = false, limit = 1_000, ...filter } = {}) =>
      secrets.value(listAgents(store, { all, limit, ...filter })),
    tasks: async ({ status = "open", limit = 100, ...filter } = {}) =>
      secrets.value(listTasks(store, { status, limit, ...filter })),
    archives: async (filter = {}) => secrets.value(reader.list(filter)),
    archive: async (id) => secrets.value(await reader.show(id)),
    exportArchive(id, { to, as }) {
      if (as === "redacted") return reader.export(id, { to });
      const form = as === "tar" ? ({ as } as const) : ({ as: "files", masking: null } as const);
      return streams.export(archivePathOf({ store }, id), to, form);
    },
  };
}

/** Of a state directory that has no database yet. */
const NONE: ArchivesBeside = {
  agent: async (id) => {
    throw agentNotFound(id);
  },
  agents: async () => ({ agents: [], left_out: 0 }),
  tasks: async () => ({ tasks: [], next_cursor: null }),
  archives: async ({ taskId } = {}) => {
    if (taskId !== undefined) throw taskNotFound(taskId);
    return { archives: [], total: 0, total_bytes: 0 };
  },
  archive: async (id) => {
    throw agentNotFound(id);
  },
  exportArchive: async (id) => {
    throw agentNotFound(id);
  },
};
