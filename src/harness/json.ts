/** Reading foreign JSON: every accessor answers null where the shape is another. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** The JSON object that a line holds; null when it holds anything else, or is no JSON. */
export function objectOfLine(line: string): JsonObject | null {
  // A cheap look first: most lines of a plain program never reach the parser.
  if (!/^\s*\{/.test(line)) return null;
  try {
    return asObject(JSON.parse(line));
  } catch {
    return null;
  }
}

/** The value as an object; null for arrays, scalars and null. */
export function asObject(value: unknown): JsonObject | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return value as JsonObject;
}

/** The value as a list; empty when it is none. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value as text; null when it is none. */
export function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** The value as a finite number; null when it is none. */
export function asNumber(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
