/** What an agent's pane in tmux shows: what it and its programs wrote to their terminal, not to their stream. */
import { z } from "zod";

export const Screen = z.object({
  columns: z.int(),
  rows: z.int(),
  cursor: z
    .object({ column: z.int(), row: z.int() })
    .nullable()
    .describe("from 0; null when it is hidden"),
  lines: z
    .array(z.string())
    .describe(
      "top first; text and SGR sequences (colour, weight) only: every other sequence was obeyed or left out",
    ),
});
export type Screen = z.infer<typeof Screen>;

export const ScreenAnswer = z.object({
  agent_id: z.string(),
  state: z
    .enum(["shown", "same", "none"])
    .describe("same: as `seen` said; none: it has no pane, or no longer"),
  digest: z.string().nullable().describe("of what is shown; give it as `seen` the next time"),
  screen: Screen.nullable().describe("only when it is shown"),
});
export type ScreenAnswer = z.infer<typeof ScreenAnswer>;
