/** The tmux host over its lasting connection, with a real server and whatever may befall it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findPrlimit } from "../../../../src/adapters/containment/find-prlimit.ts";
import { identify, readMark } from "../../../../src/adapters/proc/proc-table.ts";
import { controlLink } from "../../../../src/adapters/tmux/control-link.ts";
import { tmuxClient } from "../../../../src/adapters/tmux/tmux-client.ts";
import { tmuxHost } from "../../../../src/adapters/tmux/tmux-host.ts";
import { Fault } from "../../../../src/kernel/fault.ts";
import type { Host, ProcessIdentity } from "../../../../src/supervision/ports.ts";
import { until } from "../../../fixtures/agents/tagged.ts";

const ENV = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  HOME: "/",
  LANG: "C.UTF-8",
  SHELL: "/bin/sh",
  TERM: "dumb",
};
const MARK = { soft: 400_001, hard: 799_999, seal: 2 ** 41 };
const PRLIMIT = (await findPrlimit(MARK)).path;
const BUSY_MS = 5_300;

let directory: string;
let socket: string;
let hosts: Host[];
let runners: ProcessIdentity[];
let daemons: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync("/tmp/corral-test-");
  socket = join(directory, "tmux.sock");
  writeFileSync(join(directory, "runner.sh"), 'printf %s "$1" >"$1/seen"\nexec sleep 300\n');
  [hosts, runners, daemons] = [[], [], []];
});

afterEach(async () => {
  for (const daemon of daemons) daemon.kill("SIGKILL");
  const asker = await open();
  for (const { name, panePid } of await asker.list()) {
    const runner = identify(panePid);
    if (runner !== null) runners.push(runner);
    await asker.release(name);
  }
  for (const { pid, startTicks } of runners) {
    if (identify(pid)?.startTicks === startTicks) process.kill(pid, "SIGKILL");
  }
  for (const host of hosts) await host.close();
  await until("nothing names our directory any more", () => witnesses().length === 0);
  rmSync(directory, { recursive: true });
});

test("a session is the same over the connection as over an invocation", async () => {
  const host = await open();
  const invoked = await start(host, 1);
  const client = await controlClient();
  const sent = await start(host, 2);
  expect(await controlClient()).toBe(client);
  for (const { pid } of [invoked, sent]) {
    await until("the runner sleeps", () => proc(pid, "comm") === "sleep\n");
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
    // A program that has just begun still reads its libraries and locale.
    await until("only the three are open", () => readdirSync(`/proc/${pid}/fd`).join() === "0,1,2");
    expect(environ(pid)).toEqual(environ(invoked.pid));
    if (PRLIMIT !== null) expect(readMark(pid)).toEqual(MARK);
  }
  const format = "#{session_name} #{window_width}x#{window_height} #{session_attached}";
  const lines = tmux("list-sessions", "-F", format).split("\n");
  expect(lines.filter((line) => line.startsWith("agent_"))).toEqual([
    "agent_1 200x50 0",
    "agent_2 200x50 0",
  ]);
  expect(await host.list()).toEqual([
    { name: "agent_1", panePid: invoked.pid },
    { name: "agent_2", panePid: sent.pid },
  ]);
  // The keeper's session has no process: the server's children are the runners.
  const server = tmux("display-message", "-p", "#{pid}");
  expect(proc(server, `task/${server}/children`).trim().split(" ").map(Number)).toEqual([
    invoked.pid,
    sent.pid,
  ]);
});

test("50 starts, lists and releases at once", { timeout: 30_000 }, async () => {
  const host = await open();
  const numbers = Array.from({ length: 50 }, (_, index) => index);
  const started = await Promise.all(numbers.map(async (number) => start(host, number)));
  expect(new Set(started.map(({ pid }) => pid)).size).toBe(50);
  for (const { length } of await Promise.all(numbers.map(async () => host.list()))) {
    expect(length).toBe(50);
  }
  const releases = await Promise.all(numbers.map(async (n) => host.release(`agent_${n}`)));
  expect(new Set(releases)).toEqual(
    new Set(["kill-session, then absent in the list of all sessions"]),
  );
  expect(await host.list()).toEqual([]);
  expect(await host.close()).toMatch(/process is gone/);
  expect(existsSync(socket)).toBe(false);
});

test("a server killed in the middle of requests is unreachable or absent, and replaced", async () => {
  const host = await open();
  await start(host, 0);
  const client = await controlClient();
  const server = Number(tmux("display-message", "-p", "#{pid}"));
  const starts = Array.from({ length: 20 }, async (_, index) => start(host, index + 1));
  const looks = Array.from({ length: 5 }, async () => host.list());
  const releases = Array.from({ length: 5 }, async (_, index) => host.release(`agent_${index}`));
  process.kill(server, "SIGKILL");
  for (const outcome of await Promise.allSettled([...starts, ...looks, ...releases])) {
    if (outcome.status === "rejected") expectUnreachable(outcome.reason);
  }
  await until("the server and its client are gone", () => !lives(server) && !lives(client));
  expect(await host.list()).toEqual([]);
  expect(await host.release("agent_0")).toBe("no tmux server runs on our socket");
  await start(host, 30);
  expect(await controlClient()).not.toBe(client);
  expect((await host.list()).map(({ name }) => name)).toEqual(["agent_30"]);
});

test("a connection killed in the middle of requests never makes an answer up", async () => {
  const host = await open();
  await start(host, 0);
  const client = await controlClient();
  const starts = Array.from({ length: 10 }, async (_, index) => start(host, index + 1));
  const looks = Array.from({ length: 10 }, async () => host.list());
  process.kill(client, "SIGKILL");
  const [startsEnded, looksEnded] = await Promise.all([
    Promise.allSettled(starts),
    Promise.allSettled(looks),
  ]);
  const names = (await host.list()).map(({ name }) => name);
  for (const [index, outcome] of startsEnded.entries()) {
    if (outcome.status === "rejected") expectUnreachable(outcome.reason);
    else expect(names).toContain(`agent_${index + 1}`);
  }
  for (const look of looksEnded) {
    expect(look).toMatchObject({ status: "fulfilled" });
    expect(look.status === "fulfilled" && look.value[0]?.name).toBe("agent_0");
  }
  await until("it is gone", () => !lives(client));
  expect(await controlClient()).not.toBe(client);
  await start(host, 20);
  expect((await host.list()).map(({ name }) => name)).toContain("agent_20");
  expect(await host.release("agent_0")).toContain("kill-session");
});

test("a connection ends with a killed daemon, and the next daemon finds everything", async () => {
  const script = `
    const { tmuxHost } = await import(${JSON.stringify(source("tmux/tmux-host.ts"))});
    const { identify } = await import(${JSON.stringify(source("proc/proc-table.ts"))});
    const host = await tmuxHost({ ...${JSON.stringify(plainOptions())}, viewer: null, identify });
    await host.start({ agentId: "a", session: "agent_a", directory: ${JSON.stringify(directory)} });
    setInterval(() => host.list(), 50);`;
  const daemon = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  daemons.push(daemon);
  const ended = once(daemon, "exit");
  await until("the session is there", () => existsSync(join(directory, "seen")));
  const client = await controlClient();
  expect(proc(client, "stat")).toContain(`) S ${daemon.pid} `);
  daemon.kill("SIGKILL");
  await ended;
  await until("the connection is gone", () => !lives(client));
  expect(tmux("list-sessions", "-F", "#{session_name}").split("\n").toSorted()).toEqual([
    "agent_a",
    "corral-control",
  ]);
  const host = await open();
  expect((await host.list()).map(({ name }) => name)).toEqual(["agent_a"]);
  await controlClient();
  expect(tmux("list-panes", "-s", "-t", "=corral-control:").split("\n")).toHaveLength(1);
  expect(await host.release("corral-control")).toContain("absent");
  await controlClient();
});

test("a close that keeps the server ends the connection", async () => {
  const host = await open();
  await start(host, 1);
  const client = await controlClient();
  expect(await host.close()).toBe("tmux server kept: 1 sessions are left");
  expect(lives(client)).toBe(false);
  expect(await host.list()).toHaveLength(1);
  await start(host, 2);
  expect(await controlClient()).not.toBe(client);
});

test("a directory may have any name", async () => {
  const host = await open();
  for (const [index, odd] of ["invoked", "sent"].entries()) {
    const path = join(directory, `${odd} a b'c"d $HOME;#{pid}%d\\~\n{é} # ;`);
    mkdirSync(path);
    await start(host, index, path);
    await until("the runner has seen it", () => seen(path) === path);
    await controlClient();
  }
});

test("lines of answers that look like the protocol's are text", async () => {
  const host = await open();
  await start(host, 1);
  const client = tmuxClient({ socket, env: ENV, tmux: "tmux", before: [], setUp: [] });
  const value = "%begin 1 2 1\n%end 1 2 1\n%error 1 2 1\n%exit\ncorral-answered-3";
  expect((await client.run(["set-option", "-g", "@odd", value])).ok).toBe(true);
  await expect.poll(clients).toHaveLength(2);
  for (let again = 0; again < 3; again += 1) {
    expect(
      await client.run(["show-options", "-gv", "@odd"], ["show-options", "-gv", "@odd"]),
    ).toEqual({ ok: true, stdout: `${value}\n${value}\n`, stderr: "" });
    expect(
      await client.run(
        ["show-options", "-gv", "@odd"],
        ["has-session", "-t", "=nobody"],
        ["kill-server"],
      ),
    ).toEqual({ ok: false, stdout: `${value}\n`, stderr: "can't find session: nobody\n" });
  }
  await client.disconnect();
  await expect.poll(clients).toHaveLength(1);
});

test("a tmux that cannot be run, or a server that is not there, is no connection", async () => {
  for (const program of ["/nonexistent/tmux", "tmux"]) {
    const link = controlLink({
      tmux: program,
      before: [],
      socket,
      env: ENV,
      setUp: [],
      silentMs: 5_000,
    });
    expect(await link.isReady).toBe(false);
    expect(link.isUp()).toBe(false);
    expect(await link.send([["list-sessions"]])).toBe("gone");
    await link.end();
  }
  expect(existsSync(socket)).toBe(false);
});

test("a server that hangs is unreachable, and asked again later", { timeout: 30_000 }, async () => {
  const host = await open();
  await start(host, 1);
  const client = await controlClient();
  const server = Number(tmux("display-message", "-p", "#{pid}"));
  process.kill(server, "SIGSTOP");
  try {
    for (const outcome of await Promise.allSettled([host.list(), start(host, 2)])) {
      expectUnreachable(outcome.status === "rejected" ? outcome.reason : outcome.value);
    }
    await until("its connection is given up", () => !lives(client));
  } finally {
    process.kill(server, "SIGCONT");
  }
  expect((await host.list()).map(({ name }) => name)).toContain("agent_1");
  expect(await controlClient()).not.toBe(client);
});

test("who did not listen for long still hears the whole answer", { timeout: 30_000 }, async () => {
  const old = join(directory, "old-tmux");
  writeFileSync(old, '#!/bin/sh\ncase " $* " in *" -C "*) exit 1 ;; esac\nexec tmux "$@"\n');
  chmodSync(old, 0o755);
  const host = await open();
  const invoking = await open({ tmux: old });
  await start(host, 1);
  await controlClient();
  await start(invoking, 2);
  await invoking.list();
  expect(clients()).toHaveLength(1);
  const looks = [host.list(), invoking.list()];
  const end = performance.now() + BUSY_MS;
  while (performance.now() < end);
  for (const look of await Promise.all(looks)) {
    expect(look.map(({ name }) => name)).toEqual(["agent_1", "agent_2"]);
  }
  expect(await invoking.release("agent_2")).toContain("kill-session");
});

async function open(more: { readonly tmux?: string } = {}): Promise<Host> {
  const viewer = (agentId: string) => ["/bin/sh", "-c", `echo "${agentId}"`];
  const host = await tmuxHost({ ...plainOptions(), ...more, viewer, identify });
  hosts.push(host);
  return host;
}

function plainOptions() {
  return {
    socket,
    runnerScript: join(directory, "runner.sh"),
    mark: MARK,
    prlimit: PRLIMIT,
    env: ENV,
  };
}

async function start(host: Host, number: number, path = directory): Promise<ProcessIdentity> {
  const session = `agent_${number}`;
  const runner = await host.start({ agentId: `a-${number}`, session, directory: path });
  if (runner === null) throw new Error("the runner ended at once");
  runners.push(runner);
  return runner;
}

/** The pid of the one control client; waits until there is one. */
async function controlClient(): Promise<number> {
  await expect.poll(clients).toHaveLength(1);
  return clients()[0] ?? 0;
}

function clients(): readonly number[] {
  return tmux("list-clients", "-t", "=corral-control", "-F", "#{client_pid}")
    .split("\n")
    .filter(Boolean)
    .map(Number);
}

function tmux(...args: readonly string[]): string {
  try {
    const stdio = ["ignore", "pipe", "ignore"] as const;
    return execFileSync("tmux", ["-S", socket, ...args], { env: ENV, stdio: [...stdio] })
      .toString()
      .trim();
  } catch {
    return ""; // no server, or no such session yet
  }
}

function expectUnreachable(reason: unknown): void {
  expect(reason instanceof Fault && reason.code).toBe("HOST_UNREACHABLE");
}

function lives(pid: number): boolean {
  return identify(pid) !== null;
}

function proc(pid: number | string, file: string): string {
  return readFileSync(`/proc/${pid}/${file}`, "utf8");
}

/** The pane's number is the one thing in it that two sessions do not share. */
function environ(pid: number): readonly string[] {
  return proc(pid, "environ")
    .split("\0")
    .map((line) => line.replace(/^(TMUX_PANE=%|TMUX=.*,)\d+$/, "$1"))
    .toSorted();
}

function seen(path: string): string | null {
  return existsSync(join(path, "seen")) ? readFileSync(join(path, "seen"), "utf8") : null;
}

/** Who has our directory in its command line: the server, its clients, and nobody else's. */
function witnesses(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return lives(pid) && proc(pid, "cmdline").includes(directory);
      } catch {
        return false; // it ended
      }
    });
}

function source(path: string): string {
  return new URL(`../../../../src/adapters/${path}`, import.meta.url).href;
}
