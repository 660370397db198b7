/**
 * Making one archive of an agent's files.
 *
 *   what is plain still → segments · archive under a temporary name, synced · read back and compared
 *   · its own name, never over another file · folder synced                      ← durable from here
 *   · the agent's files removed, each by its name · its folder
 *
 * Ended at any step, the next try goes on: before the archive has its name nothing was removed,
 * afterwards only what is in it is.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ARCHIVE_FORMAT, type ArchiveManifest, MANIFEST_NAME } from "../../contract/archive.ts";
import { Fault, isAbsence } from "../../kernel/fault.ts";
import { MIB } from "../../kernel/units.ts";
import { RUNNER_FILES } from "../../runner/records.ts";
import { archiveIndex, damaged, type ArchiveIndex } from "./archive-index.ts";
import type { Append, DurableFiles } from "./durable-files.ts";
import { readLayout } from "./read-layout.ts";
import { readRange } from "./read-range.ts";
import { rotate } from "./rotate.ts";
import { frameOf, seekTableOf } from "./seekable.ts";
import { gapsOf, punchedName, unfinishedName } from "./segments.ts";
import { parseTarHeader, TAR_BLOCK, TAR_END, tarHeader, tarPadding } from "./tar.ts";

/** Read and hashed at a time. Bytes. */
const CHUNK_BYTES = MIB;
const STREAMS: readonly string[] = [RUNNER_FILES.stdout, RUNNER_FILES.stderr];

export interface ArchiveOrder {
  readonly agentId: string;
  /** The agent's own folder. Nobody writes in it any more. */
  readonly directory: string;
  /** The archive. Absolute path in an existing folder. */
  readonly target: string;
  /** What the manifest says of the agent. */
  readonly facts: Pick<ArchiveManifest, "corral" | "archived_at" | "agent" | "receipt">;
  readonly segmentBytes: number;
  readonly frames: number;
}

/**
 * Makes the archive, or finds the one that an earlier try made. Nothing is removed.
 *
 * @returns its manifest: it is durable and was read back.
 * @throws {Fault} ARCHIVE_EXISTS when another file has its name; ARCHIVE_DAMAGED when what was read
 *                 back is not what was written; otherwise what the system said.
 */
export async function makeArchive(
  files: DurableFiles,
  order: ArchiveOrder,
): Promise<ArchiveManifest> {
  const { target, agentId } = order;
  const unfinished = `${target}.tmp`;
  const earlier = await archiveIndex(target);
  if (earlier === null) {
    const manifest = await gather(files, order);
    await files.create(unfinished, (append) => writeArchive(append, order, manifest));
    const made = await archiveIndex(unfinished);
    if (made === null) throw damaged(unfinished);
    await verify(unfinished, made);
    await files.link(unfinished, target);
    await files.syncFolder(dirname(target));
  }
  await files.remove(unfinished);
  const index = earlier ?? (await archiveIndex(target));
  if (index === null) throw damaged(target);
  if (index.manifest.agent.agent_id !== agentId) throw taken(target);
  if (earlier !== null) await verify(target, index);
  return index.manifest;
}

/** The segments that are missing still, then the manifest of all there is. */
async function gather(files: DurableFiles, order: ArchiveOrder): Promise<ArchiveManifest> {
  const { directory, segmentBytes, frames, facts } = order;
  const streams: ArchiveManifest["streams"] = [];
  for (const stream of STREAMS) {
    const whole = { directory, stream, segmentBytes, frames, keepBytes: 0, whenOver: 0 };
    // Not punched: it goes as a whole as soon as the archive is durable.
    await rotate(files, { ...whole, punches: false });
    const layout = await readLayout(directory, stream);
    if (layout.plainSize === null && layout.size === 0) continue;
    if (layout.plainSize !== null && layout.plainSize < layout.plainFrom) throw shrunk(stream);
    const { segments, size } = layout;
    const gaps = [...gapsOf(layout, 0, size)];
    streams.push({ name: stream, size_bytes: size, segments: [...segments], gaps });
  }
  const names = [
    ...(await recordsIn(directory)),
    ...streams.flatMap(({ segments }) => segments.map(({ name }) => name)),
  ];
  const members: ArchiveManifest["members"] = [];
  for (const name of names) members.push(await memberOf(directory, name));
  return { format: ARCHIVE_FORMAT, ...facts, streams, members };
}

/** Plain files of an agent's folder that belong to no stream, by name. What is no file stays where it is. */
async function recordsIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name !== MANIFEST_NAME)
    .map(({ name }) => name)
    .filter((name) => !STREAMS.some((stream) => name === stream || name.startsWith(`${stream}.`)))
    .toSorted();
}

async function memberOf(
  directory: string,
  name: string,
): Promise<ArchiveManifest["members"][number]> {
  await using handle = await open(join(directory, name), "r");
  const { size } = await handle.stat();
  return { name, bytes: size, sha256: await hashOf(handle, 0, size) };
}

async function hashOf(handle: FileHandle, from: number, length: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunksOf(handle, from, length)) hash.update(chunk);
  return hash.digest("hex");
}

async function* chunksOf(
  handle: FileHandle,
  from: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < length;) {
    const chunk = await readRange(handle, from + at, Math.min(CHUNK_BYTES, length - at));
    if (chunk.length === 0) throw new RangeError("a file is shorter than it was");
    yield chunk;
    at += chunk.length;
  }
}

async function writeArchive(
  append: Append,
  { agentId: folder, directory }: ArchiveOrder,
  manifest: ArchiveManifest,
): Promise<void> {
  const at = Math.floor(Date.parse(manifest.archived_at) / 1_000);
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  await append(tarHeader({ folder, name: MANIFEST_NAME, size: text.length }, at));
  await append(text);
  await append(new Uint8Array(tarPadding(text.length)));
  for (const { name, bytes } of manifest.members) {
    await append(tarHeader({ folder, name, size: bytes }, at));
    await using handle = await open(join(directory, name), "r");
    for await (const chunk of chunksOf(handle, 0, bytes)) await append(chunk);
    await append(new Uint8Array(tarPadding(bytes)));
  }
  await append(TAR_END);
}

/** Reads an archive from end to end: every member is what the manifest says, every segment decompresses. */
async function verify(path: string, { manifest, members, end }: ArchiveIndex): Promise<void> {
  await using handle = await open(path, "r");
  const { size } = await handle.stat();
  if (size !== end + TAR_END.length) throw damaged(path);
  for (const { name, at, bytes, sha256 } of members) {
    const header = parseTarHeader(await readRange(handle, at - TAR_BLOCK, TAR_BLOCK));
    if (header?.name !== name || header.size !== bytes) throw damaged(path);
    if ((await hashOf(handle, at, bytes)) !== sha256) throw damaged(path);
  }
  for (const { name, from, to } of manifest.streams.flatMap(({ segments }) => segments)) {
    const member = members.find((one) => one.name === name);
    if (member === undefined) throw damaged(path);
    const place = { path, at: member.at, bytes: member.bytes };
    let plain = 0;
    for (const frame of await seekTableOf(handle, place)) {
      plain += (await frameOf(handle, place, frame)).length;
    }
    if (plain !== to - from) throw damaged(path);
  }
}

/**
 * Removes the files that an archive holds: each by its name, after a look that it is no longer than
 * what was archived. Already gone is success.
 *
 * @returns false when the folder stays, because something is in it that is not in the archive.
 * @throws {Fault} PROBE_FAILED when a file has grown since: then it stays, and the archive too.
 */
export async function removeArchived(
  files: DurableFiles,
  directory: string,
  { members, streams }: Pick<ArchiveManifest, "members" | "streams">,
): Promise<boolean> {
  for (const { name, size_bytes: size } of streams) {
    await refuseGrown(join(directory, name), size);
    const record = punchedName(name);
    for (const file of [name, record, `${record}.tmp`, unfinishedName(name)]) {
      await files.remove(join(directory, file));
    }
  }
  for (const { name, bytes } of members) {
    await refuseGrown(join(directory, name), bytes);
    await files.remove(join(directory, name));
  }
  return files.removeFolder(directory);
}

async function refuseGrown(path: string, bytes: number): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    (error: unknown) => {
      if (isAbsence(error)) return 0;
      throw error;
    },
  );
  if (size <= bytes) return;
  throw new Fault("PROBE_FAILED", `${path} has grown since it was archived.`, {
    hint: 'Look who writes to it; its archive is whole up to there ("corral archive show").',
  });
}

/** What came after it lies below offsets that segments have: no archive could tell both. */
function shrunk(stream: string): Fault {
  return new Fault("PROBE_FAILED", `The agent has truncated its own ${stream}.`, {
    hint: "Its files stay as they are until their retention ends; read them where they lie.",
  });
}

function taken(path: string): Fault {
  return new Fault("ARCHIVE_EXISTS", `"${path}" is there already and is not this archive.`, {
    hint: "Move that file away; it is tried again by itself.",
  });
}
