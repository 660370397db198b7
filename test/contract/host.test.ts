/** The host contract, over tmux and over plain processes, with real runners and agents. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  openContainment,
  type OpenContainment,
} from "../../src/adapters/containment/open-containment.ts";
import { processHost } from "../../src/adapters/process/process-host.ts";
import { tmuxHost } from "../../src/adapters/tmux/tmux-host.ts";
import { Fault } from "../../src/kernel/fault.ts";
import { sessionNameOf } from "../../src/kernel/ids.ts";
import { RUNNER_SCRIPT } from "../../src/runner/runner-script.ts";
import type { Host } from "../../src/supervision/ports.ts";
import { exitOf, prepare, type Prepared } from "../fixtures/agents/run-agent.ts";
import { sandbox, type Sandbox } from "../fixtures/agents/sandbox.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { tagged, until } from "../fixtures/agents/tagged.ts";

const ENV = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  HOME: "/",
  LANG: "C.UTF-8",
  SHELL: "/bin/sh",
  TERM: "dumb",
};

let box: Sandbox;
let containment: OpenContainment;
let socket: string;
let prepared: Prepared[] = [];
let hosts: Host[] = [];
/** A server that was killed could not be asked to close, so its socket stays for the next one. */
let wasKilled = false;

beforeEach(async () => {
  box = sandbox();
  const { worldName, worldHard } = box;
  containment = await openContainment({ worldName, worldHard, runnerScript: RUNNER_SCRIPT });
  mkdirSync(join(box.directory, "run"), { mode: 0o700 });
  socket = join(box.directory, "run", "tmux.sock");
});

afterEach(async () => {
  for (const { set } of prepared) {
    await containment.kill(set, 5_000);
    await containment.remove(set);
  }
  for (const host of hosts) {
    for (const { name } of await host.list()) await host.release(name);
    expect(await host.close()).not.toMatch(/kept|[1-9]\d* runners/);
    expect(host.kind === "tmux" && existsSync(socket) && !wasKilled).toBe(false);
  }
  [prepared, hosts, wasKilled] = [[], [], false];
  await expect.poll(() => containment.lookEverywhere()).toEqual([]);
  expect(tagged(box.tag)).toEqual([]);
  await containment.removeRoots();
  box[Symbol.dispose]();
});

const OPENERS: readonly { readonly kind: string; readonly open: () => Promise<Host> }[] = [
  { kind: "tmux", open: openTmux },
  { kind: "process", open: async () => openProcess() },
];

describe.each(OPENERS)("a $kind host", ({ open, kind }) => {
  test("starts a runner, lists it, and proves it absent when it has ended", async () => {
    const host = await opened(open);
    expect(await host.list()).toEqual([]);
    const one = await agent(1, "sleep 60");
    const runner = await host.start(startOf(one));
    await until("the agent runs", () => tagged(box.tag).length === 1);
    expect(runner).toEqual(containment.identify(runner?.pid ?? 0));
    const name = startOf(one).session;
    expect(await host.list()).toEqual([{ name, panePid: runner?.pid }]);

    await containment.kill(one.set, 5_000);
    expect(await host.release(name)).toBeTypeOf("string");
    expect(await host.list()).toEqual([]);
    expect(await host.release(name)).toBeTypeOf("string");
    await until("the end is recorded", () => exitOf(one.directory) !== null);
    expect(exitOf(one.directory)).toMatchObject({ code: null, signal: "SIGKILL" });
  });

  test("answers truly however many ask at once", async () => {
    const host = await opened(open);
    const agents = [await agent(1, "sleep 60"), await agent(2, "sleep 60")];
    await Promise.all(agents.map(async (one) => host.start(startOf(one))));
    await until("the agents run", () => tagged(box.tag).length === 2);
    const names = agents.map((one) => startOf(one).session);
    const looks = await Promise.all(Array.from({ length: 10 }, async () => host.list()));
    for (const seen of looks) expect(seen.map(({ name }) => name).toSorted()).toEqual(names);
    for (const { set } of agents) await containment.kill(set, 5_000);
    await Promise.all(
      names.map(async (name) => {
        await host.release(name);
        expect((await host.list()).map((seen) => seen.name)).not.toContain(name);
      }),
    );
    expect(await host.list()).toEqual([]);
  });

  test("is found again by a daemon that was started later", async () => {
    const first = await opened(open);
    const one = await agent(1, "sleep 60");
    const runner = await first.start(startOf(one));
    const second = await open();
    await until("the agent runs", () => tagged(box.tag).length === 1);
    expect(await second.list()).toEqual([{ name: startOf(one).session, panePid: runner?.pid }]);
    expect(await second.close()).toMatch(/kept|1 runners are left/);
  });

  test("tells of a killed runner at once, and of nobody to whom it is told no more", async () => {
    const host = await opened(open);
    const [told, toldNoMore]: (string | null)[][] = [[], []];
    host.onEnded((agentId) => told?.push(agentId));
    host.onEnded((agentId) => toldNoMore?.push(agentId))();
    const one = await agent(1, "sleep 60");
    const runner = await host.start(startOf(one));
    await until("the agent runs", () => tagged(box.tag).length === 1);
    await host.list(); // the connection to a tmux server that was just started is up now
    process.kill(runner?.pid ?? 0, "SIGKILL");
    await until("it is told", () => told?.includes(one.set.agentId) === true);
    expect(toldNoMore).toEqual([]);
  });

  test("shows what an agent writes to its terminal, however it looks like tmux's own words", async () => {
    const host = await opened(open);
    const hostile = String.raw`%begin 1 1 1\n%end 1 1 1\n%error 1 1 1\ncorral-answered-1\n`;
    const words = String.raw`\e[31mred\e]52;c;eA==\a`;
    const script = `open(my $t, ">", "/dev/tty"); print $t "${hostile}${words}"; close $t; sleep 60`;
    const one = await agent(1, script);
    await host.start(startOf(one));
    const name = startOf(one).session;
    if (kind === "process") {
      expect(await host.look(name)).toBeNull();
      return;
    }
    const seen = await waitFor("it to be shown", async () => {
      const pane = await host.look(name);
      return pane !== null && pane.lines.some((line) => line.includes("red")) ? pane : undefined;
    });
    const at = seen.lines.indexOf("%begin 1 1 1");
    expect(seen).toMatchObject({ columns: 200, rows: 50, cursor: { column: 3, row: at + 4 } });
    expect(seen.lines.slice(at, at + 5)).toEqual([
      "%begin 1 1 1",
      "%end 1 1 1",
      "%error 1 1 1",
      "corral-answered-1",
      "\u001b[31mred",
    ]);
    expect((await host.look(name))?.digest).toBe(seen.digest);
    expect((await host.list()).map((session) => session.name)).toEqual([name]);
    await containment.kill(one.set, 5_000);
    await host.release(name);
    expect(await host.look(name)).toBeNull();
  });

  test("keeps runner and agent apart by their marks", async ({ skip }) => {
    if (containment.infrastructure === null) skip("no watermark here");
    const host = await opened(open);
    const one = await agent(1, "sleep 60");
    const runner = await host.start(startOf(one));
    await until("the agent runs", () => tagged(box.tag).length === 1);
    const seen = await containment.lookEverywhere();
    expect(seen.find(({ pid }) => pid === runner?.pid)).toMatchObject({
      slot: null,
      cgroupAgentId: null,
    });
    expect(seen.filter(({ slot }) => slot === 1).map(({ pid }) => pid)).toEqual(tagged(box.tag));
  });

  test(
    "starts 20 at once from cold, and closes when all have ended",
    { timeout: 60_000 },
    async () => {
      const host = await opened(open);
      const agents = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => agent(index + 1, `exit ${index + 1}`)),
      );
      await Promise.all(agents.map(async (one) => host.start(startOf(one))));
      await until("all have ended", () =>
        agents.every(({ directory }) => exitOf(directory) !== null),
      );
      expect(agents.map(({ directory }) => exitOf(directory)?.code)).toEqual(
        agents.map((_, index) => index + 1),
      );
      await expect.poll(() => host.list()).toEqual([]);
      expect(await host.close()).toMatch(kind === "tmux" ? /process is gone/ : /no runner/);
    },
  );
});

describe("tmux", () => {
  test("killed outright, leaves the agent running and its end recorded", async () => {
    const host = await opened(openTmux);
    const one = await agent(
      1,
      "print qq(before\\n); sleep 1 until -e q(go); print qq(after\\n); exit 9",
    );
    await host.start(startOf(one));
    await until("the agent runs", () => tagged(box.tag).length === 1);
    const server = Number(tmux("display-message", "-p", "#{pid}"));
    process.kill(server, "SIGKILL");
    wasKilled = true;
    await until("the server is gone", () => containment.identify(server) === null);
    expect(tagged(box.tag)).toHaveLength(1);
    expect(await host.list()).toEqual([]);
    expect(await host.release(startOf(one).session)).toContain("no tmux server");
    mkdirSync(join(box.directory, "go"));
    await until("the end is recorded", () => exitOf(one.directory) !== null);
    expect(exitOf(one.directory)).toMatchObject({ code: 9, signal: null });
    expect(readFileSync(join(one.directory, "stream.jsonl"), "utf8")).toBe("before\nafter\n");
  });

  test("a session ended by hand does not end the agent", async () => {
    const host = await opened(openTmux);
    const one = await agent(1, "sleep 1 until -e q(go); exit 4");
    await host.start(startOf(one));
    await until("the agent runs", () => tagged(box.tag).length === 1);
    await host.release(startOf(one).session);
    expect(tagged(box.tag)).toHaveLength(1);
    mkdirSync(join(box.directory, "go"));
    await until("the end is recorded", () => exitOf(one.directory) !== null);
    expect(exitOf(one.directory)).toMatchObject({ code: 4 });
  });

  test("that cannot be asked is unreachable, never empty", async () => {
    const host = await tmuxHost({ ...tmuxOptions(), socket: join(box.directory, "x".repeat(200)) });
    await expect(host.list()).rejects.toThrow(Fault);
    await expect(host.release("agent_a")).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });
    await expect(tmuxHost({ ...tmuxOptions(), tmux: "/nonexistent/tmux" })).rejects.toMatchObject({
      code: "HOST_UNREACHABLE",
    });
  });

  test("names are matched exactly: a prefix releases nothing", async () => {
    const host = await opened(openTmux);
    const one = await agent(1, "sleep 60");
    await host.start(startOf(one));
    await until("the agent runs", () => tagged(box.tag).length === 1);
    await host.release(startOf(one).session.slice(0, -1));
    expect(await host.list()).toHaveLength(1);
    await expect(host.start(startOf(one))).rejects.toThrow("duplicate session");
    expect(await host.list()).toHaveLength(1);
    await expect(host.release("a.b")).rejects.toThrow(Fault);
  });

  test("shows the stream to whoever attaches, and only then", async () => {
    const host = await opened(openTmux);
    const one = await agent(1, "sleep 60");
    const { session } = startOf(one);
    await host.start(startOf(one));
    await until("the agent runs", () => tagged(box.tag).length === 1);
    const windows = () => tmux("list-windows", "-t", `=${session}:`, "-F", "#{window_name}");
    expect(windows().split("\n")).toHaveLength(1);
    // A terminal of our own, in which a client can attach: a second tmux server.
    const outer = join(box.directory, "run", "outer.sock");
    const watch = `exec env TERM=screen tmux -S ${socket} attach -t =${session}`;
    execFileSync("tmux", ["-S", outer, "-f", "/dev/null", "new-session", "-d", "-s", "o", watch], {
      env: ENV,
    });
    await until("the viewer is shown", () => windows().includes("corral-viewer"));
    await until("its text is shown", () =>
      execFileSync("tmux", ["-S", outer, "capture-pane", "-p", "-t", "=o:"], { env: ENV })
        .toString()
        .includes(`stream of ${one.set.agentId}'s`),
    );
    expect((await host.list())[0]?.panePid).toBe(
      Number(JSON.parse(readFileSync(join(one.directory, "runner.json"), "utf8")).pid),
    );
    const outerPid = Number(
      execFileSync("tmux", ["-S", outer, "display-message", "-p", "#{pid}"], { env: ENV }),
    );
    execFileSync("tmux", ["-S", outer, "kill-server"], { env: ENV });
    await until("the outer server is gone", () => containment.identify(outerPid) === null);
    await until("the viewer is gone", () => !windows().includes("corral-viewer"));
    expect(tagged(box.tag)).toHaveLength(1);
  });
});

async function opened(open: () => Promise<Host>): Promise<Host> {
  const host = await open();
  hosts.push(host);
  return host;
}

function tmuxOptions() {
  const { infrastructure: mark, prlimit, identify } = containment;
  const viewer = (agentId: string) => ["/bin/sh", "-c", `echo "stream of ${agentId}'s"; sleep 60`];
  return { socket, runnerScript: RUNNER_SCRIPT, mark, prlimit, env: ENV, viewer, identify };
}

async function openTmux(): Promise<Host> {
  return tmuxHost(tmuxOptions());
}

function openProcess(): Host {
  const { infrastructure: mark, prlimit, identify } = containment;
  return processHost({
    runnerScript: RUNNER_SCRIPT,
    mark,
    prlimit,
    env: ENV,
    identify,
    reason: "test",
  });
}

function tmux(...args: readonly string[]): string {
  return execFileSync("tmux", ["-S", socket, ...args], { env: ENV })
    .toString()
    .trim();
}

async function agent(slot: number, script: string): Promise<Prepared> {
  const argv = ["/usr/bin/perl", "-e", `$| = 1; ${script}`, box.tag];
  const one = await prepare(box.directory, containment, argv, { slot });
  prepared.push(one);
  return one;
}

function startOf({ directory, set }: Prepared) {
  return { agentId: set.agentId, session: sessionNameOf(set.agentId), directory };
}
