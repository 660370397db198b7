/** Fields that parameters of several tools share. */
import { z } from "zod";

/** Longest id that is looked at at all; anything longer cannot be one of ours. */
export const ID_MAX_CHARS = 128;

/** A task as its callers name it. */
export const taskId = z.string().min(1).max(ID_MAX_CHARS).describe("from create_real_task");
/** An agent as its callers name it. */
export const agentId = z.string().min(1).max(ID_MAX_CHARS).describe("from deploy_headless_agent");
/** A short text of a list. */
export const item = (max: number) => z.string().min(1).max(max);
/** No control characters: the text ends up in terminals and file names. */
export const plainText = (max: number) =>
  z
    .string()
    .max(max)
    // oxlint-disable-next-line no-control-regex -- keeping them out is the point
    .regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f]*$/, "must not contain control characters");

/** A cap in MiB: up to an exbibyte fits a number exactly. */
export const mebibytes = z.int().min(1).max(1_000_000_000);

/** How many of a list to answer with. */
export const limit = (most: number, standard: number) => z.int().min(1).max(most).default(standard);
/** Short enough for models to read; what looks like a time and is none is refused as well. */
export const since = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/)
  .refine((text) => Number.isFinite(Date.parse(text)), "must be a time that exists")
  .optional()
  .describe("only from this time on, such as 2026-11-25T08:00:00Z");
