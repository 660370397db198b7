/**
 * The few changes to files that rotation and archives are made of. Each is repeatable, and each is a
 * step at which everything may end: a test lays itself over this port and ends it there.
 */
import { execFile } from "node:child_process";
import { link, open, rename, rm, rmdir } from "node:fs/promises";
import { promisify } from "node:util";
import { errnoOf, isAbsence } from "../../kernel/fault.ts";

const OWNER_ONLY_FILE = 0o600;
/** Part of util-linux, and of busybox; Node has no call of its own for it. */
const FALLOCATE = "fallocate";

const run = promisify(execFile);

/** Appends to a file that is being made. */
export type Append = (bytes: Uint8Array) => Promise<void>;

export interface DurableFiles {
  /**
   * Writes a file from its beginning and syncs it; one that is there already is written over. One that
   * could not be written to its end is deleted.
   */
  create(path: string, fill: (append: Append) => Promise<void>): Promise<void>;
  /** Gives a file its name in one step; what had the name is replaced. Not durable before {@link syncFolder}. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name. @returns false when that name is taken already, which changes nothing. */
  link(from: string, to: string): Promise<boolean>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Removes one file; already gone is success. */
  remove(path: string): Promise<void>;
  /** Removes a folder. @returns false when something is in it still, which changes nothing. */
  removeFolder(path: string): Promise<boolean>;
  /** Gives the disk space of a range back; its bytes read as zero from then on and the size stays. */
  punch(path: string, from: number, to: number): Promise<void>;
}

/** Over the real file system. Every method throws what the system said. */
export const durableFiles: DurableFiles = {
  async create(path, fill) {
    try {
      await using handle = await open(path, "w", OWNER_ONLY_FILE);
      await fill(async (bytes) => {
        // A short write is continued; on a full disk the next one says why.
        for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
      });
      await handle.sync();
    } catch (error) {
      // On a full disk above all, half a file is room that nobody gets back.
      await rm(path, { force: true });
      throw error;
    }
  },
  rename,
  async link(from, to) {
    try {
      await link(from, to);
      return true;
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return false;
      throw error;
    }
  },
  async syncFolder(path) {
    await using handle = await open(path, "r");
    await handle.sync();
  },
  remove: (path) =>
    rm(path).catch((error: unknown) => {
      if (!isAbsence(error)) throw error;
    }),
  async removeFolder(path) {
    try {
      await rmdir(path);
      return true;
    } catch (error) {
      if (isAbsence(error)) return true;
      if (errnoOf(error) === "ENOTEMPTY" || errnoOf(error) === "EEXIST") return false;
      throw error;
    }
  },
  async punch(path, from, to) {
    const range = ["--punch-hole", "--offset", String(from), "--length", String(to - from)];
    await run(FALLOCATE, [...range, path]);
  },
};
