/** What tmux prints about a pane: a line of facts, then what it shows. Pure but for a hash. */
import { createHash } from "node:crypto";
import type { PaneSeen } from "../../supervision/ports.ts";

const DIGEST_CHARS = 22;

/** @param text  `width height cursor_flag cursor_x cursor_y`, newline, the lines of the pane. */
export function paneSeen(text: string): PaneSeen {
  const [facts = "", ...shown] = text.split("\n");
  const [columns = 0, rows = 0, isCursorShown, column = 0, row = 0] = facts.split(" ").map(Number);
  const lines = shown.slice(0, rows);
  return {
    columns,
    rows,
    cursor: isCursorShown === 1 ? { column, row } : null,
    lines,
    digest: createHash("sha256").update(text).digest("base64url").slice(0, DIGEST_CHARS),
  };
}
