/**
 * Edits of TOML that leave everything else as it is: the entry is a block of lines of its own, and what
 * the text means is compared before and after.
 */
import { isDeepStrictEqual } from "node:util";
import { parse, stringify, TomlError } from "smol-toml";
import type { Editor } from "../../surface/cli/install/ports.ts";
import { type Tree, unusable, without } from "./trees.ts";

export const tomlEditor: Editor = {
  get: (text, path) => entryIn(read(text, path), path),
  set: (text, path, entry) => edited(text, path, entry),
  remove: (text, path) =>
    entryIn(read(text, path), path) === undefined ? text : edited(text, path, undefined),
};

type Entry = Readonly<Record<string, unknown>>;

function edited(text: string, path: readonly string[], entry: Entry | undefined): string {
  const before = read(text, path);
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const rest = withoutBlocks(text.split(/\r?\n/), path);
  const block = entry === undefined ? [] : blockOf(path, entry);
  const result = joined(rest, block, eol);
  const after = read(result, path);
  const isRight =
    isDeepStrictEqual(without(before, path), without(after, path)) &&
    isDeepStrictEqual(entryIn(after, path), entry);
  // Such as an entry inside an inline table.
  if (!isRight) throw unusable("its entry is written in a way that cannot be edited safely", path);
  return result;
}

function read(text: string, path: readonly string[]): Tree {
  try {
    // Plain objects, so that they compare with plain ones.
    return structuredClone(parse(text));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [why = "it does not parse"] = error.message.split("\n");
    throw unusable(`line ${error.line}: ${why.replace(/^Invalid TOML document: /, "")}`, path);
  }
}

function entryIn(tree: Tree, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Tree)[key] : undefined,
    tree,
  );
}

function blockOf(path: readonly string[], entry: Entry): readonly string[] {
  const values = Object.entries(entry);
  const isTable = (value: unknown): boolean => typeof value === "object" && !Array.isArray(value);
  const plain = Object.fromEntries(values.filter(([, value]) => !isTable(value)));
  const tables = values.filter(([, value]) => isTable(value));
  const lines = [`[${path.join(".")}]`, ...stringify(plain).trimEnd().split("\n")];
  for (const [key, value] of tables) lines.push("", ...blockOf([...path, key], value as Entry));
  return lines;
}

const HEADER = /^\s*\[\[?\s*([^\]]*?)\s*\]\]?\s*(?:#.*)?$/;

/** Lines of the tables at and below the path are left out, and the blank lines before each. */
function withoutBlocks(lines: readonly string[], path: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let isOurs = false;
  /** Comments and blanks at the end of a block: they may be about what follows. */
  let waiting: string[] = [];
  for (const line of lines) {
    const name = HEADER.exec(line)?.[1];
    if (name !== undefined) {
      const wasOurs = isOurs;
      isOurs = isBelow(keysOf(name), path);
      if (wasOurs && !isOurs) kept.push(...waiting);
      waiting = [];
    }
    if (!isOurs) kept.push(line);
    else if (/^\s*(?:#|$)/.test(line)) waiting.push(line);
    else waiting = [];
  }
  return kept;
}

/** `mcp_servers."corral".env` → its three keys. */
function keysOf(name: string): readonly string[] {
  const parts = name.match(/"[^"]*"|'[^']*'|[^.\s]+/g) ?? [];
  return parts.map((part) => part.replaceAll(/^["']|["']$/g, ""));
}

function isBelow(keys: readonly string[], path: readonly string[]): boolean {
  return path.every((key, index) => keys[index] === key);
}

function joined(rest: readonly string[], block: readonly string[], eol: string): string {
  const end = rest.findLastIndex((line) => line.trim() !== "") + 1;
  const lines = rest.slice(0, end);
  const all = block.length === 0 ? lines : [...lines, ...(end === 0 ? [] : [""]), ...block];
  return all.length === 0 ? "" : `${all.join(eol)}${eol}`;
}
