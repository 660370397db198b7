/** What `corral install` needs of the world. */
import type { Launcher } from "../../../harness/clients.ts";

/** A client's file, as it was read. */
export interface ClientFile {
  /** As the client names it. Absolute. */
  readonly path: string;
  /** Where it lies behind all links; the same as {@link path} where nothing is there yet. */
  readonly realPath: string;
  /** Null where there is none. */
  readonly text: string | null;
}

/** What is kept of an installation, so that it can be taken back. */
export interface InstallRecord {
  readonly client: string;
  readonly scope: string;
  readonly path: string;
  /** The file as it was before; null when there was none. */
  readonly before: string | null;
  /** Digest of the file as it was written. */
  readonly writtenDigest: string;
}

/** Edits of one format that leave everything else as it is: comments, order, blanks. Pure. */
export interface Editor {
  /** The entry; undefined when there is none. @throws {Fault} CLIENT_FILE_UNUSABLE naming the line. */
  get(text: string, path: readonly string[]): unknown;
  /** The text with the entry; `""` is an empty document. @throws {Fault} CLIENT_FILE_UNUSABLE. */
  set(text: string, path: readonly string[], entry: Readonly<Record<string, unknown>>): string;
  /** The text without it. @throws {Fault} CLIENT_FILE_UNUSABLE. */
  remove(text: string, path: readonly string[]): string;
}

export interface ClientConfigs {
  /**
   * The first of these files that exists, else the first as one that is not there.
   * @throws {Fault} CLIENT_FILE_UNUSABLE for what is no plain file of the user's, or leads nowhere.
   */
  read(candidates: readonly string[]): ClientFile;
  /**
   * Replaces the file as a whole, through links and with the mode that it had; null deletes it.
   * A death on the way leaves the old file or the new one.
   * @throws {Fault} CLIENT_FILE_UNUSABLE when it is no longer as it was read.
   */
  write(file: ClientFile, text: string | null): void;
  editor(format: "jsonc" | "toml"): Editor;
  /** Where the record of a client's file is kept. Absolute. */
  recordPath(client: string, scope: string, realPath: string): string;
  /** Null when there is none. */
  readRecord(path: string): InstallRecord | null;
  /** Durable on return. */
  writeRecord(path: string, record: InstallRecord): void;
  removeRecord(path: string): void;
  digest(text: string): string;
  launcher(): Launcher;
}
