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
    if (!isRight) return { works: false, detail: "fallocate made something else than a hole" };
    if (freed <= 0) return { works: false, detail: "a hole gives no space back here" };
    return { works: true, detail: "running streams are compressed and their space given back" };
  } catch (error) {
    const why = messageOf(error).trim().split("\n").at(-1) ?? "";
    return { works: false, detail: `no hole can be made here (${why.slice(0, 200)})` };
  } finally {
    await files.remove(path).catch(() => undefined);
  }
}
