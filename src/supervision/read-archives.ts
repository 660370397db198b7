/** Looking at the archives that are kept and writing them elsewhere: changes nothing, so it works with the daemon dead. */
import type {
  ArchiveAnswer,
  ArchiveEntry,
  ArchivesAnswer,
  ExportAnswer,
  ExportInput,
} from "../contract/archive.ts";
import { agentNotFound, taskNotFound } from "../agents/find.ts";
import { Fault } from "../kernel/fault.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import { isoTime } from "../kernel/units.ts";
import type { Redactor } from "../output/redact.ts";
import { maskingBy } from "../output/redacted-file.ts";
import type { ArchiveFacts } from "./archive-agent.ts";
import type { KeptArchive, Store } from "./store.ts";
import type { Streams } from "./streams.ts";

const LISTED_MOST = 1_000;

/** What it looks at; nothing of it is changed. */
export interface ArchivePorts {
  readonly store: Pick<Store, "agent" | "countArchives" | "keptArchives" | "resourcesOf" | "task">;
  readonly streams: Pick<Streams, "export" | "manifest">;
  /** Masks every export. */
  readonly redactor: Redactor;
}

export interface ArchiveReader {
  /** Newest first. @throws {Fault} TASK_NOT_FOUND. */
  list(filter: { readonly taskId?: TaskId }): ArchivesAnswer;
  /** @throws {Fault} AGENT_NOT_FOUND, ARCHIVE_NOT_FOUND, ARCHIVE_DAMAGED. */
  show(agentId: AgentId): Promise<ArchiveAnswer>;
  /**
   * Writes the streams and records to a new folder, without secrets.
   * @throws {Fault} AGENT_NOT_FOUND, ARCHIVE_NOT_FOUND, ARCHIVE_DAMAGED, EXPORT_REFUSED.
   */
  export(agentId: AgentId, input: ExportInput): Promise<ExportAnswer>;
}

export function archiveReader({ store, streams, redactor }: ArchivePorts): ArchiveReader {
  return {
    list({ taskId }) {
      if (taskId !== undefined && store.task(taskId) === null) throw taskNotFound(taskId);
      const filter = taskId === undefined ? {} : { taskId };
      const { count, bytes } = store.countArchives(filter);
      const found = store.keptArchives({ ...filter, newestFirst: true, max: LISTED_MOST });
      return { archives: found.map(entryOf), total: count, total_bytes: bytes };
    },
    async show(agentId) {
      const kept = keptOf({ store }, agentId);
      const manifest = await streams.manifest(kept.resource.locator);
      if (manifest === null) throw noArchiveOf(agentId);
      return { ...entryOf(kept), manifest };
    },
    export: async (agentId, { to }) =>
      streams.export(archivePathOf({ store }, agentId), to, {
        as: "files",
        masking: maskingBy(redactor),
      }),
  };
}

/** An archive as lists show it. */
export function entryOf({ agentId, taskId, status, resource }: KeptArchive): ArchiveEntry {
  const { bytes, outputBytes, at } = resource.identity as ArchiveFacts;
  return {
    agent_id: agentId,
    task_id: taskId,
    status,
    path: resource.locator,
    bytes,
    output_bytes: outputBytes,
    archived_at: isoTime(at),
    kept_until: isoTime(resource.retainUntil ?? at),
  };
}

/** The archive of one agent. @throws {Fault} AGENT_NOT_FOUND, ARCHIVE_NOT_FOUND. */
export function keptOf({ store }: Pick<ArchivePorts, "store">, agentId: AgentId): KeptArchive {
  const agent = store.agent(agentId);
  if (agent === null) throw agentNotFound(agentId);
  const resource = store
    .resourcesOf(agentId)
    .find(({ identity, kind, state }) => isMade(kind, state) && identity !== null);
  if (resource === undefined) throw noArchiveOf(agentId);
  return { agentId, taskId: agent.taskId, status: agent.status, resource };
}

/** Where the archive of an agent lies. @throws {Fault} AGENT_NOT_FOUND, ARCHIVE_NOT_FOUND. */
export function archivePathOf(ports: Pick<ArchivePorts, "store">, agentId: AgentId): string {
  return keptOf(ports, agentId).resource.locator;
}

function isMade(kind: string, state: string): boolean {
  return kind === "archive" && state === "retained";
}

function noArchiveOf(agentId: AgentId): Fault {
  return new Fault("ARCHIVE_NOT_FOUND", `The agent "${agentId}" has no archive.`, {
    hint: 'Take one from "corral archive list"; an agent that is not archived yet is read with "corral logs".',
    details: { agent_id: agentId },
  });
}
