/** What works with the daemon dead: reading the ledger, sweeping, pruning archives, and the doctor. */
import { existsSync } from "node:fs";
import { openDatabaseToRead } from "../adapters/sqlite/database.ts";
import { ledgerRows } from "../adapters/sqlite/ledger-rows.ts";
import { machineClock } from "../adapters/time/machine-time.ts";
import type { PruneAnswer, PruneInput } from "../contract/archive.ts";
import type { DoctorAnswer, LedgerAnswer, SweepAnswer, SweepInput } from "../contract/api.ts";
import { ledgerRow } from "../ledger/receipt.ts";
import { formRedactor } from "../output/redact.ts";
import { doctor } from "../supervision/doctor.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";
import { SETTINGS, type SettingName, variableOf } from "../supervision/configuration.ts";
import { Fault } from "../kernel/fault.ts";
import { compose, type Composed } from "./compose.ts";
import { VERSION } from "./version.ts";

/** The held rows, read beside whoever owns the state directory. Empty when there is no database yet. */
export async function offlineLedger(paths: StatePaths): Promise<LedgerAnswer> {
  if (!existsSync(paths.database)) return { rows: [] };
  const database = openDatabaseToRead(paths.database);
  try {
    const rows = ledgerRows(database, machineClock).heldResources().map(ledgerRow);
    return formRedactor().value({ rows });
  } finally {
    database.close();
  }
}

/**
 * Sweeps a state directory whose daemon is dead. Agents that still run are left alone; ones
 * that ended meanwhile are settled and released first, when the sweep is applied. A plan is
 * applied by its steps alone: an agent that ended after it was made waits for the next one.
 *
 * @throws {Fault} STATE_LOCKED when a daemon lives after all; PLAN_NOT_FOUND.
 */
export async function offlineSweep(paths: StatePaths, input: SweepInput): Promise<SweepAnswer> {
  return withState(paths, async ({ setting, loops, sweep }) => {
    if (input.apply && input.plan_id === undefined) {
      await loops.runOnce(setting.store.unfinishedAgents().map(({ id }) => id));
    }
    const answer = await sweep(input, { isDaemonGone: true });
    await loops.close();
    return setting.secrets.value(answer);
  });
}

/**
 * Deletes archives of a state directory whose daemon is dead.
 * @throws {Fault} STATE_LOCKED when a daemon lives after all; otherwise as {@link Archives.prune}.
 */
export async function offlinePrune(paths: StatePaths, input: PruneInput): Promise<PruneAnswer> {
  return withState(paths, async ({ archives, loops, setting }) => {
    const answer = await archives.prune(input);
    await loops.close();
    return setting.secrets.value(answer);
  });
}

/**
 * Looks at the machine and the state directory without a daemon; makes the directory when there
 * is none, because that it can be made is a part of the answer. Settings that cannot be used are
 * a problem that it tells, not a reason to say nothing else.
 */
export async function offlineDoctor(paths: StatePaths): Promise<DoctorAnswer> {
  try {
    return await withState(paths, ({ setting }) => doctor(setting, null));
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "CONFIG_INVALID") throw error;
    const usual = { ...paths, configFile: "/dev/null" };
    const answer = await withState(
      usual,
      ({ setting }) => doctor(setting, null),
      unset(process.env),
    );
    return { ...answer, problems: [`${error.message} ${error.hint}`, ...answer.problems] };
  }
}

/** The environment without the variables that are settings. */
function unset(env: PathEnvironment): PathEnvironment {
  const settings = new Set(Object.keys(SETTINGS).map((name) => variableOf(name as SettingName)));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !settings.has(name)));
}

async function withState<T>(
  paths: StatePaths,
  work: (composed: Composed) => Promise<T>,
  env: PathEnvironment = process.env,
): Promise<T> {
  const umask = process.umask(0o077);
  const composed = await compose({ paths, env, version: VERSION, umask, isDaemon: false });
  try {
    return await work(composed);
  } finally {
    composed.close();
  }
}
