/** File systems that write nothing in place. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";

/** As statfs(2) numbers them. Not told below overlayfs, which has a number of its own. */
const COPY_ON_WRITE: ReadonlySet<number> = new Set([
  0x91_23_68_3e, // btrfs
  0x2f_c1_2f_c1, // zfs
  0xca_45_1a_4e, // bcachefs
]);

/**
 * Whether a page of a file there may need new room although the file is no longer than it was.
 * When there is none, write(2) says so, but a mapped page ends the process with SIGBUS.
 */
export function isCopyOnWrite(path: string): boolean {
  if (process.platform !== "linux") return false;
  return COPY_ON_WRITE.has(statfsSync(dirname(path)).type);
}
