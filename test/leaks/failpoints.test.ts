/**
 * G1, G3, G5: the daemon dies by SIGKILL at every failpoint. The first round of it is part of
 * `npm test` (test/fault/crash-*.test.ts); the long form goes through the same again, twenty times.
 */
import { expect, test } from "vitest";
import { strikeAll } from "../helpers/fault-rounds.ts";
import { SCENARIOS } from "../helpers/fault-scenarios.ts";
import { makeFaultWorld } from "../helpers/fault-world.ts";
import { addRow } from "./closing-table.ts";
import { COUNTS } from "./counts.ts";

test("every failpoint × SIGKILL", async () => {
  const rounds = COUNTS.failpointRounds;
  const wrong: string[] = [];
  let struck = 0;
  const from = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    const covered = new Set<string>();
    for (const scenario of SCENARIOS) {
      await using fault = await makeFaultWorld();
      const report = await strikeAll(fault, scenario, covered);
      struck += report.struck;
      wrong.push(...report.wrong.map((what) => `${scenario.name}: ${what}`));
    }
  }
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
