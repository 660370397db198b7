/** What a daemon goes through while a fault strikes it, and which points are worth striking. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { markOptions } from "../../src/runner/mark-options.ts";
import { waitFor } from "./daemon-process.ts";
import type { Passed, When } from "./fault-points.ts";
import { identityOf, markedBy, sessionsOf } from "./fault-reckoning.ts";
import type { FaultWorld } from "./fault-world.ts";
import { corralCgroups } from "./os-look.ts";

export const AGENTS: string = join(import.meta.dirname, "../fixtures/agents");

export interface Scenario {
  readonly name: string;
  /** Before the points are armed. */
  readonly prepare?: (fault: FaultWorld) => Promise<void>;
  /** Passes the points. May be cut short anywhere by the death of the daemon. */
  readonly run: (fault: FaultWorld) => Promise<void>;
  /** True when the daemon leaves at the end of `run`. */
  readonly leaves?: true;
  /** Agents that are meant to go on; all others end by themselves. */
  readonly keeps?: true;
  /** Struck at every call, also at those that other scenarios have been struck at. */
  readonly everyCall?: true;
  /** Only what comes after the first call of this: what lies before is another scenario's. */
  readonly since?: string;
  /** Only what comes before the first call of this behind `since`, and that call itself. */
  readonly until?: string;
  /** Only calls that change something: a look leaves what the change before it has left. */
  readonly changesOnly?: true;
}

const sleeper = ["/bin/sleep", "300"];
const deaf = ["/usr/bin/perl", join(AGENTS, "hanger.pl")];

async function deployAndWait(fault: FaultWorld, argv: readonly string[]): Promise<void> {
  const { agent_id } = await fault.deploy(argv);
  await fault.api("/api/wait", { agent_ids: [agent_id], timeout_s: 20 });
}

/** A sleeper that runs untouched; one that an earlier round left is used again. */
export async function needSleeper(fault: FaultWorld, argv = sleeper): Promise<void> {
  const running = (await fault.agents()).some(({ status }) => status === "running");
  if (!running) await fault.deploy(argv);
}

export async function killAll(fault: FaultWorld, grace_s: number): Promise<void> {
  for (const { agent_id, task_id, status } of await fault.agents()) {
    if (status !== "running") continue;
    const input = { task_id, agent_id, reason: "The test is over.", grace_s };
    await fault.api("/api/tools/kill_real_agent", input);
  }
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "deploy and a normal exit",
    run: (fault) => deployAndWait(fault, [join(AGENTS, "well-behaved.sh")]),
  },
  {
    name: "deploy and a crash",
    since: "store.markRunning",
    run: (fault) => deployAndWait(fault, [join(AGENTS, "crasher.sh"), "7"]),
  },
  {
    name: "deploy and leftover daemons",
    since: "store.markRunning",
    run: (fault) => deployAndWait(fault, [join(AGENTS, "leaver.sh"), "300"]),
  },
  {
    name: "kill of an agent that ignores all",
    prepare: (fault) => needSleeper(fault, deaf),
    run: (fault) => killAll(fault, 0.05),
    keeps: true,
  },
  {
    name: "down",
    prepare: (fault) => needSleeper(fault),
    run: async (fault) => void (await fault.api("/api/leave", { mode: "end" })),
    leaves: true,
    keeps: true,
  },
  {
    name: "detach",
    everyCall: true,
    prepare: (fault) => needSleeper(fault),
    run: async (fault) => void (await fault.api("/api/leave", { mode: "detach" })),
    leaves: true,
    keeps: true,
  },
  {
    name: "sweep --apply",
    prepare: async (fault) => {
      await needSleeper(fault);
      await makeStrays(fault);
    },
    run: async (fault) => void (await fault.api("/api/sweep", { apply: true })),
    keeps: true,
  },
];

/** What system calls are struck in: at ports the kill of a deaf agent covers this one. */
export const CALL_SCENARIOS: readonly Scenario[] = [
  ...SCENARIOS,
  {
    name: "kill",
    prepare: (fault) => needSleeper(fault),
    run: (fault) => killAll(fault, 0),
    keeps: true,
  },
];

/** The scenario of that name. @throws {RangeError} when there is none. */
export function scenarioNamed(name: string): Scenario {
  const found = CALL_SCENARIOS.find((scenario) => scenario.name === name);
  if (found === undefined) throw new RangeError(`no scenario is named "${name}"`);
  return found;
}

/** One process, one session and one control group that bear the world's mark and have no row. */
export async function makeStrays({ world }: FaultWorld): Promise<void> {
  const identity = identityOf(world);
  const { mark: hard, seal, name } = identity;
  const soft = 400_000 + 2 * 150_000;
  const stray = spawn("prlimit", [...markOptions({ soft, hard, seal }), "--", "sleep", "300"], {
    detached: true,
    stdio: "ignore",
  });
  stray.unref();
  await waitFor("the stray", () =>
    markedBy(identity).some((one) => one.soft === soft) ? true : undefined,
  );
  const root = corralCgroups().find((path) => path.endsWith(`corral-${name}`));
  if (root !== undefined) mkdirSync(join(root, "stray-000000-0a0a0a"), { recursive: true });
  if (sessionsOf(world).includes("stray")) return;
  const argv = ["-S", world.paths.tmuxSocket, "new-session", "-d", "-s", "stray", "sleep", "300"];
  if (existsSync(dirname(world.paths.tmuxSocket))) execFileSync("tmux", argv);
}

/** Calls that change the disk, the store or the processes: dying beside one of them is what may leak. */
const CHANGES =
  /^(store\.(addTask|admitAgent|startQueued|keepCircuit|revokeToken|markRunning|recordStop|settle|intend|keepUntil|describeKept|expire|confirmResource|beginRelease|recordReleases|failRelease|keepPort)|files\.(prepare|link|remove|makeWorkspace)|streams\.(rotate|archive|removeArchived|removeArchive|remove)|containment\.(make|signal|kill|remove|killOne|endCompanions|removeRoots?)|host\.(start|release|close))$/;

/** True for a call beside which a death may leak; a look that a run does not take again is no loss. */
export function isChange(point: string): boolean {
  return CHANGES.test(point);
}

export interface Strike {
  readonly point: string;
  readonly when: When;
  readonly nth: number;
}

/**
 * Where to strike in a scenario: around the first call of each kind that no earlier scenario was
 * struck at, and after the first and the last of every call that changes something.
 */
export function strikesOf(
  all: readonly Passed[],
  covered: Set<string>,
  { changesOnly, since, until }: Pick<Scenario, "changesOnly" | "since" | "until"> = {},
): readonly Strike[] {
  const from = since === undefined ? 0 : all.findIndex(({ point }) => point === since);
  const behind = all.slice(Math.max(0, from));
  const end = until === undefined ? -1 : behind.findIndex(({ point }) => point === until);
  const passed = end < 0 ? behind : behind.slice(0, end + 1);
  const last = new Map(passed.map(({ point, nth }) => [point, nth]));
  const first = new Map(passed.toReversed().map(({ point, nth }) => [point, nth]));
  const strikes = new Map<string, Strike>();
  const add = (point: string, when: When, nth: number): void => {
    strikes.set(`${point}:${nth}:${when}`, { point, when, nth });
    covered.add(`${point}:${when}`);
  };
  for (const [point, most] of last) {
    if (changesOnly === true && !isChange(point)) continue;
    for (const when of ["before", "after"] as const) {
      if (!covered.has(`${point}:${when}`)) add(point, when, first.get(point) ?? 1);
    }
    if (isChange(point)) {
      add(point, "after", first.get(point) ?? 1);
      if (most > 1) add(point, "after", most);
    }
  }
  return [...strikes.values()];
}
