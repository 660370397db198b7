/** A daemon whose alerts reach a hook and a webhook, and whose clock a test sets on: what must hold for half a minute has held then. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { AgentView } from "../../src/contract/agent.ts";
import { type AlertNotice, AlertsAnswer, type AlertView } from "../../src/contract/alerts.ts";
import { eventSeen } from "../e2e/support.ts";
import { waitFor } from "./daemon-process.ts";
import { identityOf } from "./fault-reckoning.ts";
import { type FaultDaemon, type FaultWorld, makeFaultWorld } from "./fault-world.ts";
import { noticesIn, takeNotices } from "./notices.ts";
import { corralCgroups } from "./os-look.ts";
import { callTool, type World } from "./world.ts";

/** Longer than what raises and what clears, and shorter than what ends a stray's alert. */
const STEP_MS = 61_000;
/** More than one hook has at a time. */
const HOOK_TASKS = 8;

/** `rule subject`, and what a limit is of. */
export function nameOf({ evidence, rule, subject }: AlertView): string {
  const limit = rule.startsWith("limit_") ? `${evidence.split(" ")[0]} ` : "";
  return `${rule} ${limit}${subject.id}`;
}

export interface Alerted extends AsyncDisposable {
  readonly fault: FaultWorld;
  readonly daemon: FaultDaemon;
  /** Sets the daemon's clock on. */
  setOn(ms: number): Promise<void>;
  /** Sets it on, step by step, until all of these stand. */
  raised(names: readonly string[]): Promise<void>;
  /** The same, until none of them stands. */
  cleared(names: readonly string[]): Promise<void>;
  /** Sees what stands of these in `corral status` and in the report of its subject. */
  expectShown(names: readonly string[]): Promise<void>;
  /** Waits until everybody was told, and sees that both were told of each of these: raised once, cleared once, and with an event. */
  expectTold(names: readonly string[]): Promise<void>;
  kill(agent: AgentView): Promise<void>;
  /** Waits until the kernel counts only so few: the dead count against a limit for up to a second after it has stopped to show them. */
  deadAreCountedOut(): Promise<void>;
  /** Ends everything and the daemon. */
  end(): Promise<void>;
}

/** @param envOf  What its daemon has in its environment besides. */
export async function makeAlerted(
  envOf: (world: World) => Readonly<Record<string, string>>,
): Promise<Alerted> {
  const { notices, url } = await takeNotices();
  let kept = "";
  const fault = await makeFaultWorld((world) => {
    kept = join(world.folder, "notices");
    return {
      CORRAL_ALERT_HOOK: JSON.stringify(["/bin/sh", "-c", 'cat >>"$0"', kept]),
      CORRAL_ALERT_WEBHOOK: url,
      ...envOf(world),
    };
  });
  const daemon = await fault.start();
  const clock = clockOf(fault, daemon);
  return {
    fault,
    daemon,
    ...clock,
    expectShown: (names) => expectShown(fault, names),
    expectTold: (names) => expectTold(fault, [notices, () => noticesIn(kept)], names),
    async kill({ agent_id, task_id }) {
      const input = { task_id, agent_id, reason: "Its alert was seen.", grace_s: 0 };
      await fault.api("/api/tools/kill_real_agent", input);
    },
    deadAreCountedOut: () => deadAreCountedOut(fault),
    async end() {
      await fault.api("/api/leave", { mode: "end" });
      await daemon.end;
    },
    [Symbol.asyncDispose]: () => fault[Symbol.asyncDispose](),
  };
}

async function alertsIn(fault: FaultWorld): Promise<AlertsAnswer> {
  return AlertsAnswer.parse(await fault.api("/api/alerts"));
}

function clockOf(
  fault: FaultWorld,
  daemon: FaultDaemon,
): Pick<Alerted, "setOn" | "raised" | "cleared"> {
  let ahead = 0;
  const setOn = async (ms: number): Promise<void> => {
    ahead += ms;
    await daemon.setAhead(ahead);
  };
  const until = async (what: string, isSo: (answer: AlertsAnswer) => boolean): Promise<void> => {
    const deadline = Date.now() + 90_000;
    // On a busy machine the looks come late, and a clock that runs away from them would end what it should raise.
    for (let pauseMs = 600; ; pauseMs = Math.min(pauseMs * 1.3, 5_000)) {
      // Somebody looks on, and an agent ends: samples are fresh, and the alerts are looked at soon.
      await fault.api("/api/samples");
      // Where no process may begin any more its start fails, and it is given back all the same.
      await fault.deploy(["/bin/true"]).catch(() => undefined);
      await sleep(pauseMs);
      const answer = await alertsIn(fault);
      if (isSo(answer)) return;
      if (Date.now() > deadline) throw new Error(`${what}: ${JSON.stringify(answer)}`);
      await setOn(STEP_MS);
    }
  };
  return {
    setOn,
    raised: (names) =>
      until(`not raised of ${names.join(", ")}`, ({ standing }) => {
        const seen = new Set(standing.map(nameOf));
        return names.every((name) => seen.has(name));
      }),
    cleared: (names) =>
      until(`not cleared of ${names.join(", ")}`, ({ standing }) =>
        standing.map(nameOf).every((name) => !names.includes(name)),
      ),
  };
}

/** Rules of which the report tells in words of its own, by its own look. */
const OWN_WORDS = new Set(["limit_near", "limit_reached", "cleanup_stuck"]);

async function expectShown(fault: FaultWorld, names: readonly string[]): Promise<void> {
  const { world } = fault;
  const { standing } = await alertsIn(fault);
  const status = await world.corral(["status"]);
  const client = await world.mcp();
  for (const alert of standing.filter((one) => names.includes(nameOf(one)))) {
    expect(status.stdout, nameOf(alert)).toContain(alert.evidence);
    const { id, kind } = alert.subject;
    const scope = kind === "daemon" ? {} : { scope: kind, id };
    const report = await callTool(client, "get_resource_report", scope);
    const isOwn = kind !== "daemon" && OWN_WORDS.has(alert.rule);
    const words = expect.stringContaining(isOwn ? "" : alert.evidence);
    expect(report.alerts, nameOf(alert)).toContainEqual(words);
  }
}

async function deadAreCountedOut({ world }: FaultWorld): Promise<void> {
  const { name } = identityOf(world);
  const files = corralCgroups()
    .filter((path) => path.endsWith(`corral-${name}`))
    .map((path) => join(path, "pids.current"))
    .filter(existsSync);
  await waitFor("the dead to be counted out", () =>
    files.every((file) => Number(readFileSync(file, "latin1")) < HOOK_TASKS) ? true : undefined,
  );
}

type Told = readonly AlertNotice[];

async function expectTold(
  fault: FaultWorld,
  [posted, hooked]: readonly [Told, () => Told],
  names: readonly string[],
): Promise<void> {
  await waitFor(
    "all to be told",
    async () => (await alertsIn(fault)).deliveries.pending === 0 || undefined,
    120_000,
  );
  for (const told of [posted, hooked()]) {
    const states = (name: string) =>
      told.filter(
        ({ alert }) => nameOf({ ...alert, evidence: raisedWords(told, alert.id) }) === name,
      );
    for (const name of names) {
      expect(
        states(name).map(({ state }) => state),
        name,
      ).toEqual(["raised", "cleared"]);
    }
    expect(new Set(told.map(({ delivery }) => delivery)).size).toBe(told.length);
  }
  for (const rule of new Set(posted.map(({ alert }) => alert.rule))) {
    await eventSeen(
      fault.world,
      ({ facts, kind }) => (kind === "alert" && facts["alert"] === rule) || kind === EVENT_OF[rule],
    );
  }
}

/** Rules whose event is another one; docs/monitoring.md. */
const EVENT_OF: Readonly<Record<string, string>> = { stray_found: "stray.released" };

/** A cleared alert's evidence is another one than what it was raised with. */
function raisedWords(told: Told, id: number): string {
  return (
    told.find(({ alert, state }) => alert.id === id && state === "raised")?.alert.evidence ?? ""
  );
}
