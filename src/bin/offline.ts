/** What works with the daemon dead: reading the ledger, sweeping, and the doctor. */
import { existsSync } from "node:fs";
import { openDatabaseToRead } from "../adapters/sqlite/database.ts";
import { ledgerRows } from "../adapters/sqlite/ledger-rows.ts";
import { machineClock } from "../adapters/time/machine-time.ts";
import type { DoctorAnswer, LedgerAnswer, SweepAnswer } from "../contract/api.ts";
import { ledgerRow } from "../ledger/receipt.ts";
import { doctor } from "../supervision/doctor.ts";
import { sweep } from "../supervision/sweep.ts";
import type { StatePaths } from "../surface/cli/state-paths.ts";
import { compose, type Composed } from "./compose.ts";
import { VERSION } from "./version.ts";

/** The held rows, read beside whoever owns the state directory. Empty when there is no database yet. */
export async function offlineLedger(paths: StatePaths): Promise<LedgerAnswer> {
  if (!existsSync(paths.database)) return { rows: [] };
  const database = openDatabaseToRead(paths.database);
  try {
    return { rows: ledgerRows(database, machineClock).heldResources().map(ledgerRow) };
  } finally {
    database.close();
  }
}

/**
 * Sweeps a state directory whose daemon is dead. Agents that still run are left alone; ones
 * that ended meanwhile are settled and released first, when the sweep is applied.
 *
 * @throws {Fault} STATE_LOCKED when a daemon lives after all.
 */
export async function offlineSweep(
  paths: StatePaths,
  { apply }: { readonly apply: boolean },
): Promise<SweepAnswer> {
  return withState(paths, async ({ setting, undos, loops }) => {
    if (apply) await loops.runOnce(setting.store.unfinishedAgents().map(({ id }) => id));
    const answer = await sweep(setting, undos, apply, true);
    await loops.close();
    return answer;
  });
}

/** Looks at the machine and the state directory without a daemon. */
export async function offlineDoctor(paths: StatePaths): Promise<DoctorAnswer> {
  return withState(paths, ({ setting }) => doctor(setting, null));
}

async function withState<T>(
  paths: StatePaths,
  work: (composed: Composed) => Promise<T>,
): Promise<T> {
  const composed = await compose({ paths, env: process.env, version: VERSION });
  try {
    return await work(composed);
  } finally {
    composed.close();
  }
}
