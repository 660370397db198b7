/** Evidence of work: files below a folder that changed since a time. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { EpochMs } from "../../kernel/units.ts";

/** Folders that are never an agent's work. */
const LEFT_OUT: ReadonlySet<string> = new Set([".git", ".agent-workspace", "node_modules"]);
/** More entries than this are not looked at: evidence must not cost more than the claim. */
const ENTRIES_MOST = 20_000;
/** Enough changed files to say that work was done. */
const CHANGED_MOST = 100;
/** Coarse clocks of some file systems. */
const SLACK_MS = 1_000;

/**
 * Counts files whose content changed at or after a time.
 * @returns up to 100; null when the folder was too large to say within the budget, or could not be read.
 */
export async function changedSince(folder: string, since: EpochMs): Promise<number | null> {
  const pending = [folder];
  let seen = 0;
  let changed = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    let entries;
    try {
      entries = await readdir(next, { withFileTypes: true });
    } catch {
      if (next === folder) return null;
      continue;
    }
    for (const entry of entries) {
      seen += 1;
      if (seen > ENTRIES_MOST) return changed > 0 ? changed : null;
      if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) pending.push(join(next, entry.name));
      if (entry.isFile() && (await isChanged(join(next, entry.name), since))) changed += 1;
      if (changed >= CHANGED_MOST) return changed;
    }
  }
  return changed;
}

async function isChanged(path: string, since: EpochMs): Promise<boolean> {
  try {
    return (await lstat(path)).mtimeMs >= since - SLACK_MS;
  } catch {
    // It went away while we looked: a change, but no evidence that can be shown.
    return false;
  }
}
