/** Daemons with failpoints in a world of a test's own. */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { AgentView } from "../../src/contract/agent.ts";
import {
  ask,
  collect,
  DAEMON_STOP_MS,
  daemonAnswers,
  endChild,
  ended,
  type Ran,
  waitFor,
} from "./daemon-process.ts";
import type { Injection, Passed } from "./fault-points.ts";
import { complaintsOf, remainsOf, snapshotOf } from "./fault-reckoning.ts";
import { makeWorld, type World } from "./world.ts";

const PROGRAM = join(import.meta.dirname, "fault-daemon.ts");
const QUIET_MS = 25_000;

/** Short stops, so that a scenario takes as long as its processes need and no longer. */
export const QUICK: Readonly<Record<string, string>> = {
  CORRAL_GRACE_MS: "60",
  CORRAL_TERM_MS: "60",
  CORRAL_LEFTOVER_MS: "60",
  CORRAL_RESYNC_MS: "200",
};

export interface FaultDaemon {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Acts at this point from now on; null records only. */
  arm(injection: Injection | null): Promise<void>;
  /** Puts these words before the shell of every runner that the process host starts; none takes them away. */
  beforeRunners(words: readonly string[]): Promise<void>;
  /** Sets its clock ahead of the machine's. Milliseconds. */
  setAhead(ms: number): Promise<void>;
  /** What was passed since it was armed. */
  told(): Promise<{ readonly passed: readonly Passed[]; readonly hits: number }>;
  /** What it had passed when it left by itself. */
  left(): readonly Passed[];
  /** How it ended. */
  readonly end: Promise<Pick<Ran, "code" | "signal">>;
  output(): string;
}

export interface FaultWorld extends AsyncDisposable {
  readonly world: World;
  /** A folder that agents may work in. */
  readonly project: string;
  /** Starts a daemon with failpoints and waits until it answers. */
  start(env?: Readonly<Record<string, string>>): Promise<FaultDaemon>;
  /** Starts one with an injection in force from its first step on; it may never answer. */
  startDoomed(injection: Injection, env?: Readonly<Record<string, string>>): FaultDaemon;
  /** Starts one with these words before it, `strace …` for instance; it may never answer. */
  startBehind(words: readonly string[]): FaultDaemon;
  /** The body of a 200; throws the text of any other answer. */
  api<T>(path: string, body?: unknown): Promise<T>;
  agents(): Promise<readonly AgentView[]>;
  /** Makes a task and deploys one command. */
  deploy(argv: readonly string[], more?: Readonly<Record<string, unknown>>): Promise<AgentView>;
  /** Waits until every agent runs untouched or is clean. */
  quiet(): Promise<readonly AgentView[]>;
  /** Everything that is wrong between the store and the operating system; empty when all is right. */
  complaints(): readonly string[];
  /** What is left of a world whose daemon has ended everything; empty when nothing is. */
  remains(): readonly string[];
  /** Count of events and state of every row, for comparing. */
  snapshot(): unknown;
}

/** @param envOf  What every daemon of this world has in its environment besides. */
export async function makeFaultWorld(
  envOf: (world: World) => Readonly<Record<string, string>> = () => ({}),
): Promise<FaultWorld> {
  const world = await makeWorld();
  const project = join(world.folder, "project");
  mkdirSync(project);
  const own = envOf(world);
  const children = new Set<ChildProcess>();

  const launch = (
    env: Readonly<Record<string, string>>,
    behind: readonly string[] = [],
  ): FaultDaemon => {
    const [execPath, ...execArgv] = [...behind, process.execPath];
    const child = fork(PROGRAM, [], {
      cwd: world.folder,
      env: {
        ...world.env,
        ...QUICK,
        NODE_COMPILE_CACHE: join(world.folder, "cache"),
        ...own,
        ...env,
      },
      execPath,
      execArgv,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    children.add(child);
    const output = collect(child);
    let left: readonly Passed[] = [];
    const waiting: ((answer: unknown) => void)[] = [];
    child.on("message", (said: { left?: readonly Passed[] }) => {
      if (said.left === undefined) waiting.shift()?.(said);
      else left = said.left;
    });
    const end = ended(child);
    const answer = async (order: object): Promise<unknown> => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      waiting.push(resolve);
      child.send(order);
      return await Promise.race([promise, end]);
    };
    return {
      pid: child.pid ?? 0,
      child,
      arm: async (injection) => void (await answer({ arm: injection })),
      setAhead: async (ms) => void (await answer({ ahead: ms })),
      beforeRunners: async (words) => void (await answer({ runner: words })),
      told: async () => (await answer({ tell: true })) as Awaited<ReturnType<FaultDaemon["told"]>>,
      left: () => left,
      end,
      output: () => output().stderr,
    };
  };

  const api = async <T>(path: string, body?: unknown): Promise<T> => {
    const answer = await ask(world.paths.socket, path, body);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body as T;
  };
  const agents = async () => (await api<{ agents: AgentView[] }>("/api/agents?all=1")).agents;

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<FaultDaemon> => {
    const daemon = launch(env);
    await daemonAnswers(world.paths.socket, daemon.child, daemon.output);
    // The sweep of its start would otherwise be mixed into what a test looks at.
    await waitFor("the first sweep", async () => {
      const { passed } = await daemon.told();
      return passed.some(({ point }) => point === "store.expiredResources") ? true : undefined;
    });
    return daemon;
  };
  /** Agents outlive their daemon: a test that failed must not leave them. */
  const endAll = async (): Promise<void> => {
    const isThere = await api("/api/health").then(
      () => true,
      () => false,
    );
    const daemon = isThere ? null : await start();
    await api("/api/leave", { mode: "end" });
    await daemon?.end;
  };

  return {
    world,
    project,
    api,
    agents,
    start,
    startDoomed: (injection, env = {}) =>
      launch({ ...env, CORRAL_FAULT: JSON.stringify(injection) }),
    startBehind: (words) => launch({}, words),
    async deploy(argv, more = {}) {
      const task = await api<{ task_id: string }>("/api/tools/create_real_task", {
        description: "A task that something goes wrong in.",
        client_cwd: project,
      });
      return await api<AgentView>("/api/tools/deploy_headless_agent", {
        task_id: task.task_id,
        agent_type: "worker",
        prompt: "Do what the command does.",
        harness: "command",
        command: argv,
        ...more,
      });
    },
    quiet: () =>
      waitFor(
        "every agent to be running or clean",
        async () => {
          const seen = await agents();
          const isAtRest = ({ status, cleanup }: AgentView) =>
            status === "running" || (isEnded(status) && cleanup.state === "clean");
          return seen.every(isAtRest) ? seen : undefined;
        },
        QUIET_MS,
      ),
    complaints: () => complaintsOf(world, project),
    remains: () => remainsOf(world),
    snapshot: () => snapshotOf(world),
    async [Symbol.asyncDispose]() {
      if (existsSync(world.paths.database)) await endAll().catch(() => undefined);
      for (const child of children) child.kill("SIGTERM");
      await Promise.all([...children].map((child) => endChild(child, DAEMON_STOP_MS)));
      await world[Symbol.asyncDispose]();
    },
  };
}

function isEnded(status: string): boolean {
  return ["completed", "failed", "killed", "timed_out", "lost"].includes(status);
}
