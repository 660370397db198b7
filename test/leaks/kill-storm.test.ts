/**
 * G1, G2, G3, G5: random SIGKILLs of every part of Corral over fifty agents, in any order; then a
 * sweep and `corral down`, and nothing is left, and every agent was settled once and truly.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { acquireStateLock } from "../../src/adapters/sqlite/state-lock.ts";
import { filesBelow, mentions, processes } from "../helpers/os-look.ts";
import { makeChance } from "./chance.ts";
import { addRow } from "./closing-table.ts";
import { COUNTS } from "./counts.ts";
import { leftOf, makePlace, type Place } from "./place.ts";
import { makeStorm, TARGETS } from "./storm.ts";

const AGENTS_AT_ONCE = 50;
/** Kills between two looks at how many agents run. */
const REFILL_EVERY = 5;
const LONGEST_PAUSE_MS = 40;

interface Settled {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly times: number;
}

test("a storm of SIGKILLs", async () => {
  await using place = await makePlace();
  const chance = makeChance();
  process.stdout.write(`kill storm: CORRAL_LEAKS_SEED=${chance.seed}\n`);
  await using storm = makeStorm(place, chance);
  const from = performance.now();
  await storm.up();
  await storm.fill(AGENTS_AT_ONCE);
  for (let nth = 1; nth <= COUNTS.stormKills; nth += 1) {
    await storm.strike(chance.oneOf(TARGETS));
    if (nth % REFILL_EVERY === 0) storm.fillMeanwhile(AGENTS_AT_ONCE);
    await sleep(chance.below(LONGEST_PAUSE_MS));
  }
  await storm.calm();
  const swept = await place.world.corral(["sweep", "--apply", "--json"], { env: place.env });
  const down = await place.world.corral(["down"], { env: place.env });
  const tookMs = performance.now() - from;

  const agents = settledAgents(place);
  const wrong = [
    ...leftOf(place),
    ...systemLeft(place),
    ...agents.flatMap((agent) => wrongEnd(agent, storm.runnersKilled)),
  ];
  const statuses = Object.entries(Object.groupBy(agents, ({ status }) => status))
    .map(([status, all]) => `${all?.length} ${status}`)
    .join(", ");
  addRow({
    place: 4,
    test: `kill storm over ${AGENTS_AT_ONCE} agents at a time`,
    count: `${COUNTS.stormKills} SIGKILLs`,
    left: `${wrong.length} left or wrong`,
    worst: `${Math.round(tookMs / 1_000)} s in all`,
    also: `seed ${chance.seed}; ${storm.summary()}; ${agents.length} agents: ${statuses}`,
  });
  expect(wrong).toEqual([]);
  expect({ sweep: swept.code, down: down.code }, down.stdout + down.stderr).toEqual({
    sweep: 0,
    down: 0,
  });
  acquireStateLock(place.world.paths.lock).release();
});

function settledAgents({ world }: Place): readonly Settled[] {
  const database = new DatabaseSync(world.paths.database, { readOnly: true });
  const sql = `SELECT id, status, reason, (SELECT count(*) FROM events WHERE agent_id = agents.id
    AND kind = 'agent.settled') AS times FROM agents`;
  const rows = database.prepare(sql).all() as unknown as Settled[];
  database.close();
  return rows;
}

function wrongEnd(agent: Settled, runnersKilled: ReadonlySet<string>): readonly string[] {
  const { id, status, reason, times } = agent;
  const isKnown = ["completed", "failed", "killed", "lost"].includes(status);
  return [
    ...(times === 1 ? [] : [`${id} was settled ${times} times`]),
    ...(isKnown ? [] : [`${id} is ${status}`]),
    ...(status !== "lost" || runnersKilled.has(id)
      ? []
      : [`${id} is lost and its runner was not killed: ${reason}`]),
  ];
}

/** What the leak guard would find too, with names: processes, open files, temporary files. */
function systemLeft({ world }: Place): readonly string[] {
  const holders = processes().filter(
    ({ pid }) => pid !== process.pid && mentions(pid, world.folder),
  );
  const temporary = [
    ...filesBelow(world.env["TMPDIR"] ?? ""),
    ...filesBelow(world.paths.agentsDir).filter((name) => /\.(tmp|part)$/.test(name)),
    ...readdirSync(world.paths.stateDir).filter((name) => name.endsWith(".sock")),
    ...filesBelow(join(world.paths.bellDir)),
  ];
  return [
    ...holders.map(({ pid, argv }) => `process ${pid}: ${argv.join(" ")}`),
    ...temporary.map((name) => `file ${name}`),
  ];
}
