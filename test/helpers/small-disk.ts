/** A file system of a few megabytes in memory, made and unmade by root, for a state directory to fill. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../src/kernel/fault.ts";

const BLOCK_BYTES = 4_096;
const STEP_BYTES = 1_048_576;
const FILLER = "filler";

export interface SmallDisk extends Disposable {
  /** Takes all room that is left. */
  fill(): void;
  /** Takes room until that many bytes are free, or fewer. */
  leave(freeBytes: number): void;
  /** Takes every inode that is left, with empty files. */
  fillInodes(): void;
  /** Makes it writable and eight times as large. May be called twice. */
  giveRoom(): void;
  /** Mounts it read-only. Nobody may have a file open for writing. */
  readOnly(): void;
}

/**
 * Mounts one at a directory that it makes. Disposing unmounts it, which proves it unused.
 * @param inodes  How many files it may have; absent: as many as there is memory for.
 */
export function mountSmallDisk(path: string, megabytes: number, inodes?: number): SmallDisk {
  mkdirSync(path, { mode: 0o700 });
  const files = inodes === undefined ? "" : `,nr_inodes=${inodes}`;
  const options = `size=${megabytes}m,mode=0700${files}`;
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", path]);
  const remount = (how: string) => execFileSync("mount", ["-o", `remount,${how}`, path]);
  return {
    ...takingRoom(path),
    giveRoom: () => void remount(`rw,size=${megabytes * 8}m`),
    readOnly: () => void remount("ro"),
    [Symbol.dispose]: () => void execFileSync("umount", [path]),
  };
}

/** Filling whatever file system is mounted there, and giving back what that took. */
export function takingRoom(path: string) {
  return {
    fill() {
      // A large file system in large steps first; what is written late is counted late.
      for (const step of [STEP_BYTES, BLOCK_BYTES, BLOCK_BYTES]) appendUntilFull(path, step);
    },
    leave(freeBytes: number) {
      const { bavail, bsize } = statfsSync(path);
      appendFileSync(join(path, FILLER), Buffer.alloc(Math.max(0, bavail * bsize - freeBytes), 1));
    },
    fillInodes() {
      try {
        for (let nth = 0; ; nth += 1) closeSync(openSync(join(path, `${FILLER}-${nth}`), "wx"));
      } catch (error) {
        if (errnoOf(error) !== "ENOSPC") throw error;
      }
    },
    giveBack: () => rmSync(join(path, FILLER), { force: true }),
  };
}

function appendUntilFull(path: string, step: number): void {
  const file = openSync(join(path, FILLER), "a", 0o600);
  const bytes = Buffer.alloc(step, 1);
  try {
    for (;;) {
      writeSync(file, bytes);
      if (step > BLOCK_BYTES) fdatasyncSync(file);
    }
  } catch (error) {
    if (errnoOf(error) !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

/** Whether this process may mount at all. */
export function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const path = join(process.env["TMPDIR"] ?? "/tmp", `try-${process.pid}`);
  try {
    mountSmallDisk(path, 1)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}
