/**
 * Archives: what is kept of an agent that has settled, as one file.
 *
 * `archive/<agent>.tar` is a plain POSIX tar. Its first member is `manifest.json`, as below; the
 * others are the records of the runner as they were and the streams as segments in the zstd
 * seekable format, so that `tar` and `zstd` read all of it, and Corral any byte without unpacking.
 */
import { z } from "zod";
import { AgentView, Receipt } from "./agent.ts";

/** Grows when an older Corral could not read what a newer one writes. */
export const ARCHIVE_FORMAT = 1;

/** Name of the first member. */
export const MANIFEST_NAME = "manifest.json";

const byteRange = { from: z.int(), to: z.int() };

export const ArchivedStream = z.object({
  name: z.string().describe("stream.jsonl or stderr.log"),
  size_bytes: z.int().describe("what the agent wrote; cursors go from 0 to this"),
  segments: z.array(z.object({ name: z.string(), ...byteRange })),
  gaps: z.array(z.object({ ...byteRange, reason: z.string() })),
});
export type ArchivedStream = z.infer<typeof ArchivedStream>;

export const ArchiveManifest = z.object({
  format: z.literal(ARCHIVE_FORMAT),
  corral: z.string().describe("version that made it"),
  archived_at: z.string(),
  agent: AgentView,
  receipt: Receipt,
  streams: z.array(ArchivedStream),
  members: z
    .array(z.object({ name: z.string(), bytes: z.int(), sha256: z.string() }))
    .describe("every further member, in the order of the file"),
});
export type ArchiveManifest = z.infer<typeof ArchiveManifest>;

export const ArchiveEntry = z.object({
  agent_id: z.string(),
  task_id: z.string(),
  status: z.string(),
  path: z.string(),
  bytes: z.int().describe("on disk"),
  output_bytes: z.int().describe("what the agent printed, both streams"),
  archived_at: z.string(),
  kept_until: z.string(),
});
export type ArchiveEntry = z.infer<typeof ArchiveEntry>;

export const ArchivesAnswer = z.object({
  archives: z.array(ArchiveEntry).describe("newest first"),
  total: z.int().describe("how many there are; the list may be shorter"),
  total_bytes: z.int(),
});
export type ArchivesAnswer = z.infer<typeof ArchivesAnswer>;

export const ArchiveAnswer = ArchiveEntry.extend({ manifest: ArchiveManifest });
export type ArchiveAnswer = z.infer<typeof ArchiveAnswer>;

export const ExportInput = z.strictObject({
  to: z
    .string()
    .min(2)
    .max(4_096)
    .regex(/^\/[^\0]*$/, "must be an absolute path")
    .describe("the folder that is made; must not exist yet"),
});
export type ExportInput = z.infer<typeof ExportInput>;
export const ExportAnswer = z.object({
  to: z.string(),
  files: z.int(),
  bytes: z.int(),
  redacted: z.boolean().describe("whether secrets were masked on the way out"),
});
export type ExportAnswer = z.infer<typeof ExportAnswer>;

export const PruneInput = z.strictObject({
  dry_run: z.boolean().default(false),
  agent_ids: z.array(z.string()).max(10_000).optional().describe("these and no others"),
  task_id: z.string().optional().describe("archives of this task only"),
  older_than_s: z.number().min(0).optional().describe("archived longer ago than this"),
  keep_bytes: z.int().min(0).optional().describe("the oldest go until no more than this is left"),
});
export type PruneInput = z.infer<typeof PruneInput>;
export const PruneAnswer = z.object({
  dry_run: z.boolean(),
  deleted: z.array(
    ArchiveEntry.pick({ agent_id: true, task_id: true, path: true, bytes: true }).extend({
      why: z.string(),
    }),
  ),
  failed: z.array(z.object({ agent_id: z.string(), error: z.string() })),
  freed_bytes: z.int().describe("or, in a dry run, what would be freed"),
});
export type PruneAnswer = z.infer<typeof PruneAnswer>;
