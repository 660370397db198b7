/**
 * Notices of alerts on their way to a hook and a webhook while the daemon is killed at each step: none is
 * lost, one that is told again says so by its number, and nothing of a hook is left however it behaves.
 */
import { appendFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type AlertNotice, AlertsAnswer } from "../../src/contract/alerts.ts";
import type { HealthAnswer } from "../../src/contract/api.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import type { When } from "../helpers/fault-points.ts";
import { alive, dieAt, lastComplaints } from "../helpers/fault-rounds.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";
import { noticesIn, takeNotices } from "../helpers/notices.ts";
import { processes } from "../helpers/os-look.ts";
import { sleepTag } from "../e2e/support.ts";

const SETTLED_MS = 60_000;

/** Keeps what it is told, leaves a daemon that is deaf to TERM and a child behind, and waits while it is told to. */
const HOOK = `cat >>"$1/told"
setsid sh -c 'trap "" TERM HUP INT; echo >"$0/begun"; while :; do sleep '"$2"'; done' "$1" &
sleep "$2" &
while [ -e "$1/hold" ]; do sleep 0.05; done
[ ! -e "$1/flood" ] || head -c 100000000 /dev/zero`;

interface Stage extends AsyncDisposable {
  readonly fault: FaultWorld;
  readonly posted: readonly AlertNotice[];
  hooked(): readonly AlertNotice[];
  path(name: string): string;
  /** Has the disk come short of its floor, or not any more: an alert is raised, or cleared. */
  turn(): Promise<void>;
  /** Waits until what holds is told to everybody and nothing of a hook is left. */
  settled(): Promise<void>;
  /** Processes of hooks. */
  left(): number;
}

async function stage(): Promise<Stage> {
  const { notices, url } = await takeNotices();
  const tag = sleepTag();
  const fault = await makeFaultWorld((world) => ({
    CORRAL_ALERT_HOOK: JSON.stringify(["/bin/sh", "-c", HOOK, "hook", world.folder, tag]),
    CORRAL_ALERT_WEBHOOK: url,
    CORRAL_DISK_LOOK_MS: "200",
  }));
  const path = (name: string): string => join(fault.world.folder, name);
  let isShort = false;
  const configure = (): void => {
    const none = { disk_admit_free: "0", disk_relief_free: "0", disk_stop_free: "0" };
    const settings = isShort ? { disk_warn_free: "99%" } : { disk_warn_free: "0", ...none };
    writeFileSync(fault.world.paths.configFile, JSON.stringify(settings));
  };
  const left = (): number =>
    processes().filter(({ argv }) => argv.some((word) => word.includes(tag))).length;
  const settled = (): Promise<void> =>
    waitFor(
      "all to be told and given back",
      async () => {
        const { deliveries, standing } = AlertsAnswer.parse(await fault.api("/api/alerts"));
        const isTold = standing.length === (isShort ? 1 : 0) && deliveries.pending === 0;
        return (isTold && left() === 0) || undefined;
      },
      SETTLED_MS,
    ).then(() => undefined);
  return {
    fault,
    posted: notices,
    path,
    hooked: () => noticesIn(path("told")),
    async turn() {
      isShort = !isShort;
      configure();
      const { pid } = await fault.api<HealthAnswer>("/api/health");
      process.kill(pid, "SIGHUP");
      await settled();
    },
    settled,
    left,
    [Symbol.asyncDispose]: () => fault[Symbol.asyncDispose](),
  };
}

async function leave(fault: FaultWorld, daemon: FaultDaemon): Promise<void> {
  await fault.api("/api/leave", { mode: "end" });
  await daemon.end;
  expect(fault.remains()).toEqual([]);
}

/** What so many turns told: each once, in order, and again only under the same number. */
function expectTold(told: readonly AlertNotice[], turns: number): void {
  const byNumber = Map.groupBy(told, ({ delivery }) => delivery);
  const first = [...byNumber.values()].flatMap((copies) => copies.slice(0, 1));
  const ids = [...new Set(first.map(({ alert }) => alert.id))].toSorted((a, b) => a - b);
  const expected = ids.flatMap((id) => [`${id} raised`, `${id} cleared`]).slice(0, turns);
  expect(first.map(({ alert, state }) => `${alert.id} ${state}`)).toEqual(expected);
  expect(expected).toHaveLength(turns);
}

/** Around each step of a hook and of a post. */
const STEPS: readonly (readonly [point: string, when: When])[] = [
  ["store.intend", "after"],
  ["containment.make", "after"],
  ["hooks.run", "before"],
  ["hooks.run", "after"],
  ["containment.kill", "after"],
  ["containment.remove", "after"],
  ["webhooks.post", "after"],
  ["store.endDelivery", "before"],
  ["store.endDelivery", "after"],
];

test("a daemon killed at each step of a delivery", { timeout: 240_000 }, async () => {
  await using here = await stage();
  const { fault } = here;
  let daemon = await fault.start();
  await here.turn();
  let turns = 1;
  for (const [point, when] of STEPS) {
    const where = `${point} ${when}`;
    const scenario = { name: where, run: () => here.turn() };
    expect(await dieAt(fault, daemon, scenario, { point, when, nth: 1 }), where).toBe(true);
    turns += 1;
    daemon = await alive(fault, daemon);
    await here.settled();
    expect(await lastComplaints(fault), where).toEqual([]);
  }
  for (const told of [here.hooked(), here.posted]) expectTold(told, turns);
  await leave(fault, daemon);
});

test(
  "a daemon killed while a hook runs ends it with all that it started, and tells again under the same number",
  { timeout: 120_000 },
  async () => {
    await using here = await stage();
    const { fault, path } = here;
    const daemon = await fault.start();
    writeFileSync(path("hold"), "");
    const turning = here.turn().catch(() => undefined);
    await waitFor("the hook", () => existsSync(path("begun")) || undefined, SETTLED_MS);
    daemon.child.kill("SIGKILL");
    await daemon.end;
    await turning;
    expect(here.left()).toBeGreaterThan(0);
    rmSync(path("hold"));
    // It writes more than anybody wants to read, and is waited for all the same.
    appendFileSync(path("flood"), "");
    const next = await fault.start();
    await here.settled();
    const numbers = here.hooked().map(({ delivery, state }) => `${state} ${delivery}`);
    expect(numbers).toHaveLength(2);
    expect(new Set(numbers).size).toBe(1);
    expect(new Set(here.posted.map(({ delivery }) => delivery)).size).toBe(1);
    expect(await lastComplaints(fault)).toEqual([]);
    await leave(fault, next);
  },
);
