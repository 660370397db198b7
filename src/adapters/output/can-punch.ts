/** Whether a file system gives the space of a hole back, found out by making one. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../kernel/fault.ts";
import { KIB } from "../../kernel/units.ts";
import type { DurableFiles } from "./durable-files.ts";

/** Always the same: the next probe writes over what a crash left of an earlier one, and removes it. */
const PROBE_NAME = ".punch-probe";
const PROBE_BYTES = 256 * KIB;
const HOLE_FROM = 64 * KIB;
const HOLE_TO = 192 * KIB;
/** `st_blocks` counts these, whatever the file system's own blocks are. */
const STAT_BLOCK_BYTES = 512;

/** What the probe found. */
export interface PunchProbe {
  readonly works: boolean;
  /** False when it came to no end (a full disk, no handle to be had): then it says nothing of the file system. */
  readonly isCertain: boolean;
  /** One line for people. */
  readonly detail: string;
}

/**
 * Punches a hole into a file of its own and looks what became of it.
 *
 * @param folder  Where the probe file is made, and removed again; on the file system in question.
 */
export async function probePunch(folder: string, files: DurableFiles): Promise<PunchProbe> {
  const path = join(folder, PROBE_NAME);
  try {
    await files.create(path, (append) => append(Buffer.alloc(PROBE_BYTES, "x")));
    const before = await stat(path);
    await files.punch(path, HOLE_FROM, HOLE_TO);
    const after = await stat(path);
    const bytes = await readFile(path);
    const isRight =
      bytes.length === PROBE_BYTES &&
      bytes.every((byte, at) => byte === (at >= HOLE_FROM && at < HOLE_TO ? 0 : 0x78));
    const freed = (before.blocks - after.blocks) * STAT_BLOCK_BYTES;
    if (!isRight) return found(false, "fallocate made something else than a hole");
    if (freed <= 0) return found(false, "a hole gives no space back here");
    return found(true, "running streams are compressed and their space given back");
  } catch (error) {
    const why = messageOf(error).trim().split("\n").at(-1) ?? "";
    const detail = `no hole can be made here (${why.slice(0, 200)})`;
    return { works: false, isCertain: isRefusal(error), detail };
  } finally {
    await files.remove(path).catch(() => undefined);
  }
}

function found(works: boolean, detail: string): PunchProbe {
  return { works, isCertain: true, detail };
}

/** fallocate is not there, or it ran and said no, by a number. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  const isMissing = "syscall" in error && String(error.syscall).startsWith("spawn");
  return typeof error.code === "number" || (error.code === "ENOENT" && isMissing);
}
