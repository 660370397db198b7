/** An agent's stream as one file on disk. */
import { open, stat } from "node:fs/promises";
import { Fault, errnoOf } from "../../kernel/fault.ts";
import type { OutputFile } from "../../output/ports.ts";

/**
 * Reads a stream file. Opens it per call and closes it again: a reader holds no handle
 * between calls, so a thousand followed agents cost none.
 *
 * A file that does not exist yet is an empty stream.
 */
export function outputFile(path: string): OutputFile {
  return {
    size: () => sizeOf(path),
    read: (from, length) => readAt(path, from, length),
    gaps: async () => [],
    source: async () => ((await sizeOf(path)) > 0 ? "stream" : "none"),
  };
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw unreadable(error);
  }
}

async function readAt(path: string, from: number, length: number): Promise<Uint8Array> {
  try {
    await using handle = await open(path, "r");
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      // oxlint-disable-next-line no-await-in-loop -- a short read continues where it stopped
      const { bytesRead } = await handle.read(bytes, filled, length - filled, from + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return new Uint8Array(0);
    throw unreadable(error);
  }
}

function unreadable(cause: unknown): Fault {
  return new Fault(
    "PROBE_FAILED",
    `The agent's output could not be read (${errnoOf(cause) ?? "unknown"}).`,
    {
      hint: 'Call again; if it stays so, run "corral doctor" to see where the files lie.',
      cause,
    },
  );
}
