/** One round: a daemon dies at a point, another one takes over, and everything is accounted for. */
import { isDeepStrictEqual } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "./daemon-process.ts";
import type { Passed } from "./fault-points.ts";
import { isChange, killAll, type Scenario, type Strike, strikesOf } from "./fault-scenarios.ts";
import type { FaultDaemon, FaultWorld } from "./fault-world.ts";

/** How long a daemon that has gone through a scenario may still come to a late point. */
const LATE_MS = 3_000;
const SETTLED_MS = 6_000;

export interface Report {
  readonly struck: number;
  /** Kinds of call that change something and that this run did not come by again at all. */
  readonly missed: readonly string[];
  /** `strike: what is wrong`. */
  readonly wrong: readonly string[];
}

/** Goes through a scenario without a fault. @returns what it passed. */
export async function recordScenario(
  fault: FaultWorld,
  daemon: FaultDaemon,
  { prepare, run, leaves }: Scenario,
): Promise<readonly Passed[]> {
  await prepare?.(fault);
  await daemon.arm(null);
  await run(fault);
  if (leaves !== true) return (await daemon.told()).passed;
  await daemon.end;
  return daemon.left();
}

/** Records a scenario, then strikes at each of its points in turn, each with a new daemon after it. */
export async function strikeAll(
  fault: FaultWorld,
  scenario: Scenario,
  covered: Set<string>,
): Promise<Report> {
  const first = await fault.start();
  const passed = await recordScenario(fault, first, scenario);
  const missed: string[] = [];
  const wrong: string[] = [];
  const struckAt = scenario.everyCall === true ? new Set<string>() : covered;
  const strikes = strikesOf(passed, struckAt, scenario);
  const known = new Set<string>();
  let daemon = await alive(fault, first);
  for (const strike of strikes) {
    const name = `${strike.point}:${strike.nth} ${strike.when}`;
    let isStruck = await dieAt(fault, daemon, scenario, strike);
    if (!isStruck && strike.nth > 1) {
      // A later call of a kind may not come this time; its first one does as well.
      daemon = await alive(fault, daemon);
      isStruck = await dieAt(fault, daemon, scenario, { ...strike, nth: 1 });
    }
    if (!isStruck && isChange(strike.point)) missed.push(name);
    daemon = await alive(fault, daemon);
    wrong.push(...(await reckon(fault, scenario, known)).map((what) => `${name}: ${what}`));
  }
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  wrong.push(...fault.remains().map((what) => `after down: ${what}`));
  return { struck: strikes.length - missed.length, missed, wrong };
}

/** That daemon while it lives, else a new one. */
export async function alive(fault: FaultWorld, daemon: FaultDaemon): Promise<FaultDaemon> {
  const { exitCode, signalCode } = daemon.child;
  return exitCode === null && signalCode === null ? daemon : await fault.start();
}

/** Goes through a scenario with that strike armed. @returns whether the daemon died of it. */
export async function dieAt(
  fault: FaultWorld,
  daemon: FaultDaemon,
  { prepare, run }: Scenario,
  strike: Strike,
): Promise<boolean> {
  await prepare?.(fault);
  await daemon.arm({ ...strike, act: "kill" });
  // The caller of a daemon that dies hears of it, or is answered before.
  await run(fault).catch(() => undefined);
  const end = await Promise.race([daemon.end, sleep(LATE_MS)]);
  if (end?.signal === "SIGKILL") return true;
  if (end === undefined) await daemon.arm(null);
  return false;
}

/** What is wrong once all is quiet; then whether a second pass finds anything to do. */
export async function reckon(
  fault: FaultWorld,
  { keeps }: Scenario,
  known: Set<string>,
): Promise<readonly string[]> {
  try {
    if (keeps !== true) await waitUntilEnded(fault);
    const agents = await fault.quiet();
    const complaints = await lastComplaints(fault, known);
    const once = fault.snapshot();
    await fault.api("/api/sweep", { apply: true });
    const isSame = isDeepStrictEqual(fault.snapshot(), once);
    const again = isSame ? [] : ["a second pass changed the ledger or told events"];
    if (!agents.some(({ status }) => status === "running")) return [...complaints, ...again];
    // An adopted agent can be stopped like any other.
    await killAll(fault, 0);
    await fault.quiet();
    return [...complaints, ...again, ...(await lastComplaints(fault, known))];
  } catch (error) {
    const seen = JSON.stringify(await fault.agents().catch(() => "no daemon"));
    return [`${String(error)}: ${seen}; ${fault.complaints().join("; ")}`];
  }
}

async function waitUntilEnded(fault: FaultWorld): Promise<void> {
  await waitFor("every agent's end", async () => {
    const running = (await fault.agents()).filter(({ ended_at }) => ended_at === null);
    return running.length === 0 ? true : undefined;
  });
}

/** What is just being done is no complaint; what stays is, once. */
export async function lastComplaints(
  fault: FaultWorld,
  known = new Set<string>(),
): Promise<readonly string[]> {
  const news = () => fault.complaints().filter((complaint) => !known.has(complaint));
  const isRight = () => (news().length === 0 ? true : undefined);
  await waitFor("no complaint", isRight, SETTLED_MS).catch(() => undefined);
  const last = news();
  for (const complaint of last) known.add(complaint);
  return last;
}
