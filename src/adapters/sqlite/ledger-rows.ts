/** The ledger's rows: every change is atomic by itself. */
import type { EpochMs } from "../../kernel/units.ts";
import type { Clock } from "../../kernel/ports.ts";
import type { LedgerStore, ReleaseOutcome, Told } from "../../ledger/ports.ts";
import type { Resource, ResourceIntent } from "../../ledger/resource.ts";
import type { Database } from "./database.ts";
import { resourceOf, toJson } from "./rows.ts";

/** Still to be given back; the condition of the index `resources_held`, word for word. */
export const HELD = "state IN ('intended', 'held', 'releasing')";

/** Agents that are not settled, or hold something: found from the few, not by walking all. */
export const UNFINISHED = `agents.rowid IN (
  SELECT rowid FROM agents INDEXED BY agents_live_by_task WHERE ended_at IS NULL
  UNION SELECT holder.rowid FROM resources INDEXED BY resources_held
    JOIN agents AS holder ON holder.id = resources.owner WHERE ${HELD})`;

/** Writes intents; a row that is there already (a second try after a crash) is held again. */
export function writeIntents(
  database: Database,
  owner: string,
  intents: readonly ResourceIntent[],
  now: EpochMs,
): readonly Resource[] {
  return intents.map(({ kind, locator, identity, retain }) => {
    const row = database.get(
      `INSERT INTO resources (owner, kind, locator, identity, retain, state, created_at, changed_at)
       VALUES (?, ?, ?, ?, ?, 'intended', ?, ?)
       ON CONFLICT (owner, kind, locator) DO UPDATE SET
         identity = excluded.identity, state = 'intended', attempts = 0, seen = NULL, error = NULL,
         changed_at = excluded.changed_at, retain_until = NULL
       RETURNING *`,
      owner,
      kind,
      locator,
      toJson(identity),
      retain === true ? 1 : 0,
      now,
      now,
    );
    return resourceOf(row!);
  });
}

/** A row of what is made to be kept; one that was kept before, or is kept now, stays what it is. */
function writeKept(
  database: Database,
  owner: string,
  { kind, locator }: ResourceIntent,
  { until, seen, now }: { readonly until: EpochMs; readonly seen: string; readonly now: EpochMs },
): Resource {
  database.run(
    `INSERT INTO resources (owner, kind, locator, retain, state, seen, created_at, changed_at, retain_until)
     VALUES (?, ?, ?, 1, 'retained', ?, ?, ?, ?)
     ON CONFLICT (owner, kind, locator) DO NOTHING`,
    owner,
    kind,
    locator,
    seen,
    now,
    now,
    until,
  );
  const row = database.get(
    "SELECT * FROM resources WHERE owner = ? AND kind = ? AND locator = ?",
    owner,
    kind,
    locator,
  );
  return resourceOf(row!);
}

/**
 * The ledger over a database.
 * @param tell  Adds an event to the transaction that runs; absent for who only reads.
 */
export function ledgerRows(
  database: Database,
  clock: Clock,
  tell: (event: Told) => void = () => undefined,
): LedgerStore {
  const list = (sql: string, ...values: (string | number)[]) =>
    database.all(sql, ...values).map(resourceOf);
  return {
    resourcesOf: (owner) => list("SELECT * FROM resources WHERE owner = ? ORDER BY id", owner),
    // By name, because the planner would rather walk every row there ever was than sort the few.
    heldResources: () =>
      list(`SELECT * FROM resources INDEXED BY resources_held WHERE ${HELD} ORDER BY id`),
    heldOf: (kinds) =>
      list(
        `SELECT * FROM resources INDEXED BY resources_held
         WHERE ${HELD} AND kind IN (${kinds.map(() => "?").join(", ")}) ORDER BY id`,
        ...kinds,
      ),
    // One row of hundreds: found without reading the others.
    heldInGroup: database.keptUntilWritten(
      () =>
        list(
          `SELECT * FROM resources INDEXED BY resources_held WHERE ${HELD} AND kind = 'process_set'
             AND coalesce(identity ->> '$.cgroup', identity ->> '$.pidsCgroup') IS NOT NULL LIMIT 1`,
        )[0] ?? null,
    ),
    expiredResources: (now) =>
      list(
        `SELECT * FROM resources INDEXED BY resources_retained
         WHERE state = 'retained' AND retain_until <= ? ORDER BY id`,
        now,
      ),
    retainedOf: (kind, changedUntil, max) =>
      list(
        `SELECT * FROM resources WHERE state = 'retained' AND kind = ? AND changed_at <= ?
         ORDER BY changed_at, id LIMIT ?`,
        kind,
        changedUntil,
        max,
      ),
    keepUntil: (owner, intents, until, seen) =>
      database.transaction(() =>
        intents.map((intent) =>
          writeKept(database, owner, intent, { until, seen, now: clock.now() }),
        ),
      ),
    describeKept(id, identity, seen) {
      database.run(
        "UPDATE resources SET identity = ?, seen = ? WHERE id = ? AND state = 'retained'",
        toJson(identity),
        seen,
        id,
      );
    },
    expire(id, at) {
      database.run(
        "UPDATE resources SET retain_until = ? WHERE id = ? AND state = 'retained'",
        at,
        id,
      );
    },
    allResources: (max) => list("SELECT * FROM resources ORDER BY id DESC LIMIT ?", max),
    confirmResource(id, identity) {
      database.run(
        `UPDATE resources SET state = 'held', identity = coalesce(?, identity), changed_at = ?
         WHERE id = ? AND state = 'intended'`,
        toJson(identity),
        clock.now(),
        id,
      );
    },
    beginRelease(ids) {
      database.transaction(() => {
        for (const id of ids) {
          database.run(
            "UPDATE resources SET state = 'releasing', changed_at = ? WHERE id = ? AND state <> 'released'",
            clock.now(),
            id,
          );
        }
      });
    },
    recordReleases(outcomes) {
      database.transaction(() => {
        for (const outcome of outcomes) record(outcome);
      });
    },
    failRelease,
  };

  // Two may release at once (the loop and a sweep): what one has seen gone, the other never revives.
  function record({ resource: { id }, error, undone }: ReleaseOutcome): void {
    if (error !== null) return failRelease(id, error);
    const [state, until] = undone.gone ? ["released", null] : ["retained", undone.retainUntil];
    const { changes } = database.run(
      `UPDATE resources SET state = ?, seen = ?, error = NULL, retain_until = ?, changed_at = ?
       WHERE id = ? AND state <> 'released'`,
      state,
      undone.seen,
      until,
      clock.now(),
      id,
    );
    if (changes > 0 && undone.gone && undone.tell !== undefined) tell(undone.tell);
  }

  function failRelease(id: number, error: string): void {
    database.run(
      `UPDATE resources SET state = 'releasing', attempts = attempts + 1, error = ?, changed_at = ?
       WHERE id = ? AND state <> 'released'`,
      error,
      clock.now(),
      id,
    );
  }
}
