/** A daemon's process is the same small one, whoever started it and how; nothing that runs below it inherits any of that. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { HealthAnswer } from "../../src/contract/api.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { mentions, processes, processOf } from "../helpers/os-look.ts";
import { makeWorld, type World } from "../helpers/world.ts";
import { deploy, FOREVER, newTask, QUICK, shell } from "./support.ts";

const FLAGS = ["--max-semi-space-size=1", "--v8-pool-size=1"];
const VARIABLES = ["MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=131072"];
const OURS = /^(?:MALLOC_|CORRAL_DAEMON_ADDED)/;

/** Of a process that has just ended there are none. */
function variablesOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").filter(Boolean);
  } catch {
    return [];
  }
}

/** The flags and the variables that the kernel knows of the daemon that answers here. */
async function daemonOf(world: World) {
  const { pid } = (await world.api("/api/health")).body as HealthAnswer;
  const argv = processOf(pid)?.argv ?? [];
  return {
    pid,
    flags: argv.slice(
      1,
      argv.findIndex((word) => word.endsWith("corral.js")),
    ),
    variables: variablesOf(pid)
      .filter((one) => one.startsWith("MALLOC_"))
      .toSorted(),
  };
}

async function end(world: World): Promise<void> {
  expect((await world.corral(["down"])).code).toBe(0);
}

const SMALL = { flags: FLAGS, variables: VARIABLES };

test.skipIf(!existsSync("/proc/self/environ"))(
  "however a daemon is started, its process has the same flags and the same allocator",
  async () => {
    await using world = await makeWorld();

    // In the foreground: the process becomes it, and stays the child that its starter waits for.
    const daemon = await world.daemon(QUICK);
    expect(await daemonOf(world)).toEqual({ ...SMALL, pid: daemon.pid });
    expect(daemon.output()).not.toMatch(/warning/i);
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });

    const more = world.corral(["daemon", "--json"], { env: QUICK });
    await waitFor("the daemon", () => (existsSync(world.paths.socket) ? true : undefined));
    await waitFor("its answer", async () => await daemonOf(world).catch(() => undefined));
    expect(await daemonOf(world)).toMatchObject(SMALL);
    await end(world);
    expect(await more).toMatchObject({ code: 0 });

    expect((await world.corral(["up"], { env: QUICK })).code).toBe(0);
    expect(await daemonOf(world)).toMatchObject(SMALL);
    await end(world);

    const client = await world.mcp({ transport: "stdio" });
    await newTask(world, client);
    expect(await daemonOf(world)).toMatchObject(SMALL);
    await end(world);

    // What somebody decided stays.
    await world.daemon({ ...QUICK, NODE_OPTIONS: "--v8-pool-size=2", MALLOC_ARENA_MAX: "4" });
    expect(await daemonOf(world)).toMatchObject({
      flags: ["--max-semi-space-size=1"],
      variables: ["MALLOC_ARENA_MAX=4", "MALLOC_TRIM_THRESHOLD_=131072"],
    });
  },
);

test.skipIf(!existsSync("/proc/self/environ"))(
  "an agent, its runner and the tmux server have nothing of it, even where their settings would pass it on",
  async () => {
    await using world = await makeWorld();
    const allow = { env_allow: ["MALLOC_*", "CORRAL_DAEMON_ADDED", "LC_PROOF"] };
    const daemon = await world.daemon({ ...QUICK, LC_PROOF: "passed" });
    writeFileSync(world.paths.configFile, JSON.stringify(allow));
    process.kill(daemon.pid, "SIGHUP");
    await waitFor("the settings", () =>
      daemon.output().includes("configuration.reloaded") ? true : undefined,
    );
    const agent = await deploy(world, await world.mcp(), shell(FOREVER));
    expect(variablesOf(agent.pid)).toContain("LC_PROOF=passed");
    const others = processes().filter(
      ({ pid }) => pid !== daemon.pid && pid !== process.pid && mentions(pid, world.folder),
    );
    expect(others.map(({ pid }) => pid)).toContain(agent.pid);
    const inherited = others.flatMap(({ pid, name }) =>
      variablesOf(pid)
        .filter((one) => OURS.test(one))
        .map((one) => `${name}: ${one}`),
    );
    expect(inherited).toEqual([]);
  },
);
