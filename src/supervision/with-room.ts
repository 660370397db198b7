/** Writing down what must be written down, on a full disk with the ballast's room. */
import { asFault } from "../kernel/fault.ts";
import type { Ballast } from "./disk-ports.ts";

/**
 * Does some work; when the disk is full, empties a piece of the ballast and does it again, at
 * once: what fills the disk takes that room, too.
 *
 * @param work  Must be safe to do again after a failure. Told how often it has failed.
 * @throws what the work threw, when that was no full disk or no piece is left.
 */
export function withRoom<T>(ballast: Pick<Ballast, "spend">, work: (failures: number) => T): T {
  for (let failures = 0; ; failures += 1) {
    try {
      return work(failures);
    } catch (error) {
      if (asFault(error).code !== "DISK_FULL" || !ballast.spend()) throw error;
    }
  }
}
