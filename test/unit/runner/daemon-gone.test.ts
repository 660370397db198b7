/** A runner whose daemon is gone, with real processes as daemons: when it stops its agent, and when not. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  openContainment,
  type OpenContainment,
} from "../../../src/adapters/containment/open-containment.ts";
import { listPids, readLiveStat } from "../../../src/adapters/proc/proc-table.ts";
import { RUNNER_SCRIPT } from "../../../src/runner/runner-script.ts";
import { exitOf, prepare, startRunner, type Prepared } from "../../fixtures/agents/run-agent.ts";
import { sandbox, type Sandbox } from "../../fixtures/agents/sandbox.ts";
import { tagged, until } from "../../fixtures/agents/tagged.ts";

const PROGRAM = join(import.meta.dirname, "../../fixtures/daemons/alive.ts");

let box: Sandbox;
let containment: OpenContainment;
let prepared: Prepared[] = [];
let daemons: ChildProcess[] = [];

beforeEach(async () => {
  box = sandbox();
  const { worldName, worldHard } = box;
  containment = await openContainment({ worldName, worldHard, runnerScript: RUNNER_SCRIPT });
});

afterEach(async () => {
  for (const one of daemons) await killed(one);
  for (const { set } of prepared) {
    await containment.kill(set, 5_000);
    await containment.remove(set);
  }
  [prepared, daemons] = [[], []];
  await expect.poll(() => containment.lookEverywhere()).toEqual([]);
  expect(await containment.removeRoots()).not.toContain("kept");
  box[Symbol.dispose]();
});

const aliveFile = (): string => join(box.directory, "daemon.alive");

async function daemon(epoch: number, flock = containment.flock): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, aliveFile(), String(epoch), flock ?? ""], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  daemons.push(child);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  expect(said.toString()).toBe(flock === null ? "open\n" : "locked\n");
  return child;
}

async function killed(child: ChildProcess): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  return Date.now();
}

async function agent(ttlS: number, more: Parameters<typeof prepare>[3] = {}): Promise<Prepared> {
  const argv = ["/usr/bin/perl", "-e", "sleep 300", box.tag];
  const daemonGone = { aliveFile: aliveFile(), ttlS };
  const one = await prepare(box.directory, containment, argv, {
    wallClockS: 600,
    daemonGone,
    ...more,
  });
  prepared.push(one);
  return one;
}

const ofSession = (runner: number): readonly number[] =>
  listPids().filter((pid) => readLiveStat(pid)?.sessionId === runner);
const namesOfSession = (runner: number): readonly (string | undefined)[] =>
  ofSession(runner).map((pid) => readLiveStat(pid)?.name);
const isRunning = (): boolean => tagged(box.tag).length === 1;

/** Uptime counts whole seconds, so a second of it may be over at once. */
const SECOND_MS = 1_000;

describe("its daemon killed and none coming back", () => {
  test.for([["/usr/bin/bash", "--posix"], ["/usr/bin/dash"], ["/usr/bin/busybox", "sh"]])(
    "is stopped, not before its time, and the record says why (%s)",
    async (shell, { skip }) => {
      if (!existsSync(shell[0] ?? "")) skip("not installed");
      const first = await daemon(1);
      const one = await agent(2);
      const { ended } = startRunner(one, containment, shell);
      await until("it runs", isRunning);
      const goneAt = await killed(first);
      await ended;
      const record = exitOf(one.directory);
      expect(record).toMatchObject({ signal: "SIGTERM", daemonGone: true, timedOut: false });
      expect(record?.endedAt).toBeGreaterThanOrEqual(goneAt);
      expect(existsSync(join(one.directory, ".clock"))).toBe(false);
      expect(tagged(box.tag)).toEqual([]);
    },
  );

  test("is stopped as well where there is no lock to wait for", { timeout: 40_000 }, async () => {
    const first = await daemon(1, null);
    const one = await agent(1, { flock: null });
    const { ended } = startRunner(one, containment);
    await until("it runs", isRunning);
    await killed(first);
    await ended;
    expect(exitOf(one.directory)).toMatchObject({ daemonGone: true });
  });

  test("is stopped as well when the daemon had no lock and the runner could wait for one", async () => {
    const first = await daemon(1, null);
    const one = await agent(1);
    const { ended } = startRunner(one, containment);
    await until("it runs", isRunning);
    await killed(first);
    await ended;
    expect(exitOf(one.directory)).toMatchObject({ daemonGone: true });
  }, 40_000);

  test("is stopped when the daemon is a zombie that nobody reaps", async () => {
    const words = [process.execPath, PROGRAM, aliveFile(), "1", containment.flock ?? ""];
    const parent = spawn("/bin/sh", ["-c", '"$@" & exec sleep 300', "sh", ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    daemons.push(parent);
    await once(parent.stdout, "data");
    const pid = Number(readFileSync(aliveFile(), "utf8").split(" ")[0]);
    const one = await agent(1);
    const { ended } = startRunner(one, containment);
    await until("it runs", isRunning);
    process.kill(pid, "SIGKILL");
    await until("it is a zombie", () => readLiveStat(pid) === null);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    await ended;
    expect(exitOf(one.directory)).toMatchObject({ daemonGone: true });
  });
});

describe("a daemon that comes back", () => {
  // Long enough for a daemon to start on a busy machine.
  const TTL_S = 8;

  test("in time keeps the agent", { timeout: 40_000 }, async () => {
    const first = await daemon(1);
    const one = await agent(TTL_S);
    const { child } = startRunner(one, containment);
    await until("it runs", isRunning);
    await killed(first);
    await daemon(2);
    await sleep((TTL_S + 2) * SECOND_MS);
    // It waits for the end of the new daemon, and asks nobody meanwhile.
    await expect.poll(() => namesOfSession(child.pid ?? 0)).toContain("flock");
    expect(isRunning()).toBe(true);
    expect(child.exitCode).toBe(null);
    expect(exitOf(one.directory)).toBe(null);
  });

  test("and goes again begins the time anew", { timeout: 60_000 }, async () => {
    const first = await daemon(1);
    const one = await agent(TTL_S);
    const { ended } = startRunner(one, containment);
    await until("it runs", isRunning);
    await killed(first);
    const second = await daemon(2);
    await sleep(4 * SECOND_MS);
    const goneAgainAt = await killed(second);
    await ended;
    const record = exitOf(one.directory);
    expect(record).toMatchObject({ daemonGone: true });
    expect(record?.endedAt).toBeGreaterThanOrEqual(goneAgainAt + (TTL_S - 2) * SECOND_MS);
  });
});

describe("no proof that the daemon is gone", () => {
  test.for([
    ["a daemon that is stopped and answers nobody", (one: ChildProcess) => one.kill("SIGSTOP")],
    ["a record that vanished", () => rmSync(aliveFile())],
  ] as const)("%s keeps the agent", { timeout: 20_000 }, async ([, strike]) => {
    const first = await daemon(1);
    const one = await agent(1);
    const { child } = startRunner(one, containment);
    await until("it runs", isRunning);
    strike(first);
    if (!existsSync(aliveFile())) await killed(first); // nothing is left that could tell
    await sleep(8 * SECOND_MS);
    expect(isRunning()).toBe(true);
    expect(child.exitCode).toBe(null);
  });
});

test("the wall clock goes on as before", async () => {
  await daemon(1);
  const one = await agent(600, { wallClockS: 1 });
  await startRunner(one, containment).ended;
  expect(exitOf(one.directory)).toMatchObject({ timedOut: true, daemonGone: false });
});

test("it costs no process more than the wall clock alone, and what waits is not woken", async () => {
  await daemon(1);
  const [plain, watching] = [
    await agent(600, { slot: 1, daemonGone: null }),
    await agent(600, { slot: 2 }),
  ];
  const runners = [plain, watching].map((one) => startRunner(one, containment).child.pid ?? 0);
  await until("both run", () => tagged(box.tag).length === 2);
  // Runner, agent, watcher, and the one process in which the watcher waits.
  await expect.poll(() => runners.map((runner) => ofSession(runner).length)).toEqual([4, 4]);
  const before = ofSession(runners[1] ?? 0);
  await sleep(2 * SECOND_MS);
  expect(ofSession(runners[1] ?? 0)).toEqual(before);
});
