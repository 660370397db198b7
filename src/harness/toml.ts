/** Writes the little of TOML that a configuration needs. */

export interface TomlTable {
  readonly [key: string]: TomlValue;
}
export type TomlValue = string | boolean | number | readonly string[] | TomlTable;

/** A table as a TOML document: its values first, then its tables. Empty tables are written too. */
export function toml(table: TomlTable): string {
  return `${linesOf(table, []).join("\n")}\n`;
}

function linesOf(table: TomlTable, path: readonly string[]): readonly string[] {
  const entries = Object.entries(table);
  const values = entries.flatMap(([key, value]) =>
    isTable(value) ? [] : [`${keyOf(key)} = ${valueOf(value)}`],
  );
  const tables = entries.flatMap(([key, value]) =>
    isTable(value) ? linesOf(value, [...path, key]) : [],
  );
  const head = path.length === 0 ? [] : ["", `[${path.map(keyOf).join(".")}]`];
  return [...head, ...values, ...tables];
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value);
}

function keyOf(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key);
}

function valueOf(value: string | boolean | number | readonly string[]): string {
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  return typeof value === "string" ? quoted(value) : `[${value.map(quoted).join(", ")}]`;
}

/** JSON's escapes are TOML's, but for DEL and halves of surrogate pairs, which TOML forbids raw. */
function quoted(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll("\u007f", String.raw`\u007f`);
}
