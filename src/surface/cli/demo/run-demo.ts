/**
 * `corral demo`: a world of its own, four agents, and a look at the operating system afterwards.
 *
 * Whatever happens on the way, Ctrl-C included, the end is the same: down, proof, and the removal
 * of exactly the folder that was made. A folder with something left in it is kept and named.
 */
import type { AgentView, Receipt } from "../../../contract/agent.ts";
import type { HealthAnswer, SweepAnswer } from "../../../contract/api.ts";
import { asFault, faultToWire, messageOf } from "../../../kernel/fault.ts";
import type { Fault } from "../../../kernel/fault.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import type { ApiClient } from "../../../contract/client.ts";
import type { Terminal } from "../ports.ts";
import type { PathEnvironment, StatePaths } from "../state-paths.ts";
import { jsonText } from "../verb.ts";
import { agentsTable, cleanupText, endText, receiptTable, summarise } from "../views.ts";
import { isNoDaemon } from "../verbs/offline.ts";
import { CAST } from "./cast.ts";
import { existingCgroups, learnWorld, look } from "./look.ts";
import type { Learnt, LookFor, Seen } from "./look.ts";
import type { McpLink } from "./mcp-link.ts";
import { isNothingLeft, proofRows, proofTable } from "./proof.ts";
import type { ProofRow } from "./proof.ts";
import { screenOn } from "./screen.ts";
import type { Screen } from "./screen.ts";
import { connectOverMcp, deployCast, follow, isAllOver, isAtWork, nothingTold } from "./story.ts";
import type { Cast } from "./story.ts";
import {
  changedLines,
  isInstalled,
  makeRepository,
  makeWorld,
  removeWorld,
  testRepository,
} from "./world.ts";
import type { World } from "./world.ts";

export interface DemoPorts {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly env: PathEnvironment;
  readonly now: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly connect: (paths: StatePaths) => Promise<ApiClient>;
  readonly startDaemon: (
    paths: StatePaths,
    env: Readonly<Record<string, string>>,
  ) => Promise<HealthAnswer>;
  readonly daemonGone: (pid: number) => Promise<boolean>;
  /** Releases everything of a state directory whose daemon is dead. */
  readonly sweepOffline: (paths: StatePaths) => Promise<SweepAnswer>;
  readonly interrupted: AbortSignal;
}

/** What the demo has come to know; filled in as it goes, read by the end whatever happened. */
interface Findings {
  health: HealthAnswer | null;
  agents: readonly AgentView[];
  receipts: readonly Receipt[];
  learnt: Learnt;
  running: Seen | null;
  tests: { readonly passed: boolean; readonly summary: string } | null;
  fault: Fault | null;
}

interface Stage {
  readonly ports: DemoPorts;
  readonly screen: Screen;
  readonly world: World;
  readonly before: ReadonlySet<string>;
  readonly found: Findings;
}

/** The last processes may be in the middle of their own end when the daemon's answer arrives. */
const PROOF_LOOKS = 20;
const PROOF_PAUSE_MS = 100;

/**
 * Runs the demo from its folder to its proof.
 *
 * @returns 0 when everybody ended as told and nothing is left; 1 when something is left or went
 *          otherwise; 130 when it was interrupted and nothing is left; a fault's own code.
 */
export async function runDemo(ports: DemoPorts): Promise<number> {
  const startedAt = ports.now();
  const screen = screenOn(ports.terminal, ports.json, ports.now);
  const before = existingCgroups();
  const world = makeWorld(ports.env);
  const found: Findings = {
    health: null,
    agents: [],
    receipts: [],
    learnt: { mark: null, cgroups: [] },
    running: null,
    tests: null,
    fault: null,
  };
  const stage: Stage = { ports, screen, world, before, found };
  try {
    await play(stage);
  } catch (thrown) {
    found.fault = asFault(thrown);
    screen.event(`${found.fault.code}: ${found.fault.message} ${messageOf(thrown)}`, "bad");
  }
  const proof = await end(stage);
  const exit = exitOf(stage, proof);
  report(stage, proof, exit, ports.now() - startedAt);
  return exit;
}

async function play(stage: Stage): Promise<void> {
  const { ports, screen, world, found } = stage;
  screen.chapter("A world of its own");
  makeRepository(world);
  found.tests = testRepository(world);
  screen.event(
    `a repository with a bug in ${world.repository}: its tests say ${found.tests.summary}`,
  );
  found.health = await ports.startDaemon(world.paths, world.env);
  screen.event(`a daemon: pid ${found.health.pid}, ${found.health.url}`);
  if (isInstalled("claude", ports.env)) {
    screen.event("claude is installed here; the demo does not use it, corral deploy does");
  }
  if (ports.interrupted.aborted) return;
  const link = await connectOverMcp(world, found.health.url);
  try {
    await act(stage, link);
  } finally {
    await link.close();
  }
}

async function act(stage: Stage, link: McpLink): Promise<void> {
  const { ports, screen, world, found } = stage;
  screen.chapter("Four agents, over MCP");
  const tools = await link.tools();
  screen.event(`the server lists ${tools.length} tools: ${tools.join(", ")}`);
  const cast = await deployCast(link, world, screen);
  const told = nothingTold();
  await follow(link, cast, told, isAtWork("hydra"), { ...ports, screen });
  witness(stage);
  if (ports.interrupted.aborted) return;
  const [answer] = await Promise.all([
    follow(link, cast, told, isAllOver, { ...ports, screen }),
    killHydra(link, cast, screen),
  ]);
  found.agents = answer.agents;
  await showReceipts(stage);
}

/** Looks while they run: a proof is worth something only when its instruments have shown something. */
function witness({ screen, world, before, found }: Stage): void {
  found.learnt = learnWorld(world.root, before);
  found.running = look(targetOf(world, found.learnt));
  const { marked, named, files } = found.running;
  screen.event(
    `the operating system shows ${marked.length} processes with our mark, ${named.length} that name our folder, and ${files.length} open files below it`,
  );
}

async function killHydra(link: McpLink, { taskId, ids }: Cast, screen: Screen): Promise<void> {
  const input = {
    task_id: taskId,
    agent_id: ids["hydra"],
    reason: "has had its chance",
    grace_s: 1,
  };
  screen.event(`kill_real_agent: ${ids["hydra"]}, 1 s of grace`);
  await link.call("kill_real_agent", input);
}

async function showReceipts({ ports, screen, world, found }: Stage): Promise<void> {
  if (ports.interrupted.aborted) return;
  screen.chapter("What became of them");
  const client = await ports.connect(world.paths);
  found.receipts = await Promise.all(found.agents.map((it) => client.receipt(it.agent_id)));
  screen.lines(agentsTable(found.agents, ports.now(), styleOf(ports)));
  for (const agent of found.agents) {
    const receipt = found.receipts.find(({ owner }) => owner === agent.agent_id);
    if (receipt === undefined) continue;
    screen.chapter(
      `Receipt of ${agent.agent_id}: ${endText(agent)}, ${cleanupText(agent.cleanup)}`,
    );
    screen.lines(receiptTable(receipt, styleOf(ports)));
  }
  found.tests = testRepository(world);
  screen.chapter("What the fixer changed");
  screen.lines(changedLines(world));
  screen.event(`the repository's tests now say ${found.tests.summary}`);
}

/** Down, proof, removal: the same whatever happened before. */
async function end(stage: Stage): Promise<readonly ProofRow[]> {
  const { screen, world, found, ports } = stage;
  screen.chapter(ports.interrupted.aborted ? "Interrupted: giving everything back" : "Down");
  // A demo that was stopped early has not looked at its world yet, and soon there is none.
  if (found.running === null) witness(stage);
  try {
    await goDown(stage);
  } catch (thrown) {
    found.fault ??= asFault(thrown);
    screen.event(`down failed: ${messageOf(thrown)}`, "bad");
  }
  const proof = await prove(stage);
  screen.chapter("Proof, from the operating system");
  // Uncut: how a count was looked at is as much of the proof as the count.
  screen.lines(proofTable(proof, { ...styleOf(ports), columns: Number.POSITIVE_INFINITY }));
  screen.lines([""]);
  const removed = isNothingLeft(proof) && removeWorld(world);
  screen.event(
    removed
      ? `removed ${world.root}`
      : `kept ${world.root}, because something is left: CORRAL_STATE_DIR=${world.paths.stateDir} corral sweep --apply`,
    removed ? null : "bad",
  );
  return proof;
}

async function goDown({ ports, screen, world, found }: Stage): Promise<void> {
  const client = await ports.connect(world.paths);
  try {
    const answer = await client.leave({ mode: "end" });
    const { released, retained } = summarise(answer.receipts);
    screen.event(
      `ended ${answer.agents_ended} agents that still ran; ${released} resources released, ${retained} kept as archive`,
    );
  } catch (thrown) {
    if (!isNoDaemon(thrown)) throw thrown;
    if (found.health === null) return;
    const { steps } = await ports.sweepOffline(world.paths);
    screen.event(`the daemon was gone; a sweep without it released ${steps.length} resources`);
  }
  if (found.health === null) return;
  const gone = await ports.daemonGone(found.health.pid);
  screen.event(`the daemon (pid ${found.health.pid}) is ${gone ? "gone" : "still there"}`);
}

async function prove({ ports, world, found }: Stage): Promise<readonly ProofRow[]> {
  const target = targetOf(world, found.learnt);
  for (let looks = 1; ; looks += 1) {
    const rows = proofRows(target, found.running, look(target));
    if (isNothingLeft(rows) || looks === PROOF_LOOKS) return rows;
    await ports.sleep(PROOF_PAUSE_MS);
  }
}

function targetOf({ root, paths }: World, { mark, cgroups }: Learnt): LookFor {
  return { root, mark, cgroups, sockets: [paths.tmuxSocket, paths.socket] };
}

function styleOf({ terminal, json }: DemoPorts) {
  return { colour: terminal.colour && !json, columns: terminal.columns };
}

function exitOf({ ports, found }: Stage, proof: readonly ProofRow[]): number {
  if (!isNothingLeft(proof)) return EXIT.notCompleted;
  if (ports.interrupted.aborted) return EXIT.interrupted;
  if (found.fault !== null) return exitCodeOf(found.fault.exit);
  return wentAsTold(found) ? EXIT.ok : EXIT.notCompleted;
}

/** Everybody ended in the way of their part, everything is given back, and the bug is fixed. */
function wentAsTold({ agents, tests }: Findings): boolean {
  const ends = CAST.every(({ type, ends: expected }) =>
    agents.some((it) => it.agent_type === type && it.status === expected),
  );
  return ends && tests?.passed === true && agents.every((it) => it.cleanup.state === "clean");
}

const VERDICTS: Readonly<Record<number, string>> = {
  [EXIT.ok]: "Everything was given back",
  [EXIT.interrupted]: "Interrupted, and everything was given back",
};

function report(stage: Stage, proof: readonly ProofRow[], exit: number, ms: number): void {
  const { ports, screen, found } = stage;
  const verdict = VERDICTS[exit] ?? `This did not go as it should (exit ${exit})`;
  screen.event(`${verdict}; ${(ms / 1_000).toFixed(1)} s.`, exit === EXIT.ok ? "good" : "bad");
  if (!ports.json) return;
  const { agents, receipts, tests, fault } = found;
  const error = fault === null ? null : faultToWire(fault);
  ports.terminal.line(
    jsonText({ ok: exit === EXIT.ok, seconds: ms / 1_000, agents, receipts, tests, proof, error }),
  );
}
