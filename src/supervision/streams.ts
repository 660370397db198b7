/** Agents' streams and archives as files: what supervision needs done with them. All paths absolute. */
import type { ArchiveManifest, ExportAnswer } from "../contract/archive.ts";
import type { Masking } from "../output/redacted-file.ts";
import type { StreamsSeen } from "./disk-ports.ts";

export interface RotateWish {
  /** Plain bytes of one segment; a stream is rotated when more than this is in none. */
  readonly segmentBytes: number;
  /** True: everything but the last lines, however little it is. */
  readonly all: boolean;
}

/** What a rotation did. */
export interface RotationReport {
  readonly segments: number;
  /** Plain bytes that are in segments now and were not before. */
  readonly bytes: number;
}

export interface ArchiveWish {
  readonly agentId: string;
  readonly directory: string;
  /** Where the archive goes. */
  readonly target: string;
  readonly facts: Pick<ArchiveManifest, "corral" | "archived_at" | "agent" | "receipt">;
  readonly segmentBytes: number;
}

/** Every method may be called at any time and again; calls for one agent wait for each other. */
/** What is made of an archive. */
export type ExportForm =
  /** A copy of the archive, as it is. */
  | { readonly as: "tar" }
  /** A folder with the streams, plain, and the records; with a null as they are. */
  | { readonly as: "files"; readonly masking: Masking | null };

export interface Streams {
  /**
   * How much of the longer-waiting stream of an agent is in no segment. Bytes; 0 when there is none. No
   * look at a file once the segments of an agent were listed.
   * @param seen  How far its streams have grown.
   * @throws what the system said when it could not look.
   */
  plainBytes(directory: string, seen: Pick<StreamsSeen, "stdoutBytes" | "stderrBytes">): number;
  /**
   * Compresses the beginning of the streams of an agent that may be running. Where no hole can be
   * made it does nothing. Bounded: a stream that grows faster than this compresses is left for the next call.
   * @throws what the system said: nothing is lost, and the next call goes on.
   */
  rotate(directory: string, wish: RotateWish): Promise<RotationReport>;
  /** Where the archive of an agent is, or would be. */
  archiveOf(agentId: string): string;
  /**
   * Makes the archive of an agent whose processes are gone, or finds it made; durable and read back.
   * @throws {Fault} ARCHIVE_EXISTS, ARCHIVE_DAMAGED; otherwise what the system said.
   */
  archive(
    wish: ArchiveWish,
  ): Promise<{ readonly manifest: ArchiveManifest; readonly bytes: number }>;
  /**
   * Removes the files that the archive holds.
   * @returns false when the folder stays because something else is in it.
   * @throws {Fault} PROBE_FAILED when a file has grown since.
   */
  removeArchived(directory: string, manifest: ArchiveManifest): Promise<boolean>;
  /** null when there is no such archive. @throws {Fault} ARCHIVE_DAMAGED. */
  manifest(archive: string): Promise<ArchiveManifest | null>;
  /**
   * Writes an archive to another place, and overwrites nothing. What it made is removed again when it fails.
   * @throws {Fault} ARCHIVE_NOT_FOUND, ARCHIVE_DAMAGED, EXPORT_REFUSED.
   */
  export(archive: string, to: string, form: ExportForm): Promise<ExportAnswer>;
  /** Deletes an archive and what was left of one in the making. @returns how its absence was seen. */
  removeArchive(archive: string): Promise<string>;
  /** Bytes of a stream on disk, its segments included; null when there is none. */
  sizeOf(path: string): number | null;
  /** Deletes a stream with its segments. @returns how its absence was seen. */
  remove(path: string): Promise<string>;
  /** Whether running streams can be rotated here. */
  canRotate(): Promise<{ readonly works: boolean; readonly detail: string }>;
}
