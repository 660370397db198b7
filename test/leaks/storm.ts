/** A storm: agents of every kind, and SIGKILLs that strike any part of Corral. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentView } from "../../src/contract/agent.ts";
import type { HealthAnswer } from "../../src/contract/api.ts";
import { endChild, waitFor } from "../helpers/daemon-process.ts";
import { identityOf, markedBy } from "../helpers/fault-reckoning.ts";
import { processOf } from "../helpers/os-look.ts";
import type { Chance } from "./chance.ts";
import { AGENTS, LAUNCHER, type Place } from "./place.ts";

export const TARGETS = ["daemon", "runner", "tmux server", "bridge", "client", "agent"] as const;
export type Target = (typeof TARGETS)[number];

/** Most live until they are killed; some end, well or badly, and leave daemons. */
const COMMANDS: readonly (readonly string[])[] = [
  ["/bin/sleep", "600"],
  ["/bin/sh", "-c", "sleep 600 & setsid sleep 600 & wait"],
  ["/usr/bin/perl", join(AGENTS, "hanger.pl")],
  ["/bin/sh", "-c", "echo one; sleep 1; echo two >&2; exit 3"],
  ["/bin/sh", "-c", `sleep 0.5; exec ${join(AGENTS, "leaver.sh")} 600`],
  ["/usr/bin/perl", join(AGENTS, "big-writer.pl"), "20000"],
  ["/bin/sh", "-c", "trap : TERM INT; while :; do sleep 0.5; done"],
];
const DEPLOYS_AT_ONCE = 5;

export interface Storm extends AsyncDisposable {
  /** `corral up`. */
  up(): Promise<void>;
  /** Deploys until so many agents run. */
  fill(agents: number): Promise<void>;
  /** The same while the storm goes on; a fill at a time. */
  fillMeanwhile(agents: number): void;
  /** Kills one of these with SIGKILL; for every other dead daemon `corral up` comes only later. */
  strike(target: Target): Promise<void>;
  /** Ends bridges and clients, starts the daemon, and waits for what was under way. */
  calm(): Promise<void>;
  /** Agents whose runner was killed. */
  readonly runnersKilled: ReadonlySet<string>;
  /** Kills by target, for people. */
  summary(): string;
}

interface Recorded {
  readonly pid: number;
  readonly start_ticks: number;
}

export function makeStorm(place: Place, chance: Chance): Storm {
  const { world, env } = place;
  const runnersKilled = new Set<string>();
  const kills = new Map<string, number>();
  const others: Record<"bridge" | "client", ChildProcess[]> = { bridge: [], client: [] };
  let known: readonly AgentView[] = [];
  let filling: Promise<void> = Promise.resolve();
  let isFilling = false;
  let taskId = "";

  const up = async (): Promise<void> => {
    const { code, stderr } = await world.corral(["up"], { env });
    if (code !== 0) throw new Error(`corral up ended with ${code}: ${stderr}`);
  };
  const isUp = async (): Promise<boolean> =>
    await place.api<HealthAnswer>("/api/health").then(
      () => true,
      () => false,
    );
  const kill = (pid: number, startTicks: number): boolean => {
    if (processOf(pid)?.startTicks !== startTicks) return false;
    process.kill(pid, "SIGKILL");
    return true;
  };
  const start = (verb: readonly string[]): ChildProcess => {
    const child = spawn(process.execPath, [LAUNCHER, ...verb], {
      cwd: world.folder,
      env: { ...world.env, ...env },
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin?.on("error", () => undefined); // it may be killed before it reads
    return child;
  };

  async function fill(most: number): Promise<void> {
    if (!(await isUp())) return;
    known = await place.agents();
    taskId ||= await place.task();
    let missing = most - known.filter(({ ended_at }) => ended_at === null).length;
    while (missing > 0) {
      const some = Array.from({ length: Math.min(missing, DEPLOYS_AT_ONCE) }, () =>
        place.deploy(chance.oneOf(COMMANDS), taskId),
      );
      await Promise.allSettled(some); // the daemon may be killed in the middle of each
      missing -= some.length;
    }
    known = await place.agents();
  }

  async function strikeDaemon(): Promise<boolean> {
    const pid = await place.api<HealthAnswer>("/api/health").then(
      (health) => health.pid,
      () => undefined,
    );
    const daemon = pid === undefined ? undefined : processOf(pid);
    return daemon !== undefined && kill(daemon.pid, daemon.startTicks);
  }

  /** By its record, so that an agent of which the daemon is not sure yet is struck too. */
  function strikeRecorded(name: "runner.json" | "started.json"): boolean {
    for (let tries = 0; tries < 20 && known.length > 0; tries += 1) {
      const { agent_id: id } = chance.oneOf(known);
      const path = join(world.paths.agentsDir, id, name);
      if (!existsSync(path)) continue;
      const { pid, start_ticks: ticks } = JSON.parse(readFileSync(path, "utf8")) as Recorded;
      if (!kill(pid, ticks)) continue; // it has ended already
      if (name === "runner.json") runnersKilled.add(id);
      return true;
    }
    return false;
  }

  function strikeTmux(): boolean {
    const server = markedBy(identityOf(world)).find(({ name }) => name === "tmux: server");
    return server !== undefined && kill(server.pid, processOf(server.pid)?.startTicks ?? 0);
  }

  function strikeOther(kind: "bridge" | "client"): boolean {
    const watched = known.find(({ ended_at }) => ended_at === null)?.agent_id ?? "none";
    const verb = kind === "bridge" ? ["mcp"] : ["logs", "-f", watched];
    // Two of each, so that both one at work and one that just starts are struck.
    while (living(kind).length < 2) others[kind].push(start(verb));
    return chance.oneOf(living(kind)).kill("SIGKILL");
  }

  function living(kind: "bridge" | "client"): readonly ChildProcess[] {
    return others[kind].filter(({ exitCode, signalCode }) => (exitCode ?? signalCode) === null);
  }

  async function strike(target: Target): Promise<void> {
    const strikes: Record<Target, () => boolean | Promise<boolean>> = {
      daemon: strikeDaemon,
      runner: () => strikeRecorded("runner.json"),
      agent: () => strikeRecorded("started.json"),
      "tmux server": strikeTmux,
      bridge: () => strikeOther("bridge"),
      client: () => strikeOther("client"),
    };
    const isStruck = await strikes[target]();
    const name = isStruck ? target : `${target} (was not there)`;
    kills.set(name, (kills.get(name) ?? 0) + 1);
    if (chance.below(2) === 0 && !(await isUp())) await up();
  }

  async function endOthers(): Promise<void> {
    const all = [...others.bridge, ...others.client];
    await Promise.all(all.map((child) => endChild(child, 1_000, "SIGKILL")));
    others.bridge = [];
    others.client = [];
  }

  return {
    runnersKilled,
    up,
    fill,
    strike,
    fillMeanwhile(most) {
      if (isFilling) return;
      isFilling = true;
      filling = fill(most)
        .catch(() => undefined) // the daemon was killed; the next fill goes on
        .finally(() => {
          isFilling = false;
        });
    },
    async calm() {
      await endOthers();
      await filling;
      await up();
      await waitFor("an answer", async () => ((await isUp()) ? true : undefined));
    },
    summary: () => [...kills].map(([name, count]) => `${count} ${name}`).join(", "),
    async [Symbol.asyncDispose]() {
      await endOthers();
      await filling;
    },
  };
}
