/**
 * An agent's stream as one logical file, wherever its bytes lie by now.
 *
 *   archive there?   its members, and nothing else: it was made whole before the rest was removed
 *   else             segments, and the stream's own file behind them
 *
 * Rotation and archiving go on while we read. Before bytes are given up their place is written
 * down (a record of the hole, an archive), so a read that finds that nothing was written down since
 * its layout was looked at has read bytes, not a hole; any other read looks again.
 */
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, Fault, isAbsence } from "../../kernel/fault.ts";
import type { OutputFile, StreamGap } from "../../output/ports.ts";
import { type ArchiveIndex, archiveIndex } from "./archive-index.ts";
import { readLayout, readPunched } from "./read-layout.ts";
import { readRange } from "./read-range.ts";
import { type SegmentPlace, seekableReader } from "./seekable.ts";
import { gapsOf, partsOf, type Segment, type StreamLayout, type StreamPart } from "./segments.ts";

/** Looks at a stream that changes under us before it is called unreadable. */
const LOOKS = 5;

/** Where to look for a stream. All paths absolute. */
export interface StreamPlace {
  /** The agent's own folder. */
  readonly directory: string;
  /** File name of the stream. */
  readonly stream: string;
  /** Where its archive is, once there is one; null for a stream that is never archived. */
  readonly archive: string | null;
}

interface Look extends StreamLayout {
  readonly source: "stream" | "archive" | "none";
  /** False when the agent has no file of its own for it, or not any more. */
  readonly hasPlain: boolean;
  readonly placeOf: (segment: Segment) => SegmentPlace;
}

/** Opens nothing: every call opens what it needs and closes it again, so a reader costs no handle between calls. */
export function streamView(place: StreamPlace): OutputFile {
  const segments = seekableReader();
  let known: Look | null = null;

  const look = async (): Promise<Look> => {
    known = await lookAt(place);
    return known;
  };
  /** Tries again with a new look when what the last one saw is not there any more. */
  const withLook = async <T>(work: (seen: Look) => Promise<T | null>): Promise<T> => {
    for (let tried = 0; tried < LOOKS; tried += 1) {
      const seen = tried === 0 && known !== null ? known : await look();
      const answer = await work(seen).catch((error: unknown) => {
        if (isAbsence(error)) return null;
        throw error;
      });
      if (answer !== null) return answer;
    }
    throw new Error("the stream changed too often while it was read");
  };
  const readPart = async (part: StreamPart, seen: Look): Promise<Uint8Array | null> => {
    if (part.in === "gap") return EMPTY;
    if (part.in === "segment") {
      const { segment } = part;
      return segments.read(seen.placeOf(segment), part.from - segment.from, part.to - part.from);
    }
    if (!seen.hasPlain) return EMPTY;
    return readPlain(place, part.from, part.to - part.from);
  };
  const readFrom = (from: number, length: number): Promise<Uint8Array> =>
    withLook(async (seen) => {
      const part = partsOf(seen, from, from + length)[0];
      return part === undefined ? EMPTY : readPart(part, seen);
    });

  return {
    size: () => told(async () => (await look()).size),
    read: (from, length) => told(() => readAll(readFrom, from, length)),
    gaps: (from, to) =>
      told(async (): Promise<readonly StreamGap[]> => gapsOf(known ?? (await look()), from, to)),
    plainPart: () =>
      told(async () => {
        const { hasPlain, plainFrom, source } = await look();
        if (!hasPlain || source !== "stream") return null;
        const path = join(place.directory, place.stream);
        const isStill = async (from: number): Promise<boolean> => {
          const punchedTo = await readPunched(place.directory, place.stream);
          return punchedTo <= from && (await stat(path).catch(() => null)) !== null;
        };
        return { path, from: plainFrom, isStill, shown: (_, wanted) => wanted };
      }),
    source: () =>
      told(async () => {
        const { source, size } = known ?? (await look());
        return source === "stream" && size === 0 ? "none" : source;
      }),
  };
}

const EMPTY = new Uint8Array(0);

/** One piece after the other: a piece ends where a frame, a segment or the stream does. */
async function readAll(
  readFrom: (from: number, length: number) => Promise<Uint8Array>,
  from: number,
  length: number,
): Promise<Uint8Array> {
  const first = length <= 0 ? EMPTY : await readFrom(from, length);
  if (first.length === length || first.length === 0) return first;
  const pieces = [first];
  let filled = first.length;
  while (filled < length) {
    const piece = await readFrom(from + filled, length - filled);
    if (piece.length === 0) break;
    pieces.push(piece);
    filled += piece.length;
  }
  return Buffer.concat(pieces);
}

/** @returns null when the hole may have reached these bytes while they were read. */
async function readPlain(
  { directory, stream }: StreamPlace,
  from: number,
  length: number,
): Promise<Uint8Array | null> {
  await using handle = await open(join(directory, stream), "r");
  const bytes = await readRange(handle, from, length);
  return (await readPunched(directory, stream)) > from ? null : bytes;
}

async function lookAt({ directory, stream, archive }: StreamPlace): Promise<Look> {
  const index = archive === null ? null : await wholeArchive(archive, join(directory, stream));
  if (index !== null) {
    return { source: "archive", hasPlain: false, ...index.streamNamed(stream) };
  }
  const placeOf = ({ name }: Segment): SegmentPlace => ({
    path: join(directory, name),
    at: 0,
    bytes: null,
  });
  try {
    const layout = await readLayout(directory, stream);
    return { source: "stream", hasPlain: layout.plainSize !== null, ...layout, placeOf };
  } catch (error) {
    if (!isAbsence(error)) throw error;
    // Archived between the two looks?
    const now = archive === null ? null : await stat(archive).catch(() => null);
    if (now !== null) return lookAt({ directory, stream, archive });
    return { source: "none", hasPlain: false, segments: [], plainFrom: 0, size: 0, placeOf };
  }
}

/** Whatever lies in an archive's place: while the agent's own file is there, only a whole archive counts. */
async function wholeArchive(archive: string, plain: string): Promise<ArchiveIndex | null> {
  try {
    return await archiveIndex(archive);
  } catch (error) {
    const isPlain = await stat(plain).then(
      () => true,
      () => false,
    );
    if (isPlain && error instanceof Fault && error.code === "ARCHIVE_DAMAGED") return null;
    throw error;
  }
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault(
      "PROBE_FAILED",
      `The agent's output could not be read (${errnoOf(cause) ?? "damaged, or changing"}).`,
      {
        hint: 'Call again; if it stays so, run "corral doctor" to see where the files lie.',
        cause,
      },
    );
  }
}
