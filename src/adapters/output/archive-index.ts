/** Reading an archive without unpacking it: its manifest, and where each member lies. */
import { open } from "node:fs/promises";
import { ArchiveManifest, MANIFEST_NAME } from "../../contract/archive.ts";
import { Fault, isAbsence } from "../../kernel/fault.ts";
import { MIB } from "../../kernel/units.ts";
import { readRange } from "./read-range.ts";
import type { SegmentPlace } from "./seekable.ts";
import type { Segment, StreamLayout } from "./segments.ts";
import { parseTarHeader, TAR_BLOCK, tarPadding, tarPlaces } from "./tar.ts";

/** A manifest that is longer is none of ours. Bytes. */
const MANIFEST_MOST = 64 * MIB;

/** Where one member's content lies in the archive. Bytes. */
export interface MemberPlace {
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ArchiveIndex {
  /** Absolute. */
  readonly path: string;
  readonly manifest: ArchiveManifest;
  readonly members: readonly MemberPlace[];
  /** Length of the whole archive by its manifest, the two blocks at its end left out. Bytes. */
  readonly end: number;
  /** A stream's layout; an empty one for a name that the archive does not hold. */
  streamNamed(
    name: string,
  ): StreamLayout & { readonly placeOf: (segment: Segment) => SegmentPlace };
}

/**
 * Opens an archive, reads its manifest and closes it.
 *
 * @returns null when there is no such file.
 * @throws {Fault} ARCHIVE_DAMAGED when it is no archive of ours; otherwise what the system said.
 */
export async function archiveIndex(path: string): Promise<ArchiveIndex | null> {
  try {
    await using handle = await open(path, "r");
    const header = parseTarHeader(await readRange(handle, 0, TAR_BLOCK));
    if (header?.name !== MANIFEST_NAME || header.size > MANIFEST_MOST) throw damaged(path);
    const text = (await readRange(handle, TAR_BLOCK, header.size)).toString("utf8");
    return indexOf(
      path,
      parseManifest(path, text),
      TAR_BLOCK + header.size + tarPadding(header.size),
    );
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

function indexOf(path: string, manifest: ArchiveManifest, start: number): ArchiveIndex {
  const { places, end } = tarPlaces(
    manifest.members.map(({ bytes }) => ({ size: bytes })),
    start,
  );
  const members = manifest.members.map((member, index) =>
    Object.assign({ at: places[index] ?? end }, member),
  );
  const placeOf = ({ name }: Segment): SegmentPlace => {
    const member = members.find((one) => one.name === name);
    if (member === undefined) throw damaged(path);
    return { path, at: member.at, bytes: member.bytes };
  };
  return {
    path,
    manifest,
    members,
    end,
    streamNamed(name) {
      const stream = manifest.streams.find((one) => one.name === name);
      const size = stream?.size_bytes ?? 0;
      return { segments: stream?.segments ?? [], plainFrom: size, size, placeOf };
    },
  };
}

function parseManifest(path: string, text: string): ArchiveManifest {
  try {
    return ArchiveManifest.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(path, error);
  }
}

/** The fault for what is no archive of ours, or not whole. */
export function damaged(path: string, cause?: unknown): Fault {
  const name = path.split("/").at(-1) ?? path;
  return new Fault("ARCHIVE_DAMAGED", `The archive "${name}" cannot be read.`, {
    hint: 'Keep the file and look at it with "tar tvf"; "corral archive prune" removes it.',
    details: { archive: name },
    cause,
  });
}
