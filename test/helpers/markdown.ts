/** Just enough Markdown to check documents against the code. */
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { pathsBelow, textOf } from "./source-graph.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const FOLDERS = ["docs", "bench", "test", "src", "scripts", ".ci"];
const AT_THE_ROOT = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/** True when that path, from the repository's root, is there. */
export function isThere(path: string): boolean {
  return existsSync(join(REPOSITORY, path));
}

/** Text of a document. @throws saying that the document has to be written. */
export function documentText(path: string): string {
  if (!isThere(path)) throw new Error(`${path} is missing: it is part of the product, write it`);
  return textOf(path);
}

/** Every Markdown file of ours. */
export function documents(): readonly string[] {
  const below = FOLDERS.filter(isThere).flatMap((folder) => pathsBelow(folder, ".md"));
  return [...AT_THE_ROOT.filter(isThere), ...below];
}

/** Texts of the headings, without marks. */
export function headings(markdown: string): readonly string[] {
  const found = withoutCode(markdown).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm);
  return [...found].map(([, text = ""]) => text.replaceAll("`", ""));
}

/** Cells of every table row, trimmed; header and rule rows included. */
export function tableRows(markdown: string): readonly (readonly string[])[] {
  const rows = markdown.split("\n").filter((line) => line.trimStart().startsWith("|"));
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Links of a document that lead nowhere, as written; those to other hosts are not followed. */
export function brokenLinks(path: string, markdown: string): readonly string[] {
  const targets = [...withoutCode(markdown).matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)];
  return targets.map(([, target = ""]) => target).filter((target) => isBroken(path, target));
}

function isBroken(path: string, target: string): boolean {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return false;
  const [file = "", anchor] = target.split("#");
  const to = file === "" ? path : posix.join(posix.dirname(path), decodeURIComponent(file));
  if (!isThere(to)) return true;
  if (anchor === undefined || !to.endsWith(".md")) return false;
  return !headings(textOf(to)).map(slug).includes(anchor);
}

/** The anchor that GitHub makes of a heading. */
function slug(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, "");
}
