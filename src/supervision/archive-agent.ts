/**
 * Archiving one agent: its files become one archive, and the archive takes the place of their rows.
 *
 *   rows of the archive and of the link to it, durable → archive, durable and read back → link
 *   → the agent's own files and the link to them removed → their rows crossed out, event
 *
 * The archive's rows begin as `retained`, not as `intended`: the agent is clean and stays so, and
 * what is not there yet is "already gone" for whoever deletes it. Ended at any step, the next pass
 * goes on, because the row of the stream is still there.
 */
import type { AgentRecord } from "../agents/record.ts";
import { humanBytes, isoTime } from "../kernel/units.ts";
import type { ReleaseOutcome } from "../ledger/ports.ts";
import type { Resource, ResourceIntent, ResourceKind } from "../ledger/resource.ts";
import type { ArchiveManifest } from "../contract/archive.ts";
import { receiptOf } from "../ledger/receipt.ts";
import type { Setting } from "./setting.ts";
import { agentView } from "./views.ts";

/** What the row of an archive keeps, so that a list needs no look at the files. */
export interface ArchiveFacts {
  /** On disk. */
  readonly bytes: number;
  /** What the agent printed, both streams. Bytes. */
  readonly outputBytes: number;
  readonly at: number;
  /** Why it is deleted before its date; absent while it is not. */
  readonly why?: string;
}

const IN_ARCHIVE: ReadonlySet<ResourceKind> = new Set([
  "deploy_record",
  "stream_log",
  "stderr_log",
]);

/**
 * Archives a settled agent that holds nothing any more. Repeatable; one at a time per agent.
 *
 * @throws {Fault} what {@link Streams.archive} throws: then its files stay where they are.
 */
export async function archiveAgent(setting: Setting, agent: AgentRecord): Promise<void> {
  const { store, streams } = setting;
  const rows = store.resourcesOf(agent.id);
  const kept = rows.find(({ kind, state }) => kind === "stream_log" && state === "retained");
  if (kept === undefined || agent.endedAt === null) return;
  const target = streams.archiveOf(agent.id);
  const link = linkOf(setting, agent);
  const intents: ResourceIntent[] = [
    { kind: "archive", locator: target },
    ...(link === null ? [] : [{ kind: "workspace_link" as const, locator: link }]),
  ];
  const until = kept.retainUntil ?? setting.clock.now();
  const [row] = store.keepUntil(agent.id, intents, until, "being made");
  const { manifest, bytes } = await streams.archive({
    agentId: agent.id,
    directory: agent.directory,
    target,
    segmentBytes: setting.configuration().segment_bytes,
    facts: {
      corral: setting.version,
      archived_at: isoTime(setting.clock.now()),
      agent: agentView(store, agent),
      receipt: receiptOf(agent.id, rows, true, []),
    },
  });
  if (link !== null) setting.files.link(link, target);
  const isGone = await streams.removeArchived(agent.directory, manifest);
  const links = rows.filter(
    ({ kind, locator, state }) =>
      kind === "workspace_link" && locator !== link && state === "retained",
  );
  if (isGone) for (const { locator } of links) setting.files.remove(locator);
  const facts: ArchiveFacts = {
    bytes,
    outputBytes: outputBytesOf(manifest),
    at: setting.clock.now(),
  };
  const over = rows.filter(
    ({ kind, state }) =>
      state === "retained" && IN_ARCHIVE.has(kind) && (isGone || kind !== "deploy_record"),
  );
  const seen = `${humanBytes(bytes)}, kept until ${isoTime(until)}`;
  store.atomically(() => {
    store.describeKept(row!.id, facts, seen);
    store.recordReleases([...over, ...(isGone ? links : [])].map((one) => inArchive(one, target)));
    store.addEvent({
      kind: "archive.made",
      taskId: agent.taskId,
      agentId: agent.id,
      facts: { path: target, bytes, output_bytes: facts.outputBytes },
    });
  });
  setting.log.info("archive.made", { agentId: agent.id, bytes, outputBytes: facts.outputBytes });
}

/** The place of the link in the task's workspace; null when somebody has removed the workspace. */
function linkOf({ files, store }: Setting, agent: AgentRecord): string | null {
  const workspace = store.task(agent.taskId)?.workspace;
  const folder = workspace === undefined ? null : `${workspace}/archive`;
  if (folder === null || files.sizeOf(folder) === null) return null;
  return `${folder}/${agent.id}.tar`;
}

function inArchive(resource: Resource, archive: string): ReleaseOutcome {
  return {
    resource,
    error: null,
    undone: { gone: true, seen: `no such file: it is in ${archive}` },
  };
}

function outputBytesOf({ streams }: ArchiveManifest): number {
  return streams.reduce((sum, { size_bytes: bytes }) => sum + bytes, 0);
}
