/** The question who is left: what the store says against what the operating system shows. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { KEEPER_SESSION } from "../../src/adapters/tmux/control-link.ts";
import { corralCgroups, filesBelow, pids, processOf, socketsBelow } from "./os-look.ts";
import type { World } from "./world.ts";

/** Soft limits of the watermark; see src/supervision/ports.ts. */
const INFRASTRUCTURE_SOFT = 400_001;
const SLOT_0_SOFT = 400_000;

type Row = Readonly<Record<string, string | number | null>>;

interface Records {
  readonly agents: readonly Row[];
  readonly resources: readonly Row[];
  readonly settled: readonly Row[];
  readonly tasks: readonly Row[];
  readonly worldName: string;
  readonly mark: number;
  readonly seal: number | null;
}

/** Reads the database beside its owner. */
function withDatabase<T>(world: World, read: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(world.paths.database, { readOnly: true, timeout: 5_000 });
  try {
    return read(database);
  } finally {
    database.close();
  }
}

/** Count of events and state of every row, for comparing. */
export function snapshotOf(world: World): unknown {
  return withDatabase(world, (database) => ({
    // The alert about a quota comes and goes in its own time, whoever passes.
    events: database
      .prepare("SELECT count(*) AS n FROM events WHERE facts NOT LIKE '%\"quota_circuit\"%'")
      .get(),
    rows: database.prepare("SELECT id, owner, kind, state, attempts FROM resources").all(),
    agents: database.prepare("SELECT id, status, ended_at, exit_code FROM agents").all(),
  }));
}

function recordsOf(world: World): Records {
  return withDatabase(world, (database) => {
    const all = (sql: string) => database.prepare(sql).all() as unknown as Row[];
    const facts = new Map(
      all("SELECT key, value FROM world").map(({ key, value }) => [key, value]),
    );
    return {
      agents: all("SELECT * FROM agents"),
      resources: all("SELECT * FROM resources"),
      settled: all("SELECT agent_id FROM events WHERE kind = 'agent.settled'"),
      tasks: all("SELECT * FROM tasks"),
      worldName: String(facts.get("name")),
      mark: Number(facts.get("mark")),
      seal: facts.has("seal") ? Number(facts.get("seal")) : null,
    };
  });
}

/** Everything that is wrong between the two; empty when all is right. */
export function complaintsOf(world: World, project: string): readonly string[] {
  const records = recordsOf(world);
  const live = records.agents.filter((agent) => agent["ended_at"] === null);
  const past = records.agents.filter((agent) => agent["ended_at"] !== null);
  const liveIds = new Set(live.map(({ id }) => String(id)));
  return [
    ...heldWithoutOwner(records, liveIds),
    ...past.flatMap((agent) => wrongEnd(agent, records)),
    ...past.flatMap((agent) => filesOf(world, agent)),
    ...live.flatMap((agent) => wrongLife(agent, world)),
    ...strangers(records, live),
    ...sessionsOf(world)
      .filter((name) => !live.some(({ session }) => session === name))
      .map((name) => `session ${name}`),
    ...leavesOf(records.worldName)
      .filter((path) => !liveIds.has(basename(path)))
      .map((path) => `control group ${path}`),
    ...names(world.paths.bellDir)
      .filter((name) => !liveIds.has(name))
      .map((name) => `bell ${name}`),
    ...names(join(project, ".agent-workspace"))
      .filter((name) => !records.tasks.some(({ id }) => id === name))
      .map((name) => `workspace ${name} of no task`),
  ];
}

function heldWithoutOwner({ resources }: Records, live: ReadonlySet<string>): readonly string[] {
  return resources
    .filter(({ state }) => state === "intended" || state === "held" || state === "releasing")
    .filter(({ owner }) => owner !== "daemon" && !live.has(String(owner)))
    .map(({ owner, kind, state, error }) => `row ${kind} of ${owner} is ${state}: ${error}`);
}

/** Settled once, with no token, and as its runner wrote it down. */
function wrongEnd(agent: Row, { settled }: Records): readonly string[] {
  const wrong: string[] = [];
  const times = settled.filter(({ agent_id }) => agent_id === agent["id"]).length;
  if (times !== 1) wrong.push(`${agent["id"]} was settled ${times} times`);
  if (agent["token_hash"] !== null) wrong.push(`${agent["id"]} has a token still`);
  const record = join(String(agent["directory"]), "exit.json");
  const isGivenBack = String(agent["reason"]).startsWith("Its deploy failed");
  if (existsSync(record) && !isGivenBack && !cameTooLate(record, agent)) {
    const { code, signal } = JSON.parse(readFileSync(record, "utf8")) as Row;
    const known = [agent["exit_code"], agent["signal"]];
    if (known[0] !== code || known[1] !== signal) {
      wrong.push(`${agent["id"]} ended with ${code}/${signal} and is settled ${known.join("/")}`);
    }
  }
  return wrong;
}

/** What the kernel's clock may lag behind. Milliseconds. */
const COARSE_MS = 10;

/** The `mv` of a runner that was killed may put the record in its place after the agent was settled `lost`. */
function cameTooLate(record: string, { status, ended_at: endedAt }: Row): boolean {
  return status === "lost" && statSync(record).ctimeMs > Number(endedAt) - COARSE_MS;
}

/** What a clean agent may keep, until its retention ends. */
const KEPT = new Set([
  "exit.json",
  "runner.json",
  "runner.log",
  "spec.json",
  "started.json",
  "stderr.log",
  "stream.jsonl",
]);

/** What a running agent's stream leaves where it was rotated, until it is archived. */
const SEGMENT = /^(stream\.jsonl|stderr\.log)\.(\d+-\d+\.zst|punched)$/;

/** The home of a Codex, in which its conversation lies for as long as its agent is kept. */
const HOME_KEPT = "codex";

function filesOf(world: World, agent: Row): readonly string[] {
  const directory = String(agent["directory"]);
  if (!directory.startsWith(world.paths.agentsDir)) return [`${directory} is outside`];
  return filesBelow(directory).flatMap((name) => {
    if (SEGMENT.test(name) || name === HOME_KEPT) return [];
    if (!KEPT.has(name)) return [`file ${name} of ${agent["id"]}`];
    const text = readFileSync(join(directory, name), "utf8");
    return /corral_[0-9a-f]{64}/.test(text) ? [`token in ${name} of ${agent["id"]}`] : [];
  });
}

function wrongLife(agent: Row, world: World): readonly string[] {
  const started = join(String(agent["directory"]), "started.json");
  if (!existsSync(started)) return [`${agent["id"]} is ${agent["status"]} and never started`];
  const { pid } = JSON.parse(readFileSync(started, "utf8")) as { pid: number };
  const isThere = processOf(pid) !== undefined;
  const isListed = sessionsOf(world).includes(String(agent["session"]));
  return isThere && (isListed || agent["host"] !== "tmux")
    ? []
    : [`${agent["id"]} is ${agent["status"]} and not there`];
}

/** Every process with the world's mark that no live agent accounts for; the tmux server is the daemon's. */
function strangers(records: Records, live: readonly Row[]): readonly string[] {
  const softs = new Set(live.map(({ slot }) => SLOT_0_SOFT + 2 * Number(slot)));
  return markedBy(records)
    .filter(({ soft }) => !softs.has(soft))
    .filter(({ soft, name }) => soft !== INFRASTRUCTURE_SOFT || !name.startsWith("tmux"))
    .filter(({ soft, argv }) => {
      const isRunner = live.some(({ directory }) => argv.includes(String(directory)));
      const isItsClock = /(^|\/)(sleep|flock)$/.test(argv[0] ?? "") && live.length > 0;
      return soft !== INFRASTRUCTURE_SOFT || !(isRunner || isItsClock);
    })
    .map(({ pid, soft, argv }) => `marked process ${pid} (${soft}): ${argv.join(" ")}`);
}

interface Marked {
  readonly pid: number;
  readonly soft: number;
  readonly name: string;
  readonly argv: readonly string[];
}

/** The two numbers by which processes are a world's. */
export interface WorldNumbers {
  readonly mark: number;
  readonly seal: number | null;
}

/** Processes that bear that world's numbers. */
export function markedBy({ mark, seal }: WorldNumbers): readonly Marked[] {
  return pids().flatMap((pid) => {
    const limits = textOrNothing(`/proc/${pid}/limits`);
    const match = /^Max msgqueue size\s+(\d+)\s+(\d+)/m.exec(limits);
    const locks = /^Max file locks\s+\w+\s+(\d+) /m.exec(limits)?.[1];
    const isOurs =
      Number(match?.[2]) === mark && (locks === undefined ? null : Number(locks)) === seal;
    const found = isOurs ? processOf(pid) : undefined;
    return found === undefined ? [] : [{ ...found, soft: Number(match?.[1]) }];
  });
}

/** What is left of a world whose daemon has ended everything. */
export function remainsOf(world: World): readonly string[] {
  const records = recordsOf(world);
  const { resources, worldName } = records;
  return [
    ...markedBy(records).map(({ pid, name }) => `process ${pid} (${name})`),
    ...corralCgroups().filter((path) => path.includes(`corral-${worldName}`)),
    ...socketsBelow(world.folder),
    ...resources
      .filter(({ state }) => state !== "released" && state !== "retained")
      .map(({ owner, kind, state, error }) => `row ${kind} of ${owner} is ${state}: ${error}`),
  ];
}

/** The numbers and the name of a world, for making strays in it. */
export function identityOf(world: World): WorldNumbers & { readonly name: string } {
  const { mark, seal, worldName } = recordsOf(world);
  return { mark, seal, name: worldName };
}

/** Names of the sessions on the world's own tmux socket; empty when no server listens there. */
export function sessionsOf({ paths }: World): readonly string[] {
  if (!existsSync(paths.tmuxSocket)) return [];
  try {
    const argv = ["-S", paths.tmuxSocket, "list-sessions", "-F", "#{session_name}"];
    const text = execFileSync("tmux", argv, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return text.split("\n").filter((name) => name !== "" && name !== KEEPER_SESSION);
  } catch (error) {
    if (/no server running|error connecting/.test(String(error))) return [];
    // It was told to leave and does not: as good as a session that nobody holds.
    if (/server exited unexpectedly/.test(String(error))) return ["(the server never leaves)"];
    throw error;
  }
}

export function leavesOf(worldName: string): readonly string[] {
  return corralCgroups()
    .flatMap((root) =>
      basename(root) === `corral-${worldName}` ? names(root).map((name) => join(root, name)) : [],
    )
    .filter((path) => existsSync(join(path, "cgroup.procs")));
}

function names(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function textOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
