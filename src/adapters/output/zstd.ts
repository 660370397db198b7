/** Frames of a segment: one MiB each, compressed on the thread pool and never on the daemon's own thread. */
import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { KIB, MIB } from "../../kernel/units.ts";

/** What one frame holds, plain. Bytes. */
export const FRAME_BYTES = MIB;

/** The fastest: agents need the processors more than the disk needs the last tenth. */
const LEVEL = 1;
/** What zstd may need for a frame that does not compress: its length and a 256th more. */
const COMPRESSED_MOST = FRAME_BYTES + 8 * KIB;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** One independent frame with its length and a checksum of its content in it. @param bytes  At most {@link FRAME_BYTES}. */
export function compressFrame(bytes: Uint8Array): Promise<Uint8Array> {
  return compress(bytes, {
    chunkSize: Math.min(COMPRESSED_MOST, bytes.length + 8 * KIB),
    pledgedSrcSize: bytes.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVEL,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
}

/**
 * @param plain  What it decompresses to, by the seek table. Bytes.
 * @throws what zstd said of a damaged frame, and a RangeError for one of another length.
 */
export async function decompressFrame(frame: Uint8Array, plain: number): Promise<Uint8Array> {
  const bytes = await decompress(frame, {
    chunkSize: Math.max(plain, KIB),
    maxOutputLength: plain + 1,
  });
  if (bytes.length !== plain)
    throw new RangeError(`a frame of ${plain} bytes holds ${bytes.length}`);
  return bytes;
}
