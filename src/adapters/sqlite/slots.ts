/** Numbers of agents' marks. */
import { Fault } from "../../kernel/fault.ts";
import type { Database } from "./database.ts";

/** Slots of the watermark: RLIMIT values 400 000 + 2 × slot, up to 779 998. */
const SLOTS = 189_999;
/** Of an agent without a mark. */
export const NO_SLOT = -1;

/** The next slot that no held process set uses; slots go round so that one is not soon used again. */
export function takeSlot(database: Database): number {
  const used = new Set(
    database
      .all(
        `SELECT slot FROM agents WHERE id IN (
           SELECT owner FROM resources
           WHERE kind = 'process_set' AND state IN ('intended', 'held', 'releasing'))`,
      )
      .map((row) => row["slot"]),
  );
  const next = Number(
    database.get("SELECT value FROM world WHERE key = 'next_slot'")?.["value"] ?? 0,
  );
  for (let step = 0; step < SLOTS; step += 1) {
    const slot = (next + step) % SLOTS;
    if (used.has(slot)) continue;
    database.run(
      `INSERT INTO world VALUES ('next_slot', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      String((slot + 1) % SLOTS),
    );
    return slot;
  }
  throw new Fault("LIMIT_REACHED", `All ${SLOTS} marks are in use.`, {
    hint: 'Run "corral sweep --apply" to release what ended agents still hold.',
  });
}
