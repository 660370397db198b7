/** A stream in memory that counts what is read of it. */
import type { LineMatcher, OutputFile, StreamGap } from "../../../src/output/ports.ts";
import type { BlockSizes } from "../../../src/output/blocks.ts";

export interface MemoryFile extends OutputFile {
  readonly bytesRead: () => number;
  append(text: string | Uint8Array): void;
}

/** @param gaps  What is lost of it, ascending; nothing is handed out there. */
export function memoryFile(
  content: string | Uint8Array = "",
  gaps: readonly StreamGap[] = [],
): MemoryFile {
  let bytes: Uint8Array = Buffer.from(content as string);
  let bytesRead = 0;
  return {
    size: async () => bytes.length,
    read: async (from, length) => {
      if (gaps.some((gap) => gap.from <= from && from < gap.to)) return new Uint8Array(0);
      const end = gaps.find((gap) => gap.from >= from)?.from ?? Number.POSITIVE_INFINITY;
      const part = bytes.subarray(from, Math.min(from + length, end));
      bytesRead += part.length;
      return part;
    },
    gaps: async (from, to) =>
      gaps
        .map((gap) => ({ ...gap, from: Math.max(gap.from, from), to: Math.min(gap.to, to) }))
        .filter((gap) => gap.from < gap.to),
    plainPart: async () => null,
    source: async () => (bytes.length > 0 ? "stream" : "none"),
    bytesRead: () => bytesRead,
    append: (text) => {
      bytes = Buffer.concat([bytes, Buffer.from(text as string)]);
    },
  };
}

/** Small enough that every property meets block borders and oversized lines. */
export const TINY: BlockSizes = {
  chunkBytes: 8,
  chunkMaxBytes: 32,
  lineMaxBytes: 64,
  headBytes: 16,
};

/** A matcher on this thread, for patterns that are known to be harmless. */
export const directMatcher: LineMatcher = {
  open: async (pattern) => ({
    match: async (block) => {
      const starts: number[] = [];
      const bytes = Buffer.from(block);
      for (let start = 0; start < bytes.length;) {
        const newline = bytes.indexOf(10, start);
        const end = newline < 0 ? bytes.length : newline;
        if (new RegExp(pattern).test(bytes.toString("utf8", start, end))) starts.push(start);
        start = end + 1;
      }
      return starts;
    },
    scan: () => Promise.reject(new Error("what is in memory lies in no file")),
    close: async () => {},
  }),
};
