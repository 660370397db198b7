/** What other tools left running: the answer of `corral doctor --orphans --json`. */
import { z } from "zod";

export const Orphan = z.object({
  pid: z.int(),
  kind: z.enum(["agent", "mcp-server"]),
  what: z.string().describe("the agent CLI or the MCP server, by its own name"),
  uid: z.int().nullable(),
  parent: z.string().describe("who has it now: name and pid"),
  why: z.string().describe("how it is known that its own parent is gone"),
  started_at: z.string(),
  age_s: z.int(),
  memory_bytes: z.int().nullable().describe("resident; null where it could not be read"),
  tree: z
    .object({ processes: z.int(), memory_bytes: z.int() })
    .describe("the process and all below it"),
  cwd: z.string().nullable(),
  argv: z.string().describe("shortened, with secrets masked"),
});
export type Orphan = z.infer<typeof Orphan>;

export const OrphansAnswer = z.object({
  orphans: z.array(Orphan).describe("oldest first; Corral never touches any of them"),
  own: z
    .int()
    .describe(
      "processes that bear a mark of Corral: left out, its sweep knows them, unless their state directory is gone",
    ),
  best_effort: z.string().nullable().describe("what this platform does not tell; null: nothing"),
});
export type OrphansAnswer = z.infer<typeof OrphansAnswer>;
