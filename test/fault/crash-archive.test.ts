/**
 * G1, G4, G5: the daemon dies by SIGKILL at every call that it makes while an agent that has ended becomes
 * an archive, and while that is deleted again; the next daemon ends the work, once, and loses nothing.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { ArchivesAnswer } from "../../src/contract/archive.ts";
import type { AgentView } from "../../src/contract/agent.ts";
import type { LedgerAnswer } from "../../src/contract/api.ts";
import type { AgentOutputAnswer } from "../../src/contract/tools.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { alive, dieAt, recordScenario } from "../helpers/fault-rounds.ts";
import { AGENTS, type Scenario, strikesOf } from "../helpers/fault-scenarios.ts";
import { type FaultWorld, makeFaultWorld } from "../helpers/fault-world.ts";

const SETTLED_MS = 20_000;
const COMMAND = [join(AGENTS, "well-behaved.sh")];

/** A world whose daemons archive an agent as soon as it is clean. */
async function worldThatArchives(): Promise<FaultWorld> {
  const fault = await makeFaultWorld();
  const { configFile, stateDir } = fault.world.paths;
  mkdirSync(stateDir, { mode: 0o700 });
  writeFileSync(configFile, '{"archive_after_ms": 0}');
  return fault;
}

/** Waits until nothing of an ended agent is there but archives. @returns the newest agent's id and task. */
async function allArchived(
  fault: FaultWorld,
  orThrow: () => Promise<unknown> = async () => undefined,
): Promise<Ended> {
  return waitFor(
    "every agent to be archived",
    // Asked of the disk, not of the daemon: what it does for us would be struck, too.
    async () => {
      await orThrow();
      const newest = rowsOf(fault, "SELECT id, task_id FROM agents ORDER BY rowid").at(-1);
      const plain = rowsOf(
        fault,
        "SELECT 1 FROM resources WHERE kind = 'stream_log' AND state <> 'released'",
      );
      const names = readdirSync(fault.world.paths.agentsDir);
      if (newest === undefined || plain.length > 0 || names.length > 0) return undefined;
      return { agent_id: String(newest["id"]), task_id: String(newest["task_id"]) };
    },
    SETTLED_MS,
  );
}

type Ended = Pick<AgentView, "agent_id" | "task_id">;

function rowsOf({ world }: FaultWorld, sql: string, ...values: string[]) {
  const database = new DatabaseSync(world.paths.database, { readOnly: true, timeout: 5_000 });
  try {
    return database.prepare(sql).all(...values);
  } finally {
    database.close();
  }
}

/** What is wrong with an archived agent. */
async function wrongWith(fault: FaultWorld, agent: Ended): Promise<readonly string[]> {
  const { agent_id, task_id } = agent;
  const input = { agent_id, task_id, max_bytes: 4_096 };
  const answer = await fault.api<AgentOutputAnswer>("/api/tools/get_agent_output", input);
  const workspace = join(fault.project, ".agent-workspace", task_id);
  const link = join(workspace, "archive", `${agent_id}.tar`);
  const made = eventsOf(fault, agent_id).filter((kind) => kind === "archive.made").length;
  return [
    ...(answer.source === "archive" ? [] : [`source is ${answer.source}`]),
    ...(String(answer.output).endsWith("done") ? [] : [`output is ${String(answer.output)}`]),
    ...(answer.gaps.length === 0 ? [] : ["there are gaps"]),
    ...(existsSync(link) ? [] : ["there is no link to the archive"]),
    ...(isThere(join(workspace, "agents", agent_id)) ? ["the link to its files is there"] : []),
    ...(made === 1 ? [] : [`archive.made was told ${made} times`]),
  ];
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function eventsOf(fault: FaultWorld, agentId: string): readonly string[] {
  const rows = rowsOf(fault, "SELECT kind FROM events WHERE agent_id = ?", agentId);
  return rows.map(({ kind }) => String(kind));
}

/** What makes or removes something, or writes it down. */
const STEPS =
  /^(streams\.(archive|removeArchived|removeArchive)|files\.(link|remove)|store\.(keepUntil|describeKept|expire|beginRelease|recordReleases|addEvent|atomically))$/;

const ARCHIVING: Scenario = {
  name: "archiving",
  since: "store.keepUntil",
  run: async (fault) => {
    await fault.deploy(COMMAND);
    // A dead daemon ends the waiting.
    await allArchived(fault, () => fault.api("/api/health"));
  },
};

const PRUNING: Scenario = {
  name: "pruning",
  since: "store.expire",
  prepare: async (fault) => {
    const { total } = await fault.api<ArchivesAnswer>("/api/archives");
    if (total === 0) await ARCHIVING.run(fault);
  },
  run: async (fault) => {
    await fault.api("/api/archives/prune", { older_than_s: 0 });
    // What a dead daemon had begun is the sweep's.
    await fault.api("/api/sweep", { apply: true });
  },
};

test.for([
  [
    ARCHIVING.name,
    ARCHIVING,
    ["store.keepUntil", "streams.archive", "streams.removeArchived", "files.link"],
  ],
  [PRUNING.name, PRUNING, ["store.expire", "streams.removeArchive", "files.remove"]],
] as const)("%s, struck at every call", { timeout: 600_000 }, async ([, scenario, points]) => {
  await using fault = await worldThatArchives();
  const first = await fault.start();
  const passed = await recordScenario(fault, first, scenario);
  const strikes = strikesOf(passed, new Set(), scenario).filter(({ point }) => STEPS.test(point));
  const struckAt = new Set(strikes.map(({ point }) => point));
  for (const point of points) expect(struckAt).toContain(point);
  let daemon = await alive(fault, first);
  const [wrong, missed]: [string[], string[]] = [[], []];
  for (const strike of strikes) {
    const name = `${strike.point}:${strike.nth} ${strike.when}`;
    if (!(await dieAt(fault, daemon, scenario, strike))) missed.push(name);
    daemon = await alive(fault, daemon);
    const agent = await allArchived(fault);
    const found =
      scenario === ARCHIVING ? await wrongWith(fault, agent) : await leftOf(fault, agent);
    wrong.push(...[...found, ...fault.complaints()].map((what) => `${name}: ${what}`));
    if (scenario === ARCHIVING) await PRUNING.run(fault);
  }
  expect(wrong).toEqual([]);
  expect(missed).toEqual([]);
});

/** What is left of an agent whose archive was to be deleted. */
async function leftOf(fault: FaultWorld, { agent_id, task_id }: Ended): Promise<readonly string[]> {
  await fault.api("/api/archives/prune", { older_than_s: 0 });
  await fault.api("/api/sweep", { apply: true });
  const { rows } = await fault.api<LedgerAnswer>(`/api/ledger?owner=${agent_id}`);
  const link = join(fault.project, ".agent-workspace", task_id, "archive", `${agent_id}.tar`);
  const told = eventsOf(fault, agent_id).filter((kind) => kind === "archive.deleted").length;
  return [
    ...readdirSync(fault.world.paths.archiveDir).map((file) => `${file} is there`),
    ...(isThere(link) ? ["the link to the archive is there"] : []),
    ...rows
      .filter(({ kind, state }) => kind === "archive" && state !== "released")
      .map(({ state }) => `the archive's row is ${state}`),
    ...(told === 1 ? [] : [`its deletion was told ${told} times`]),
  ];
}
