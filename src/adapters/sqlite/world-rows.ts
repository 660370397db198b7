/** What makes a state directory itself: drawn once, kept for ever. */
import type { Chance, Clock } from "../../kernel/ports.ts";
import { isoTime } from "../../kernel/units.ts";
import type { World } from "../../supervision/store.ts";
import { SEAL, WORLD_HARD } from "../../kernel/watermark.ts";
import type { Database } from "./database.ts";

/** Draws of a mark; were all of them borne, the last one has to do. */
const DRAWS = 20;
/** Where fewer may be set, a seal would say too little, and the world has none. */
const FEWEST_SEALS = 2 ** 40;
const SEAL_BYTES = 6;

/** What a new world may draw. */
export interface DrawLimits {
  /** Whether some process of this machine bears a hard mark now: another one is drawn. Absent: nobody does. */
  readonly isBorne?: (hard: number) => boolean;
  /** Greatest RLIMIT_LOCKS that we may set: an agent's own Corral cannot go above its own. Absent or null: any. */
  readonly mostLocks?: number | null;
}

/** Opens the world of a state directory, drawing what it has not drawn yet. In a transaction. */
export function openWorld(
  database: Database,
  clock: Clock,
  chance: Chance,
  isNewEpoch: boolean,
  limits: DrawLimits,
): World {
  const known = new Map(
    database.all("SELECT key, value FROM world").map((row) => [row["key"], String(row["value"])]),
  );
  const mark = known.get("mark") ?? String(drawMark(chance, limits));
  const name = known.get("name") ?? chance.hex(4);
  const epoch = Number(known.get("epoch") ?? 0) + (isNewEpoch ? 1 : 0);
  if (!known.has("mark")) keep(database, "created_at", isoTime(clock.now()));
  keep(database, "mark", mark);
  keep(database, "name", name);
  keep(database, "epoch", String(epoch));
  const salt = known.get("salt") ?? chance.hex(16);
  keep(database, "salt", salt);
  const seal = known.get("seal") ?? firstSeal(database, chance, limits);
  if (seal !== null) keep(database, "seal", seal);
  return { mark: Number(mark), seal: seal === null ? null : Number(seal), name, epoch, salt };
}

/** Keeps one value of the world. */
export function keep(database: Database, key: string, value: string): void {
  database.run(
    "INSERT INTO world VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    key,
    value,
  );
}

function drawMark(chance: Chance, { isBorne = () => false }: DrawLimits): number {
  for (let draw = 1; ; draw += 1) {
    const mark = drawn(chance, 4, WORLD_HARD);
    if (draw === DRAWS || !isBorne(mark)) return mark;
  }
}

/** What still runs of a world without a seal bears none: it gets one when it holds nothing. */
function firstSeal(
  database: Database,
  chance: Chance,
  { mostLocks = null }: DrawLimits,
): string | null {
  const held = database.get(
    "SELECT 1 FROM resources WHERE state IN ('intended', 'held', 'releasing') LIMIT 1",
  );
  const max = Math.min(mostLocks ?? SEAL.max, SEAL.max);
  if (held !== undefined || max - SEAL.min + 1 < FEWEST_SEALS) return null;
  return String(drawn(chance, SEAL_BYTES, { min: SEAL.min, max }));
}

/** A number from least to greatest, of that many bytes of chance. */
function drawn(
  chance: Chance,
  bytes: number,
  { max, min }: { readonly min: number; readonly max: number },
): number {
  return min + (Number.parseInt(chance.hex(bytes), 16) % (max - min + 1));
}
