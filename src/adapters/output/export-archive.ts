/**
 * Exporting an archive: the file itself, or everything in it as plain files. Nothing is ever
 * overwritten, and what was made is removed again when the whole of it cannot be.
 */
import { constants, copyFile, mkdir, open, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type ArchiveManifest, type ExportAnswer, MANIFEST_NAME } from "../../contract/archive.ts";
import { errnoOf, Fault, messageOf } from "../../kernel/fault.ts";
import { KIB } from "../../kernel/units.ts";
import type { Masking } from "../../output/redacted-file.ts";
import type { ExportForm } from "../../supervision/streams.ts";
import { type ArchiveIndex, damaged, type MemberPlace } from "./archive-index.ts";
import { readRange } from "./read-range.ts";
import { seekableReader } from "./seekable.ts";
import { partsOf } from "./segments.ts";

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
/** Each is masked in one go, on the thread that everybody waits for. */
const CHUNK_BYTES = 256 * KIB;

/** Bytes as they come, in order. */
type Pieces = AsyncIterable<Uint8Array>;

/**
 * @param to  What is made. Absolute.
 * @throws {Fault} EXPORT_REFUSED when `to` is there already or cannot be made; ARCHIVE_DAMAGED.
 */
export async function exportArchive(
  index: ArchiveIndex,
  to: string,
  form: ExportForm,
): Promise<ExportAnswer> {
  const made: Made = { files: [], folder: null };
  try {
    if (form.as === "tar") return await copied(index.path, to, made);
    const bytes = await unpacked(index, { to, made, masking: form.masking });
    return { to, files: made.files.length, bytes, redacted: form.masking !== null };
  } catch (error) {
    await unmake(made);
    if (error instanceof Fault) throw error;
    throw refused(to, error);
  }
}

/** Ours, because it was not there before. Absolute paths. */
interface Made {
  readonly files: string[];
  folder: string | null;
}

async function unmake({ files, folder }: Made): Promise<void> {
  for (const file of files) await unlink(file).catch(() => undefined);
  if (folder !== null) await rmdir(folder).catch(() => undefined);
}

async function copied(archive: string, to: string, made: Made): Promise<ExportAnswer> {
  // Made here first, so that it is known whose it is should the copy fail.
  await using handle = await open(to, "wx", OWNER_ONLY_FILE);
  made.files.push(to);
  await copyFile(archive, to, constants.COPYFILE_FICLONE);
  await handle.chmod(OWNER_ONLY_FILE);
  await handle.sync();
  return { to, files: 1, bytes: (await handle.stat()).size, redacted: false };
}

interface Unpacking {
  readonly to: string;
  readonly made: Made;
  readonly masking: Masking | null;
}

async function unpacked(index: ArchiveIndex, { to, made, masking }: Unpacking): Promise<number> {
  await mkdir(to, { mode: OWNER_ONLY_FOLDER });
  made.folder = to;
  const { manifest, members } = index;
  const masked = (pieces: Pieces): Pieces => masking?.pieces(pieces) ?? pieces;
  const write = async (name: string, runs: AsyncIterable<Pieces> | readonly Pieces[]) => {
    const path = join(to, name);
    await using target = await open(path, "wx", OWNER_ONLY_FILE);
    made.files.push(path);
    let written = 0;
    for await (const run of runs) {
      for await (const piece of run) {
        await target.writeFile(piece);
        written += piece.length;
      }
    }
    return written;
  };
  const segments = new Set(manifest.streams.flatMap((one) => one.segments.map(({ name }) => name)));
  const records = members.filter(({ name }) => !segments.has(name));
  let bytes = await write(MANIFEST_NAME, [textOf(masking?.value(manifest) ?? manifest)]);
  for (const one of records)
    bytes += await write(one.name, [masked(recordPieces(index.path, one))]);
  for (const { name } of manifest.streams) {
    bytes += await write(name, streamRuns(index, name, masked));
  }
  return bytes;
}

async function* textOf(manifest: ArchiveManifest): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

async function* recordPieces(archive: string, member: MemberPlace): AsyncGenerator<Uint8Array> {
  await using source = await open(archive, "r");
  for (let at = 0; at < member.bytes;) {
    const length = Math.min(CHUNK_BYTES, member.bytes - at);
    const piece = await readRange(source, member.at + at, length);
    if (piece.length === 0) throw damaged(archive);
    yield piece;
    at += piece.length;
  }
}

/** What there is of a stream, from gap to gap: the manifest beside it names those. */
async function* streamRuns(
  index: ArchiveIndex,
  stream: string,
  masked: (pieces: Pieces) => Pieces,
): AsyncGenerator<Pieces> {
  const layout = index.streamNamed(stream);
  const reader = seekableReader();
  const parts = partsOf(layout, 0, layout.size);
  async function* run(first: number): AsyncGenerator<Uint8Array> {
    for (const part of parts.slice(first)) {
      if (part.in !== "segment") return;
      const { from, segment, to } = part;
      for (let at = from; at < to;) {
        const length = Math.min(CHUNK_BYTES, to - at);
        const piece = await reader
          .read(layout.placeOf(segment), at - segment.from, length)
          .catch((error: unknown) => {
            throw damaged(index.path, error);
          });
        yield piece;
        at += piece.length;
      }
    }
  }
  for (const [at, part] of parts.entries()) {
    const isBegin = part.in === "segment" && parts[at - 1]?.in !== "segment";
    if (isBegin) yield masked(run(at));
  }
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
