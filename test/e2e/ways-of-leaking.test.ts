/**
 * Ways in which programs of this kind leave processes, ports, terminals and handles behind. Each test is named after
 * its class; docs/reliability.md lists them all, with the tests that lie elsewhere.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { markOptions } from "../../src/runner/mark-options.ts";
import { identityOf, markedBy } from "../helpers/fault-reckoning.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { countByArgument, processes, processOf } from "../helpers/os-look.ts";
import { callTool, makeWorld, type RunningDaemon, type World } from "../helpers/world.ts";
import { expectGivenBack } from "./given-back.ts";
import {
  deploy,
  type Deployed,
  FOREVER,
  newTask,
  outputOf,
  QUICK,
  read,
  shell,
  sleepTag,
  waitClean,
  waitCleanOne,
} from "./support.ts";

const LAUNCHER = join(import.meta.dirname, "../../bin/corral.js");

let world: World;
let daemon: RunningDaemon;
let client: Client;

beforeAll(async () => {
  world = await makeWorld();
  daemon = await world.daemon({ ...QUICK, CORRAL_SWEEP_MS: "400" });
  client = await world.mcp();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function kill({ id, taskId }: Deployed, grace_s = 0.2) {
  return await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: id, grace_s });
}

async function grown(tag: string, count = 1): Promise<void> {
  await waitFor("what it starts", () => (countByArgument(tag) >= count ? true : undefined));
}

async function expectGone(agent: Deployed, tag: string): Promise<void> {
  expect(countByArgument(tag)).toBe(0);
  await expectGivenBack(world, client, agent);
}

describe("what outlives its leader", () => {
  test.for([
    ["a group whose leader leaves at the first signal", "", "trap 'exit 0' INT"],
    [
      "a wrapper that passes no signal on to its session of its own",
      "setsid",
      "trap 'exit 0' INT TERM",
    ],
    ["what is deaf to HUP, INT and TERM", "nohup", "trap '' HUP INT TERM"],
  ] as const)("%s", async ([, how, trap]) => {
    const tag = sleepTag();
    const deaf = `${how} sh -c 'trap "" HUP INT TERM; sleep ${tag}; :' >/dev/null 2>&1 &`;
    const agent = await deploy(world, client, shell(`${deaf} ${trap}; ${FOREVER}`));
    await grown(tag);
    expect(await kill(agent)).toMatchObject({ status: "killed" });
    await expectGone(agent, tag);
  });

  test("children that hold its stdout open neither hide its end nor stay", async () => {
    const tag = sleepTag();
    const agent = await deploy(world, client, shell(`sleep ${tag} & echo done; exit 0`));
    expect(await waitCleanOne(world, agent.id)).toMatchObject({ status: "completed" });
    expect(await outputOf(client, agent)).toBe("done");
    await expectGone(agent, tag);
  });
});

/** A server on stdio that takes neither the end of its input nor a polite signal as a reason to leave. */
const SERVER = `$SIG{$_} = "IGNORE" for qw(HUP INT TERM PIPE); 1 while sysread(STDIN, my $byte, 1); sleep 300`;
const withServer = (tag: string, end: string): readonly string[] =>
  shell(`mkfifo pipe; /usr/bin/perl -e '${SERVER}' ${tag} <pipe & exec 3>pipe; ${end}`);

describe("the stdio MCP servers of an agent", () => {
  test.for([
    ["ends well", "sleep 0.2; exit 0", "completed"],
    ["crashes", "sleep 0.2; kill -SEGV $$", "failed"],
    ["is killed by somebody", "sleep 0.2; kill -KILL $$", "failed"],
    ["is killed by us", FOREVER, "killed"],
  ] as const)("go with it when it %s", async ([, end, status]) => {
    const tag = sleepTag();
    const agent = await deploy(world, client, withServer(tag, `ulimit -c 0; ${end}`));
    if (status === "killed") {
      await grown(tag);
      await kill(agent);
    }
    expect((await waitCleanOne(world, agent.id)).status).toBe(status);
    await expectGone(agent, tag);
  });
});

/** Listens on a port of its own choice, writes it down, and detaches from everything. */
const LISTENER = `use IO::Socket::INET; use POSIX;
  exit if fork; POSIX::setsid(); exit if fork;
  my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
  open(my $out, ">", "port.part"); print $out $s->sockport; close $out; rename "port.part", "port"; sleep 300`;

test("a dev server that detached itself gives its port back", async () => {
  const tag = sleepTag();
  const wait = "while [ ! -e port ]; do sleep 0.02; done; exit 0";
  const agent = await deploy(
    world,
    client,
    shell(`/usr/bin/perl -e '${LISTENER}' ${tag}; ${wait}`),
  );
  expect(await waitCleanOne(world, agent.id)).toMatchObject({ status: "completed" });
  await expectGone(agent, tag);
  const port = Number(read(join(agent.cwd, "port")));
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  server.close();
});

test("no process stays in a folder of an agent that is kept", async () => {
  const tag = sleepTag();
  const inside = `cd "$TMPDIR" && setsid sleep ${tag} & ${FOREVER}`;
  const agent = await deploy(world, client, shell(inside));
  const { workspace } = agent.answer;
  const within = () => processes().filter(({ pid }) => cwdOf(pid).startsWith(workspace));
  await waitFor("one in it", () => (within().length > 0 ? true : undefined));
  await kill(agent);
  expect(within()).toEqual([]);
  await expectGone(agent, tag);
});

function cwdOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return ""; // it ended
  }
}

interface Handles {
  readonly daemon: number;
  readonly terminals: number;
  readonly zombies: number;
}

/** Open files of the daemon, terminals of our tmux server, and children that nobody has reaped. */
function handles(): Handles {
  const server = markedBy(identityOf(world)).find(({ name }) => name === "tmux: server")?.pid ?? 0;
  const files = (pid: number): readonly string[] => readdirSync(`/proc/${pid}/fd`);
  const isTerminal = (fd: string): boolean => linkOf(`/proc/${server}/fd/${fd}`).endsWith("ptmx");
  return {
    daemon: files(daemon.pid).length,
    terminals: files(server).filter(isTerminal).length,
    zombies: zombiesOf([daemon.pid, server]),
  };
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function zombiesOf(parents: readonly number[]): number {
  const stats = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => statOf(pid).split(" "));
  return stats.filter(([state, ppid]) => state === "Z" && parents.includes(Number(ppid))).length;
}

function statOf(pid: string): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2);
  } catch {
    return "";
  }
}

test("handles, terminals and zombies are no more after thirty agents than after one, nor with twelve that run", async () => {
  const { taskId } = await newTask(world, client);
  const one = async (script: string) => (await deploy(world, client, shell(script), { taskId })).id;
  const some = (count: number, script: string) =>
    Promise.all(Array.from({ length: count }, () => one(script)));
  await waitClean(world, [await one("exit 0")]);
  const before = handles();
  for (let round = 0; round < 3; round += 1) await waitClean(world, await some(10, "exit 0"));
  await reaping(before);
  expect(isNoMore(handles(), before), JSON.stringify([before, handles()])).toBe(true);
  const running = await some(12, FOREVER);
  // Connections of the deploys are being closed.
  await waitFor("no more", () => (handles().daemon <= before.daemon + 1 ? true : undefined)).catch(
    () => {},
  );
  expect(handles().daemon).toBeLessThanOrEqual(before.daemon + 1);
  for (const id of running) {
    await callTool(client, "kill_real_agent", { task_id: taskId, agent_id: id, grace_s: 0 });
  }
  await reaping(before);
  expect(isNoMore(handles(), before), JSON.stringify([before, handles()])).toBe(true);
});

/**
 * Waits until all is as before. A tmux whose utmp library swallows SIGCHLD (tmux/tmux#311, #4559)
 * leaves the pane that ended last unreaped until the next one ends, so another agent ends meanwhile:
 * what is there then was reaped by nobody.
 */
async function reaping(before: Handles): Promise<void> {
  await waitFor("as before", async () => {
    if (isNoMore(handles(), before)) return true;
    const { taskId } = await newTask(world, client);
    await waitClean(world, [(await deploy(world, client, shell("exit 0"), { taskId })).id]);
    return undefined;
  }).catch(() => {});
}

function isNoMore(now: Handles, before: Handles): boolean {
  return now.daemon <= before.daemon && now.terminals <= before.terminals && now.zombies === 0;
}

test("a bridge leaves when its client was killed", async () => {
  const tag = sleepTag();
  const start = `open(my $in, "|-", @ARGV[1..$#ARGV]) or die; $| = 1; print "up\\n"; sleep 300`;
  const words = ["-e", start, tag, process.execPath, LAUNCHER, "mcp"];
  const parent = spawn("/usr/bin/perl", words, {
    env: { ...world.env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(parent.stdout, "data");
  const bridge = await waitFor("the bridge", () =>
    processes().find(({ ppid, argv }) => ppid === parent.pid && argv.at(-1) === "mcp"),
  );
  parent.kill("SIGKILL");
  await waitFor("its end", () => (processOf(bridge.pid) === undefined ? true : undefined));
});

test("what bears our mark and has no owner is swept by a daemon that nobody asked", async () => {
  const tag = sleepTag();
  const { mark: hard, seal } = identityOf(world);
  const words = [...markOptions({ soft: 700_000, hard, seal }), "--", "sleep", tag];
  const stray = spawn("prlimit", words, {
    detached: true,
    stdio: "ignore",
  });
  await once(stray, "exit");
  expect(stray.signalCode).toBe("SIGKILL");
});
