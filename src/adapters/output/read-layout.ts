/** Looking where a stream lies. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isAbsence } from "../../kernel/fault.ts";
import { MIB } from "../../kernel/units.ts";
import { layoutOf, parsePunched, punchedName, type StreamLayout } from "./segments.ts";

/** `st_blocks` counts these, whatever the file system's own blocks are. */
const STAT_BLOCK_BYTES = 512;
/** What a file may take on disk beside its bytes: the ends of blocks, and its own map. */
const SLACK_BYTES = MIB;

/** A stream as its folder shows it. */
export interface FoundLayout extends StreamLayout {
  /** Apparent size of the stream's own file; null when there is none. */
  readonly plainSize: number | null;
  /** How far the hole was to reach, by its own record. */
  readonly punchedTo: number;
  /** True when a range that is in segments still takes place in the stream's own file. */
  readonly isHoleOpen: boolean;
}

/** Looks where a stream lies. @throws what the system said; ENOENT when there is no such folder. */
export async function readLayout(directory: string, stream: string): Promise<FoundLayout> {
  // The size first: a segment that is made meanwhile covers only more.
  const file = await stat(join(directory, stream)).catch(nullWhenAbsent);
  const punchedTo = await readPunched(directory, stream);
  const layout = layoutOf(stream, await readdir(directory), punchedTo, file?.size ?? null);
  const expected = Math.max(0, (file?.size ?? 0) - layout.plainFrom) + SLACK_BYTES;
  const covered = layout.segments.at(-1)?.to ?? 0;
  const isHoleOpen =
    covered > punchedTo ||
    (punchedTo > 0 && file !== null && file.blocks * STAT_BLOCK_BYTES > expected);
  return { ...layout, plainSize: file?.size ?? null, punchedTo, isHoleOpen };
}

/** How far the hole of a stream was to reach; 0 when none was made. @throws what the system said. */
export async function readPunched(directory: string, stream: string): Promise<number> {
  const text = await readFile(join(directory, punchedName(stream)), "utf8").catch(nullWhenAbsent);
  return text === null ? 0 : parsePunched(text);
}

function nullWhenAbsent(error: unknown): null {
  if (isAbsence(error)) return null;
  throw error;
}
