/**
 * G1, G2, G3, G5: the daemon dies by SIGKILL at every failpoint, at every system call that changes something, or
 * one of its system calls fails; a runner dies at every one of its own. A first round and a sample of the calls are
 * part of `npm test` (test/fault/crash-*, calls-*, runner-killed); the long form goes through all.
 */
import { describe, expect, test } from "vitest";
import { MIGRATIONS } from "../../src/adapters/sqlite/migrations.ts";
import {
  type CallReport,
  dieAtBootCalls,
  dieAtCalls,
  failAtCalls,
  FAILING,
} from "../helpers/fault-calls.ts";
import { strikeAll } from "../helpers/fault-rounds.ts";
import { strikeMigration } from "../helpers/fault-migrations.ts";
import { killRunners } from "../helpers/fault-runner.ts";
import { CALL_SCENARIOS, SCENARIOS, type Scenario } from "../helpers/fault-scenarios.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { canTrace } from "../helpers/tracer.ts";
import { addRow } from "./closing-table.ts";
import { COUNTS, FORM } from "./counts.ts";

/** Rounds mostly wait for processes; above the machine's cores by a little. */
const WORLDS_AT_ONCE = 3;

test("every failpoint × SIGKILL", async () => {
  const rounds = COUNTS.failpointRounds;
  const wrong: string[] = [];
  let struck = 0;
  const from = performance.now();
  const oneRound = async (): Promise<void> => {
    const covered = new Set<string>();
    for (const scenario of SCENARIOS) {
      await using fault = await makeFaultWorld();
      const report = await strikeAll(fault, scenario, covered);
      struck += report.struck;
      wrong.push(...report.wrong.map((what) => `${scenario.name}: ${what}`));
    }
  };
  let begun = 0;
  const takeRounds = async (): Promise<void> => {
    while (begun < rounds) {
      begun += 1;
      await oneRound();
    }
  };
  await Promise.all(Array.from({ length: WORLDS_AT_ONCE }, takeRounds));
  addRow({
    place: 3,
    test: "every failpoint × SIGKILL",
    count: rounds === 0 ? "1 ×, by npm test" : `${rounds} ×`,
    left: rounds === 0 ? "see there" : `${wrong.length} left or wrong`,
    worst: rounds === 0 ? "–" : `${Math.round((performance.now() - from) / 1_000)} s in all`,
    also: rounds === 0 ? "test/fault/crash-*.test.ts" : `${struck} strikes`,
  });
  expect(wrong).toEqual([]);
  expect(struck > 0).toBe(rounds > 0);
});

const EACH = CALL_SCENARIOS.map((scenario) => [scenario.name, scenario] as const);

describe.skipIf(FORM === "short" || !canTrace())("every system call", () => {
  test.concurrent.for(EACH)("× SIGKILL: %s", async ([name, scenario]) => {
    await using fault = await makeFaultWorld();
    tell(`every system call × SIGKILL: ${name}`, await dieAtCalls(fault, scenario, 1));
  });

  test.concurrent("× SIGKILL: a start", async () => {
    await using fault = await makeFaultWorld();
    tell("every system call × SIGKILL: a start", await dieAtBootCalls(fault, 1));
  });

  test.concurrent.for(FAILING)("fails: %s with %s", async ([kind, fate]) => {
    for (const scenario of CALL_SCENARIOS.filter(isEnding)) {
      await using fault = await makeFaultWorld();
      const report = await failAtCalls(fault, scenario, [[kind, fate]], 1);
      tell(`every ${kind} fails with ${fate}: ${scenario.name}`, report);
    }
  });

  test.concurrent.for(MIGRATIONS.map((_, version) => version))(
    "of a migration from version %d",
    async (version) => {
      const fates = ["SIGKILL", "ENOSPC", "EIO"] as const;
      const report = await strikeMigration(version, fates, 1);
      const name = `every system call of a migration from version ${version}: ${fates.join(", ")}`;
      tell(name, { ...report, missed: 0 });
    },
  );

  test.concurrent.for([
    ["runner", false, "leaver"],
    ["runner and what it has started", true, "leaver"],
    ["runner of an agent with an input", false, "fed"],
    ["runner of an agent with an input, and what it has started", true, "fed"],
  ] as const)("of the %s × SIGKILL", async ([name, isFollowed, ran]) => {
    await using fault = await makeFaultWorld();
    const report = await killRunners(fault, 1, isFollowed, ran);
    tell(`every system call of the ${name} × SIGKILL`, report);
  });
});

/** Those after which every agent has ended, and a daemon is there to say so. */
function isEnding({ name }: Scenario): boolean {
  return name === "deploy and a normal exit" || name === "kill";
}

function tell(name: string, { struck, missed, wrong }: CallReport): void {
  addRow({
    place: 3,
    test: name,
    count: `${struck} calls`,
    left: `${wrong.length} left or wrong`,
    worst: "–",
    also: `${missed} did not come again`,
  });
  expect(wrong).toEqual([]);
}
