/** Conversations of agent CLIs as files: looking whether one is there, and taking it along. */
import { chmodSync, constants, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isAbsence } from "../../kernel/fault.ts";

/** year/month/day of Codex, project/chats of Gemini, project of Claude Code. */
const DEPTH_MOST = 5;
const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

/** See {@link AgentFiles.hasFile}. */
export function hasFile(root: string, endings: readonly string[]): boolean {
  return isBelow(root, endings, DEPTH_MOST);
}

function isBelow(folder: string, endings: readonly string[], depth: number): boolean {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    const isHere = entries.some(
      (entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)),
    );
    if (isHere || depth === 0) return isHere;
    return entries.some(
      (entry) => entry.isDirectory() && isBelow(join(folder, entry.name), endings, depth - 1),
    );
  } catch (error) {
    return !isAbsence(error);
  }
}

/** See {@link AgentFiles.copyFolder}. Shares blocks with the original where the file system can. */
export function copyFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: OWNER_ONLY_FOLDER });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyFolder(source, target);
    if (!entry.isFile()) continue;
    copyFileSync(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    chmodSync(target, OWNER_ONLY_FILE);
  }
}
