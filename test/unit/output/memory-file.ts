/** A stream in memory that counts what is read of it. */
import type { LineMatcher, OutputFile } from "../../../src/output/ports.ts";
import type { BlockSizes } from "../../../src/output/blocks.ts";

export interface MemoryFile extends OutputFile {
  readonly bytesRead: () => number;
  append(text: string | Uint8Array): void;
}

export function memoryFile(content: string | Uint8Array = ""): MemoryFile {
  let bytes: Uint8Array = Buffer.from(content as string);
  let bytesRead = 0;
  return {
    size: async () => bytes.length,
    read: async (from, length) => {
      const part = bytes.subarray(from, from + length);
      bytesRead += part.length;
      return part;
    },
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
      const lines = new TextDecoder().decode(block).split("\n");
      if (lines.at(-1) === "") lines.pop();
      return lines.flatMap((line, number) => (new RegExp(pattern).test(line) ? [number] : []));
    },
    close: async () => {},
  }),
};
