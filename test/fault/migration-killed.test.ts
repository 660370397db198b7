/**
 * G1, G5: a migration dies by SIGKILL, or meets a full or a broken disk, at the system calls that change its files: it
 * has happened or it has not, and the next start ends it. Here a new database and one of the version before, and a
 * sample of the calls, always the same; the leak suite goes through all of every version.
 */
import { describe, expect, test } from "vitest";
import { MIGRATIONS } from "../../src/adapters/sqlite/migrations.ts";
import { strikeMigration } from "../helpers/fault-migrations.ts";
import { canTrace } from "../helpers/tracer.ts";

/** Of each kind of call the first, the last and every that-many-th. */
const EVERY = 40;

describe.skipIf(!canTrace())("a migration, struck at its calls", () => {
  test.for([...new Set([0, MIGRATIONS.length - 1])])(
    "from version %d",
    { timeout: 300_000 },
    async (version) => {
      const fates = ["SIGKILL", "ENOSPC", "EIO"] as const;
      const { struck, wrong } = await strikeMigration(version, fates, EVERY);
      expect(wrong).toEqual([]);
      expect(struck).toBeGreaterThan(10);
    },
  );
});
