/** A tmux server whose socket somebody deletes: made again while there is a folder, ended by identity where there is none. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { identify } from "../../../../src/adapters/proc/proc-table.ts";
import { tmuxHost } from "../../../../src/adapters/tmux/tmux-host.ts";
import type { Host, ProcessIdentity } from "../../../../src/supervision/ports.ts";
import { until } from "../../../fixtures/agents/tagged.ts";

const ENV = { PATH: process.env["PATH"] ?? "", HOME: "/", SHELL: "/bin/sh", TERM: "dumb" };

let directory: string;
let folder: string;
let socket: string;
let runners: ProcessIdentity[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lost-"));
  folder = join(directory, "run");
  mkdirSync(folder);
  socket = join(folder, "tmux.sock");
  writeFileSync(join(directory, "runner.sh"), "trap '' HUP\nexec sleep 300\n");
  runners = [];
});

afterEach(async () => {
  for (const { pid, startTicks } of runners) {
    if (lives({ pid, startTicks })) process.kill(pid, "SIGKILL");
  }
  await until("the runners are gone", () => runners.every((runner) => !lives(runner)));
  rmSync(directory, { recursive: true });
});

const open = async (): Promise<Host> =>
  tmuxHost({
    socket,
    runnerScript: join(directory, "runner.sh"),
    mark: null,
    prlimit: null,
    env: ENV,
    viewer: null,
    identify,
  });

async function start(host: Host, session: string): Promise<void> {
  const runner = await host.start({ agentId: session, session, directory });
  if (runner === null) throw new Error("the runner ended at once");
  runners.push(runner);
}

function serverAt(path: string): ProcessIdentity {
  const args = ["-S", path, "display-message", "-p", "#{pid}"];
  const server = identify(Number(execFileSync("tmux", args, { env: ENV }).toString()));
  if (server === null) throw new Error("the server is gone");
  return server;
}

const lives = ({ pid, startTicks }: ProcessIdentity): boolean =>
  identify(pid)?.startTicks === startTicks;

/** As `corral` releases: the session first, the runner, then the server. */
async function endSession(host: Host, session: string): Promise<void> {
  await host.release(session);
  for (const { pid } of runners.splice(0)) {
    process.kill(pid, "SIGKILL");
    await until("the runner is gone", () => identify(pid) === null);
  }
}

test.for(["known from a start", "known from a list"])(
  "a deleted socket is made again by the next list, the server %s",
  async (how) => {
    let host = await open();
    await start(host, "agent_1");
    if (how === "known from a list") {
      host = await open();
      expect(await host.list()).toHaveLength(1);
    }
    const server = serverAt(socket);
    rmSync(socket);
    expect((await host.list()).map(({ name }) => name)).toEqual(["agent_1"]);
    expect(existsSync(socket)).toBe(true);
    expect(serverAt(socket)).toEqual(server);
    await endSession(host, "agent_1");
    expect(await host.close()).toMatch(/process is gone/);
    expect([lives(server), existsSync(socket)]).toEqual([false, false]);
  },
);

test("a server whose whole folder is gone is ended by its identity", async () => {
  const host = await open();
  await start(host, "agent_1");
  const server = serverAt(socket);
  rmSync(folder, { recursive: true });
  await endSession(host, "agent_1");
  expect(await host.close()).toMatch(/lost its socket; its process was ended and is gone/);
  expect(lives(server)).toBe(false);
});

test("another's server at the path is not touched, and ours is ended", async () => {
  const host = await open();
  await start(host, "agent_1");
  const server = serverAt(socket);
  renameSync(folder, join(directory, "moved"));
  mkdirSync(folder);
  const other = await open();
  await start(other, "agent_2");
  const others = serverAt(socket);
  await host.release("agent_1");
  expect(await host.close()).toMatch(/lost its socket/);
  expect([lives(server), lives(others)]).toEqual([false, true]);
  expect((await other.list()).map(({ name }) => name)).toEqual(["agent_2"]);
  await endSession(other, "agent_2");
  expect(await other.close()).toMatch(/process is gone/);
});
