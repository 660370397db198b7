/** Agents with a conversation and no model: the fixture that stands in for Claude Code. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FIXTURE = join(import.meta.dirname, "../fixtures/agents/conversation.sh");

/** Puts the stand-in into a folder of the world's. @returns a PATH in which it is `claude`. */
export function standInPath(folder: string, path: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  copyFileSync(FIXTURE, join(bin, "claude"));
  chmodSync(join(bin, "claude"), 0o700);
  return `${bin}:${path}`;
}

/** The files of all conversations below a HOME. Absolute. */
export function conversations(home: string): readonly string[] {
  const folder = join(home, ".claude/projects/p");
  return readdirSync(folder).map((name) => join(folder, name));
}

/** What one conversation was told, in one text. */
export function toldIn(home: string): string {
  return conversations(home)
    .map((path) => readFileSync(path, "utf8"))
    .join("");
}
