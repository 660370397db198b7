/** Reading the facts of an event, which are of any kind. Pure. */
import type { CorralEvent } from "../../../src/contract/events.ts";

export type Facts = CorralEvent["facts"];

/** A text or a number as text; empty for anything else. */
export function textIn(facts: Facts, name: string): string {
  const value = facts[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** A list of texts in one line; empty for anything else. */
export function listIn(facts: Facts, name: string): string {
  const value = facts[name];
  return Array.isArray(value) ? value.map(String).join("; ") : "";
}
