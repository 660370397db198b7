/** Exporting an archive: the file itself, or everything in it as plain files. Nothing is ever overwritten. */
import { constants, copyFile, mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ExportAnswer, MANIFEST_NAME } from "../../contract/archive.ts";
import { errnoOf, Fault, messageOf } from "../../kernel/fault.ts";
import { MIB } from "../../kernel/units.ts";
import type { ArchiveIndex, MemberPlace } from "./archive-index.ts";
import { readRange } from "./read-range.ts";
import { streamView } from "./stream-view.ts";

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
const CHUNK_BYTES = MIB;

/**
 * @param to    What is made. Absolute.
 * @param form  `tar`: a copy of the archive; `files`: a folder with the streams, plain, and the records.
 * @throws {Fault} EXPORT_REFUSED when `to` is there already or cannot be made.
 */
export async function exportArchive(
  archive: string,
  index: ArchiveIndex,
  to: string,
  form: "files" | "tar",
): Promise<ExportAnswer> {
  try {
    return form === "tar" ? await copied(archive, to) : await unpacked(archive, index, to);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw refused(to, error);
  }
}

async function copied(archive: string, to: string): Promise<ExportAnswer> {
  await copyFile(archive, to, constants.COPYFILE_EXCL);
  await using handle = await open(to, "r+");
  await handle.chmod(OWNER_ONLY_FILE);
  await handle.sync();
  return { to, files: 1, bytes: (await handle.stat()).size };
}

async function unpacked(
  archive: string,
  { manifest, members }: ArchiveIndex,
  to: string,
): Promise<ExportAnswer> {
  await mkdir(to, { mode: OWNER_ONLY_FOLDER });
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFile(join(to, MANIFEST_NAME), text, { mode: OWNER_ONLY_FILE, flag: "wx" });
  let bytes = Buffer.byteLength(text);
  const segments = new Set(manifest.streams.flatMap((one) => one.segments.map(({ name }) => name)));
  const records = members.filter(({ name }) => !segments.has(name));
  for (const record of records) bytes += await writeRecord(archive, record, to);
  for (const { name } of manifest.streams) bytes += await writeStream(archive, name, to);
  return { to, files: 1 + records.length + manifest.streams.length, bytes };
}

async function writeRecord(archive: string, member: MemberPlace, to: string): Promise<number> {
  await using source = await open(archive, "r");
  await using target = await open(join(to, member.name), "wx", OWNER_ONLY_FILE);
  for (let at = 0; at < member.bytes;) {
    const length = Math.min(CHUNK_BYTES, member.bytes - at);
    const chunk = await readRange(source, member.at + at, length);
    if (chunk.length === 0) throw new RangeError(`${member.name} ends too early`);
    await target.writeFile(chunk);
    at += chunk.length;
  }
  return member.bytes;
}

/** What there is of a stream, without its gaps: the manifest beside it names those. */
async function writeStream(archive: string, stream: string, to: string): Promise<number> {
  const view = streamView({ directory: to, stream, archive });
  await using target = await open(join(to, stream), "wx", OWNER_ONLY_FILE);
  const size = await view.size();
  const gaps = await view.gaps(0, size);
  let written = 0;
  for (let at = 0; at < size;) {
    const chunk = await view.read(at, CHUNK_BYTES);
    if (chunk.length === 0) {
      const gap = gaps.find((one) => one.from <= at && at < one.to);
      if (gap === undefined) throw new RangeError(`${stream} ends too early`);
      at = gap.to;
      continue;
    }
    await target.writeFile(chunk);
    at += chunk.length;
    written += chunk.length;
  }
  return written;
}

function refused(to: string, cause: unknown): Fault {
  const why =
    errnoOf(cause) === "EEXIST"
      ? "it is there already, and nothing is overwritten"
      : messageOf(cause);
  return new Fault("EXPORT_REFUSED", `The archive was not exported to "${to}": ${why}.`, {
    hint: "Name a path that does not exist yet, in a folder that you may write to.",
    details: { to },
    cause,
  });
}
