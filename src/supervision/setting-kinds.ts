/** What a setting is, and the kinds of values that settings have. */
import { z } from "zod";
import { FLOOR_PATTERN } from "../output/disk-floors.ts";

export interface Setting<T extends z.ZodType> {
  readonly schema: T;
  readonly fallback: z.output<T>;
  /** Meaning, unit and effect, one sentence. */
  readonly about: string;
}

/** One row of a table of settings; its fallback has the type that its schema gives. */
export function setting<T extends z.ZodType>(
  schema: T,
  fallback: NoInfer<z.output<T>>,
  about: string,
): Setting<T> {
  return { schema, fallback, about };
}

export const ms = (max: number) => z.coerce.number().int().min(0).max(max);
export const upTo = (max: number) => z.coerce.number().int().min(0).max(max);
export const mebibytes = z.coerce.number().int().min(0).max(1_000_000_000);
export const dollars = z.coerce.number().min(0).max(1_000_000);
export const floor = z.coerce
  .string()
  .regex(FLOOR_PATTERN, 'must be like "15%", "5GiB", "15%,5GiB" or "0"');
export const count = (max: number) => z.coerce.number().int().min(1).max(max);

/** A list in a variable is JSON: its words may hold anything, commas too. */
export function jsonList(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
