/**
 * The ballast: pieces of a folder in the state directory, full of noise.
 *
 * Several, because room that becomes free on a full disk is at once taken by whoever writes
 * most: each piece is one more try. Noise, because a file system may compress or share what is
 * alike. A piece is emptied in place, by us or by a runner (free_ballast in runner.sh), and
 * never deleted but by the release of the whole.
 */
import { randomFillSync } from "node:crypto";
import { constants, lstatSync, mkdirSync, truncateSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { KIB } from "../../kernel/units.ts";
import type { Ballast } from "../../supervision/disk-ports.ts";

/** Names that runner.sh knows as well. */
const PIECES = ["1", "2", "3", "4", "5", "6", "7", "8"] as const;
const PAGE_BYTES = 4 * KIB;
const WRITE_BYTES = 256 * KIB;
const BLOCK_BYTES = 512;
const ALLOCATED_LEAST = 0.9;
/** A link in a piece's place leads to something that is not ours. */
const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;

/** The ballast in a folder, which is made when the first piece is filled. */
export function ballast(directory: string): Ballast {
  const paths = PIECES.map((name) => join(directory, name));
  return {
    directory,
    size: () => paths.reduce((sum, path) => sum + (seenAt(path)?.bytes ?? 0), 0),
    spend() {
      // The last first, and runners the first first: two that are in need empty two.
      return paths.toReversed().some(empty);
    },
    async fill(bytes) {
      const piece = Math.floor(bytes / PIECES.length / PAGE_BYTES) * PAGE_BYTES;
      const isFull = (path: string): boolean => {
        const seen = seenAt(path);
        // A piece that was emptied while it was being filled has a hole.
        return seen?.size === piece && seen.bytes >= piece * ALLOCATED_LEAST;
      };
      const path = paths.find((one) => !isFull(one));
      if (path === undefined) return true;
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      await fillPiece(path, piece);
      return paths.every(isFull);
    },
  };
}

function seenAt(path: string): { readonly size: number; readonly bytes: number } | null {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (seen === undefined || !seen.isFile()) return null;
  return { size: seen.size, bytes: seen.blocks * BLOCK_BYTES };
}

function empty(path: string): boolean {
  try {
    if ((seenAt(path)?.bytes ?? 0) === 0) return false;
    truncateSync(path, 0);
    return true;
  } catch {
    // Whatever keeps it from being emptied, the next piece may do.
    return false;
  }
}

async function fillPiece(path: string, bytes: number): Promise<void> {
  await using file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    const noise = Buffer.allocUnsafe(Math.min(bytes, WRITE_BYTES));
    for (let left = bytes; left > 0; left -= noise.length) {
      randomFillSync(noise);
      await file.writeFile(noise.subarray(0, Math.min(left, noise.length)));
    }
    await file.datasync();
  } catch (error) {
    await file.truncate(0);
    throw error;
  }
}
