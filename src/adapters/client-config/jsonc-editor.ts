/** Edits of JSON with comments that leave everything else as it is. */
import { isDeepStrictEqual } from "node:util";
import {
  applyEdits,
  type FormattingOptions,
  modify,
  parse,
  type ParseError,
  printParseErrorCode,
} from "jsonc-parser";
import type { Editor } from "../../surface/cli/install/ports.ts";
import { lineOf, unusable, type Tree, without } from "./trees.ts";

const BOM = "\uFEFF";

export const jsoncEditor: Editor = {
  get: (text, path) => path.reduce<unknown>(inner, read(body(text), path)),
  set: (text, path, entry) => edited(text, path, entry),
  remove: (text, path) =>
    path.reduce<unknown>(inner, read(body(text), path)) === undefined
      ? text
      : edited(text, path, undefined),
};

function inner(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Tree)[key] : undefined;
}

function edited(text: string, path: readonly string[], value: unknown): string {
  const plain = body(text);
  const source = plain.trim() === "" ? "{}\n" : plain;
  const before = read(source, path);
  const options = { formattingOptions: styleOf(source) };
  const result = applyEdits(source, modify(source, [...path], value, options));
  const after = read(result, path);
  const isRight =
    isDeepStrictEqual(without(before, path), without(after, path)) &&
    isDeepStrictEqual(path.reduce<unknown>(inner, after), value);
  if (!isRight) throw unusable("it could not be edited without changing something else", path);
  return `${text.startsWith(BOM) ? BOM : ""}${result}`;
}

function body(text: string): string {
  return text.startsWith(BOM) ? text.slice(BOM.length) : text;
}

/** The document as values. @throws {Fault} CLIENT_FILE_UNUSABLE when it is none, or its keys lead elsewhere. */
function read(text: string, path: readonly string[]): Tree {
  if (text.trim() === "") return {};
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) {
    const line = lineOf(text, error.offset);
    throw unusable(`line ${line}: ${printParseErrorCode(error.error)}`, path);
  }
  let here: unknown = value;
  for (const key of ["", ...path.slice(0, -1)]) {
    if (key !== "") here = inner(here, key);
    if (here === undefined) break;
    if (typeof here !== "object" || here === null || Array.isArray(here)) {
      throw unusable(key === "" ? "it is no object" : `"${key}" is no object`, path);
    }
  }
  return value as Tree;
}

/** As the file is written already. */
function styleOf(text: string): FormattingOptions {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? "  ";
  const isTab = indent.startsWith("\t");
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  return { insertSpaces: !isTab, tabSize: isTab ? 1 : indent.length, eol };
}
