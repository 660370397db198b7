/** The matching lines of a range of a file, as runs with what lies around them. */
import { closeSync, openSync, readSync } from "node:fs";
import type { LineRun, ScanRange } from "../../output/ports.ts";
import { scanFile } from "./scan-file.ts";
import type { FindLines } from "./scan-lines.ts";

/**
 * @param goesOn  As {@link scanFile} asks it.
 * @returns       Null when it was told not to go on.
 */
export function scanRuns(
  range: ScanRange,
  find: FindLines,
  goesOn: () => boolean,
): readonly LineRun[] | null {
  const pairs = scanFile(range, find, goesOn, range.bring.from);
  return pairs === null ? null : brought(runsOf(pairs, range.bring), range);
}

type Run = Omit<LineRun, "around">;

/** Lines as pairs of numbers, joined where they are near each other. */
export function runsOf(
  pairs: readonly number[],
  { nearBytes, runMaxBytes }: Pick<ScanRange["bring"], "nearBytes" | "runMaxBytes">,
): readonly Run[] {
  const runs: { from: number; to: number; starts: number[] }[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    const [from = 0, to = 0] = [pairs[at], pairs[at + 1]];
    const last = runs.at(-1);
    if (last && from - last.to <= nearBytes && to - last.from <= runMaxBytes) {
      last.to = to;
      last.starts.push(from);
    } else runs.push({ from, to, starts: [from] });
  }
  return runs;
}

function brought(runs: readonly Run[], { path, bring }: ScanRange): readonly LineRun[] {
  if (runs.length === 0) return [];
  const file = openSync(path, "r");
  let room = bring.maxBytes;
  try {
    return runs.map((run) => {
      const at = Math.max(0, run.from - bring.aroundBytes);
      const length = run.to - at + bring.aroundBytes;
      if (at < bring.from || length > room) return { ...run, around: null };
      room -= length;
      // A buffer of its own: one from the pool would be sent with the whole pool.
      const bytes = new Uint8Array(length);
      const read = readSync(file, bytes, 0, length, at);
      const isWhole = at + read >= run.to;
      return { ...run, around: isWhole ? { at, bytes: bytes.subarray(0, read) } : null };
    });
  } finally {
    closeSync(file);
  }
}
