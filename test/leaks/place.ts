/**
 * A Corral for one test of the suite: a world, its daemon as our child (as root, as an ordinary
 * user, in a delegated control group, with few files), and agents deployed through its API.
 *
 * Disposing ends what still runs through Corral itself, with a fresh daemon when there is none, and
 * then asks the operating system.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { AgentView } from "../../src/contract/agent.ts";
import {
  ask,
  collect,
  DAEMON_STOP_MS,
  daemonAnswers,
  endChild,
  ended,
  waitFor,
} from "../helpers/daemon-process.ts";
import { complaintsOf, remainsOf } from "../helpers/fault-reckoning.ts";
import { makeWorld, type World } from "../helpers/world.ts";
import { type LoopKind, mountLoopDisk } from "../helpers/loop-disk.ts";
import { mountSmallDisk, type SmallDisk } from "../helpers/small-disk.ts";
import { delegate, type Hierarchy, USER } from "./rungs.ts";

export const LAUNCHER: string = join(import.meta.dirname, "../../bin/corral.js");
export const AGENTS: string = join(import.meta.dirname, "../fixtures/agents");

/** Short stops and wide limits: the roads are the same. */
export const QUICK: Readonly<Record<string, string>> = {
  CORRAL_GRACE_MS: "60",
  CORRAL_TERM_MS: "60",
  CORRAL_LEFTOVER_MS: "60",
  CORRAL_RESYNC_MS: "1000",
  CORRAL_LIMIT_RUNNING: "500",
  CORRAL_LIMIT_TOTAL: "10000",
  // A fork chain makes hundreds of zombies a second; an ordinary user's limit counts them until they are reaped.
  CORRAL_LIMIT_PROCESSES: "600",
};

const QUIET_MS = 30_000;

export interface PlaceOptions {
  readonly as?: "root" | "user";
  readonly delegated?: Hierarchy;
  /** RLIMIT_NOFILE of the daemon. */
  readonly files?: number;
  /** Its state directory is a file system of its own, of that many megabytes. */
  readonly diskMegabytes?: number;
  /** How many files that one may have. */
  readonly diskInodes?: number;
  /** Its state directory is a file system of that kind, as large as such a one must be. */
  readonly diskKind?: LoopKind;
  /** Added to {@link QUICK}. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Deployed extends AgentView {
  /** The agent's own directory. */
  readonly workspace: string;
}

export interface Place extends AsyncDisposable {
  readonly world: World;
  /** @throws when it has no file system of its own. */
  disk(): SmallDisk;
  /** A folder that agents work in. */
  readonly project: string;
  /** The environment of this place's daemons and verbs. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts a daemon as our child; returns when it answers. */
  start(): Promise<ChildProcess>;
  /** Kills a daemon of ours with SIGKILL and waits for its end. */
  kill(daemon: ChildProcess): Promise<void>;
  /** The body of a 200; throws the text of any other answer. */
  api<T>(path: string, body?: unknown): Promise<T>;
  agents(): Promise<readonly AgentView[]>;
  /** A new task of this project. @returns its id. */
  task(limits?: Readonly<Record<string, number>>): Promise<string>;
  deploy(
    argv: readonly string[],
    taskId?: string,
    limits?: Readonly<Record<string, number>>,
  ): Promise<Deployed>;
  /** Kills an agent at once. */
  end(agent: AgentView): Promise<void>;
  /** Waits until these agents are settled and clean. */
  clean(ids: readonly string[]): Promise<readonly AgentView[]>;
  /** Ends the agents and the daemon. @returns what is wrong or left then; empty when nothing is. */
  down(daemon: ChildProcess): Promise<readonly string[]>;
}

export async function makePlace(options: PlaceOptions = {}): Promise<Place> {
  const world = await makeWorld();
  const project = join(world.folder, "project");
  mkdirSync(project);
  const { as = "root", env: more = {} } = options;
  if (as === "user") giveToUser(world, project);
  const env = { ...world.env, ...QUICK, ...more };
  const group = options.delegated === undefined ? undefined : delegate(options.delegated);
  const disk = diskOf(options, world.paths.stateDir);
  const children = new Set<ChildProcess>();

  const api = async <T>(path: string, body?: unknown): Promise<T> => {
    const answer = await ask(world.paths.socket, path, body);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body as T;
  };
  const start = async (): Promise<ChildProcess> => {
    const [program = "", ...args] = daemonArgv(options, group?.path);
    const child = spawn(program, args, {
      cwd: world.folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(child);
    const output = collect(child);
    await daemonAnswers(world.paths.socket, child, () => output().stderr);
    return child;
  };
  const task = async (limits = {}): Promise<string> => {
    const input = { description: "A task of the leak suite.", client_cwd: project, limits };
    return (await api<{ task_id: string }>("/api/tools/create_real_task", input)).task_id;
  };
  const endAll = async (): Promise<void> => {
    const isThere = await ask(world.paths.socket, "/api/health").catch(() => undefined);
    const daemon = isThere === undefined ? await start() : undefined;
    await api("/api/leave", { mode: "end" });
    if (daemon !== undefined) await ended(daemon);
  };

  return {
    world,
    project,
    env,
    disk() {
      if (disk === undefined) throw new Error("no disk was asked for");
      return disk;
    },
    start,
    api,
    task,
    async kill(daemon) {
      daemon.kill("SIGKILL");
      await ended(daemon);
    },
    agents: async () => (await api<{ agents: AgentView[] }>("/api/agents?all=1")).agents,
    deploy: async (argv, taskId, limits = {}) =>
      await api<Deployed>("/api/tools/deploy_headless_agent", {
        task_id: taskId ?? (await task()),
        agent_type: "worker",
        prompt: "Do what the command does.",
        harness: "command",
        command: argv,
        limits,
      }),
    async end({ agent_id, task_id }) {
      const reason = "The leak suite ends it.";
      await api("/api/tools/kill_real_agent", { task_id, agent_id, reason, grace_s: 0 });
    },
    clean: async (ids) =>
      await waitFor(
        `${ids.length} clean agents`,
        async () => {
          const body = { agent_ids: ids, for: "clean", timeout_s: 20 };
          const answer = await api<{ agents: AgentView[]; timed_out: boolean }>("/api/wait", body);
          return answer.timed_out ? undefined : answer.agents;
        },
        QUIET_MS,
      ),
    async down(daemon) {
      await api("/api/leave", { mode: "end" });
      const { code, signal } = await ended(daemon);
      return [
        ...(code === 0 ? [] : [`the daemon ended with ${code ?? signal}`]),
        ...leftOf({ world, project }),
      ];
    },
    async [Symbol.asyncDispose]() {
      disk?.giveRoom();
      if (existsSync(world.paths.database)) await endAll().catch(() => undefined);
      await Promise.all([...children].map((child) => endChild(child, DAEMON_STOP_MS)));
      disk?.[Symbol.dispose]();
      try {
        await world[Symbol.asyncDispose]();
      } finally {
        group?.[Symbol.dispose]();
      }
    },
  };
}

function diskOf(options: PlaceOptions, path: string): SmallDisk | undefined {
  const { diskInodes, diskKind, diskMegabytes } = options;
  if (diskKind !== undefined) return mountLoopDisk(path, diskKind);
  return diskMegabytes === undefined ? undefined : mountSmallDisk(path, diskMegabytes, diskInodes);
}

/** What is wrong between the store and the system, and what is left, of a place whose daemon has left. */
export function leftOf({ world, project }: Pick<Place, "world" | "project">): readonly string[] {
  return [...complaintsOf(world, project), ...remainsOf(world)];
}

/** The daemon's argv: joins its group, gives up root, limits its files, and becomes it. */
function daemonArgv({ as, files }: PlaceOptions, group: string | undefined): readonly string[] {
  const joinGroup = group === undefined ? "" : `echo 0 >${group}/cgroup.procs || exit 9; `;
  const drop = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", "--"];
  const limit = files === undefined ? [] : ["prlimit", `--nofile=${files}:${files}`, "--"];
  const daemon = [process.execPath, LAUNCHER, "daemon"];
  const words = [...(as === "user" ? drop : []), ...limit, ...daemon];
  return ["/bin/sh", "-c", `${joinGroup}exec "$@"`, "sh", ...words];
}

/** An ordinary user must be able to walk to the world, and own it. */
function giveToUser(world: World, project: string): void {
  chmodSync(process.env["CORRAL_TEST_ROOT"] ?? world.folder, 0o711);
  for (const path of [world.folder, world.home, world.env["TMPDIR"] ?? "", project]) {
    chownSync(path, USER, USER);
  }
}
