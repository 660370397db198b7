/** The daemon's own life: one per state directory, four signals, its sudden death, and what works without it. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type {
  DoctorAnswer,
  HealthAnswer,
  LeaveAnswer,
  LedgerAnswer,
  SweepAnswer,
} from "../../src/contract/api.ts";
import type { FaultWire } from "../../src/kernel/fault.ts";
import { type Ran, waitFor } from "../helpers/daemon-process.ts";
import { countByArgument, processes, processOf } from "../helpers/os-look.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { statusWith, expectGivenBack, held } from "./given-back.ts";
import {
  deploy,
  type Deployed,
  faultOf,
  FOREVER,
  MATRIX,
  newTask,
  QUICK,
  shell,
  sleepTag,
  waitClean,
  waitCleanOne,
} from "./support.ts";

const json = <T>({ stdout }: Pick<Ran, "stdout">): T => JSON.parse(stdout) as T;

/** The one line with which a daemon says why it does not start. */
function lastWord({ stderr }: Ran): FaultWire {
  return JSON.parse(stderr.trim().split("\n").at(-1) ?? "") as FaultWire;
}

function daemonsOf(world: World): readonly number[] {
  return processes()
    .filter(({ argv }) => argv.at(-1) === "daemon")
    .filter(({ pid }) => environmentOf(pid).includes(`CORRAL_STATE_DIR=${world.paths.stateDir}`))
    .map(({ pid }) => pid);
}

function environmentOf(pid: number): readonly string[] {
  const shown = spawnSync("cat", [`/proc/${pid}/environ`], { encoding: "utf8" });
  return shown.stdout.split("\0");
}

describe("one daemon", () => {
  test("many `corral up` at once start one", async () => {
    await using world = await makeWorld();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => world.corral(["up", "--json"])),
    );
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const ups = answers.map((answer) => json<HealthAnswer & { readonly started: boolean }>(answer));
    expect(new Set(ups.map(({ pid }) => pid)).size).toBe(1);
    // The others look, find the state directory taken, and leave.
    await expect.poll(() => daemonsOf(world)).toEqual([ups[0]!.pid]);
    expect(json<HealthAnswer>(await world.corral(["up", "--json"])).pid).toBe(ups[0]!.pid);
  });

  test("a second `corral daemon` says STATE_LOCKED and exits 4; the first does not notice", async () => {
    await using world = await makeWorld();
    const daemon = await world.daemon(QUICK);
    const second = await world.corral(["daemon"]);
    expect(second.code).toBe(4);
    expect(lastWord(second)).toMatchObject({ code: "STATE_LOCKED", retryable: true });
    expect(lastWord(second).hint).toMatch(/corral status/);
    expect((await world.api("/api/health")).body).toMatchObject({ pid: daemon.pid, epoch: 1 });
  });

  test("what it makes is readable for its user only", async () => {
    await using world = await makeWorld();
    await world.daemon(QUICK);
    const { paths } = world;
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    expect([paths.stateDir, paths.agentsDir, paths.bellDir].map(modeOf)).toEqual([
      0o700, 0o700, 0o700,
    ]);
    for (const path of [paths.clientToken, paths.database, paths.socket]) {
      expect(modeOf(path), path).toBe(0o600);
    }
  });
});

describe("signals", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends the agents, releases all and leaves",
    async (signal) => {
      await using world = await makeWorld();
      const daemon = await world.daemon(QUICK);
      const client = await world.mcp();
      const tag = sleepTag();
      const quiet = await deploy(world, client, shell(`setsid sleep ${tag} & ${FOREVER}`));
      const deaf = await deploy(
        world,
        client,
        shell(`trap '' INT TERM; setsid sleep ${tag} & ${FOREVER}`),
      );
      expect(await daemon.stop(signal)).toEqual({ code: 0, signal: null });
      expect(countByArgument(tag)).toBe(0);
      expect(existsSync(world.paths.socket)).toBe(false);
      expect(existsSync(world.paths.tmuxSocket)).toBe(false);

      const ledger = json<LedgerAnswer>(await world.corral(["ledger", "--json"]));
      expect(ledger.rows.filter(({ state }) => state !== "retained")).toEqual([]);
      await world.daemon(QUICK);
      for (const { id } of [quiet, deaf]) {
        expect((await world.api(`/api/agents/${id}`)).body).toMatchObject({
          status: "killed",
          reason: "Corral was shut down.",
          cleanup: { state: "clean", held: 0 },
        });
      }
    },
  );

  test("HUP reads the settings again; a wrong file changes nothing and is told", async () => {
    await using world = await makeWorld();
    const daemon = await world.daemon(QUICK);
    const client = await world.mcp();
    const limitOf = async (): Promise<number> => {
      const { taskId } = await newTask(world, client);
      const status = await callTool(client, "get_real_task_status", { task_id: taskId });
      return status.limits.total.limit;
    };
    expect(await limitOf()).toBe(45);
    writeFileSync(world.paths.configFile, JSON.stringify({ limit_total: 7 }));
    process.kill(daemon.pid, "SIGHUP");
    await expect.poll(limitOf).toBe(7);
    writeFileSync(world.paths.configFile, JSON.stringify({ limit_total: "many" }));
    process.kill(daemon.pid, "SIGHUP");
    await waitFor("the refusal", () =>
      /configuration\.refused.*limit_total/.test(daemon.output()) ? true : undefined,
    );
    expect(await limitOf()).toBe(7);
    expect(processOf(daemon.pid)).toBeDefined();
  });

  test.each(MATRIX)(
    "QUIT keeps the agents: the next daemon has them, their token, their port, and can end them ($name)",
    async ({ env: how }) => {
      const env = { ...QUICK, ...how };
      await using world = await makeWorld();
      const first = await world.daemon(env);
      const client = await world.mcp();
      const tag = sleepTag();
      const agent = await deploy(world, client, shell(`setsid sleep ${tag} & ${FOREVER}`));
      const ended = await deploy(
        world,
        client,
        shell("until [ -e go ]; do sleep 0.02; done; exit 5"),
      );
      expect(await first.stop("SIGQUIT")).toEqual({ code: 0, signal: null });
      expect(processOf(agent.pid)).toBeDefined();
      expect(countByArgument(tag)).toBe(1);
      writeFileSync(join(ended.cwd, "go"), "");
      await expect.poll(() => processOf(ended.pid)).toBeUndefined();

      const second = await world.daemon(env);
      expect(second.health).toMatchObject({ url: first.health.url, epoch: 2 });
      expect(await statusWith(world, agent.token), "its token still works").toBe(200);
      const asAgent = await world.mcp({ token: agent.token });
      const report = {
        task_id: agent.taskId,
        agent_id: agent.id,
        status: "working",
        message: "Still here.",
      };
      expect(await callTool(asAgent, "update_agent_progress", report)).toMatchObject({
        own_update: { message: "Still here." },
      });
      expect(await waitCleanOne(world, ended.id)).toMatchObject({ status: "failed", exit_code: 5 });

      const again = await world.mcp();
      const kill = { task_id: agent.taskId, agent_id: agent.id, grace_s: 0 };
      expect(await callTool(again, "kill_real_agent", kill)).toMatchObject({
        status: "killed",
        receipt: { survivors: [], cleanup: { state: "clean" } },
      });
      expect(countByArgument(tag)).toBe(0);
      await expectGivenBack(world, again, agent);
      await expectGivenBack(world, again, ended);
    },
  );
});

describe("its sudden death", () => {
  async function withDeadDaemon(
    world: World,
    env: Readonly<Record<string, string>> = QUICK,
  ): Promise<{ tag: string; agents: Deployed[] }> {
    const daemon = await world.daemon(env);
    const client = await world.mcp();
    const tag = sleepTag();
    const stays = await deploy(world, client, shell(`setsid sleep ${tag} & ${FOREVER}`));
    const goes = await deploy(world, client, shell("until [ -e go ]; do sleep 0.02; done; exit 6"));
    expect(await daemon.stop("SIGKILL")).toEqual({ code: null, signal: "SIGKILL" });
    writeFileSync(join(goes.cwd, "go"), "");
    await expect.poll(() => processOf(goes.pid)).toBeUndefined();
    expect(processOf(stays.pid), "agents outlive it").toBeDefined();
    return { tag, agents: [stays, goes] };
  }

  test.each(MATRIX)(
    "the next one knows how each agent ended and has those that run ($name)",
    async ({ env: how }) => {
      const env = { ...QUICK, ...how };
      await using world = await makeWorld();
      const { tag, agents } = await withDeadDaemon(world, env);
      await world.daemon(env);
      const client = await world.mcp();
      const [stays, goes] = agents as [Deployed, Deployed];
      expect(await waitCleanOne(world, goes.id)).toMatchObject({ status: "failed", exit_code: 6 });
      expect((await world.api(`/api/agents/${stays.id}`)).body).toMatchObject({
        status: "running",
      });
      await callTool(client, "kill_real_agent", {
        task_id: stays.taskId,
        agent_id: stays.id,
        grace_s: 0,
      });
      expect(countByArgument(tag)).toBe(0);
      for (const agent of agents) await expectGivenBack(world, client, agent);
    },
  );

  test("ledger, sweep and doctor work without it, and leave what runs alone", async () => {
    await using world = await makeWorld();
    const { tag, agents } = await withDeadDaemon(world);
    const [stays, goes] = agents as [Deployed, Deployed];

    const ledger = json<LedgerAnswer>(await world.corral(["ledger", "--json"]));
    expect(new Set(ledger.rows.map(({ owner }) => owner))).toEqual(
      new Set(["daemon", stays.id, goes.id]),
    );
    const doctor = json<DoctorAnswer>(await world.corral(["doctor", "--json"]));
    expect(doctor.daemon).toEqual({ running: false, pid: null, url: null });
    expect(doctor.paths.find(({ name }) => name === "database")).toMatchObject({ exists: true });

    const plan = await world.corral(["sweep", "--json"]);
    expect([plan.code, json<SweepAnswer>(plan)]).toMatchObject([
      0,
      { applied: false, unknown: [] },
    ]);
    const applied = await world.corral(["sweep", "--apply", "--json"]);
    expect([applied.code, json<SweepAnswer>(applied)]).toMatchObject([
      0,
      { applied: true, unknown: [] },
    ]);
    const after = json<LedgerAnswer>(await world.corral(["ledger", "--json"]));
    expect(
      new Set(after.rows.filter(({ state }) => state !== "retained").map(({ owner }) => owner)),
    ).toEqual(new Set(["daemon", stays.id]));
    expect(processOf(stays.pid), "it runs on").toBeDefined();
    expect(countByArgument(tag)).toBe(1);

    process.kill(stays.pid, "SIGKILL");
    await expect.poll(() => countByArgument(tag)).toBe(0);
    const last = json<SweepAnswer>(await world.corral(["sweep", "--apply", "--json"]));
    expect(last.steps.filter(({ outcome }) => outcome !== "released")).toEqual([]);
    const end = json<LedgerAnswer>(await world.corral(["ledger", "--json"]));
    expect(end.rows.filter(({ state }) => state !== "retained")).toEqual([]);
    expect(existsSync(world.paths.tmuxSocket)).toBe(false);
  });
});

describe("corral down", () => {
  test("ends all, prints the receipts, and is content when there is no daemon", async () => {
    await using world = await makeWorld();
    await world.corral(["up"], { env: QUICK });
    const client = await world.mcp();
    const tag = sleepTag();
    const agent = await deploy(world, client, shell(`setsid sleep ${tag} & ${FOREVER}`));
    const { code, stdout } = await world.corral(["down", "--json"]);
    expect(code).toBe(0);
    const answer = JSON.parse(stdout) as LeaveAnswer & { readonly running: boolean };
    expect(answer).toMatchObject({ mode: "end", agents_ended: 1, agents_kept: 0, running: false });
    const receipt = answer.receipts.find(({ owner }) => owner === agent.id);
    expect(receipt).toMatchObject({
      cleanup: { state: "clean", held: 0, stuck: 0 },
      survivors: [],
    });
    const daemon = answer.receipts.find(({ owner }) => owner === "daemon");
    expect(daemon?.resources.map(({ kind, state }) => [kind, state])).toEqual(
      expect.arrayContaining([
        ["tmux_server", "released"],
        ["cgroup_root", "released"],
      ]),
    );
    expect(countByArgument(tag)).toBe(0);
    expect(daemonsOf(world)).toEqual([]);
    const again = await world.corral(["down"]);
    expect([again.code, again.stdout]).toEqual([0, "No daemon is running here.\n"]);
  });

  test("ends what a daemon that was killed has left, by another one", async () => {
    await using world = await makeWorld();
    const first = json<HealthAnswer>(await world.corral(["up", "--json"], { env: QUICK }));
    const client = await world.mcp();
    const tag = sleepTag();
    await deploy(world, client, shell(`setsid sleep ${tag} & ${FOREVER}`));
    await waitFor("its sleeper", () => (countByArgument(tag) === 1 ? true : undefined));
    process.kill(first.pid, "SIGKILL");
    await waitFor("its end", () => (processOf(first.pid) === undefined ? true : undefined));
    const { code, stdout, stderr } = await world.corral(["down"], { env: QUICK });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^Ended 1 agent; /);
    expect(countByArgument(tag)).toBe(0);
    expect(daemonsOf(world)).toEqual([]);
    expect((await world.corral(["down"])).stdout).toBe("No daemon is running here.\n");
  });

  test("people are told in a line each", async () => {
    await using world = await makeWorld();
    await world.corral(["up"], { env: QUICK });
    const client = await world.mcp();
    await deploy(world, client, shell(FOREVER));
    const { code, stdout, stderr } = await world.corral(["down"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Ended 1 agent; \d+ resources released, \d+ kept as archive\.\n/);
    expect(stdout).toMatch(/The daemon \(pid \d+\) is gone\.\n$/);
  });
});

describe("what it cannot start with", () => {
  const asNobody = process.getuid?.() !== 0;

  test.each([
    ['{"grace_ms": "soon"}', /grace_ms/],
    ['{"grace": 1}', /"grace"/],
    ["{grace_ms: 1}", /config\.json/],
    ["[]", /config\.json/],
    ['{"host": "screen"}', /host/],
  ])("config.json %s", async (text, names) => {
    await using world = await makeWorld();
    mkdirSync(world.paths.stateDir, { mode: 0o700 });
    writeFileSync(world.paths.configFile, text);
    const ran = await world.corral(["daemon"]);
    expect(ran.code).toBe(2);
    expect(lastWord(ran)).toMatchObject({ code: "CONFIG_INVALID", retryable: false });
    expect(lastWord(ran).message).toMatch(names);
    expect(lastWord(ran).hint).toMatch(/docs\/configuration\.md/);
    const up = await world.corral(["up"]);
    expect(up.code, "the verb that starts it says the same").toBe(2);
    expect(up.stderr).toMatch(/^CONFIG_INVALID: /);
    expect(up.stderr).toMatch(names);
    expect(daemonsOf(world)).toEqual([]);
  });

  test("a state directory that is a file, or below one", async () => {
    await using world = await makeWorld();
    writeFileSync(join(world.home, "file"), "mine");
    for (const path of [join(world.home, "file"), join(world.home, "file/state")]) {
      const ran = await world.corral(["daemon"], { env: { CORRAL_STATE_DIR: path } });
      expect(ran.code).toBe(6);
      expect(lastWord(ran)).toMatchObject({ code: "STATE_UNUSABLE" });
      expect(lastWord(ran).hint).toMatch(/CORRAL_STATE_DIR/);
    }
    expect(statSync(join(world.home, "file")).size).toBe(4);
  });

  test.runIf(asNobody)(
    "a state directory that may not be written to (as root: unprivileged.test.ts)",
    async () => {
      await using world = await makeWorld();
      chmodSync(world.home, 0o500);
      const path = join(world.home, "state");
      const ran = await world.corral(["daemon"], { env: { CORRAL_STATE_DIR: path } });
      chmodSync(world.home, 0o700);
      expect(ran.code).toBe(6);
      expect(lastWord(ran)).toMatchObject({ code: "STATE_UNUSABLE" });
    },
  );
});

test("two state directories side by side do not touch each other", async () => {
  await using one = await makeWorld();
  await using other = await makeWorld();
  await Promise.all([one.daemon(QUICK), other.daemon(QUICK)]);
  const [client, otherClient] = [await one.mcp(), await other.mcp()];
  const tag = sleepTag();
  const mine = await deploy(one, client, shell(`setsid sleep ${tag} & ${FOREVER}`));
  const theirs = await deploy(other, otherClient, shell(`setsid sleep ${tag} & ${FOREVER}`));
  await expect.poll(() => countByArgument(tag)).toBe(2);
  const before = await held(other);

  const swept = json<SweepAnswer>(await one.corral(["sweep", "--apply", "--json"]));
  expect(swept).toMatchObject({ applied: true, steps: [], unknown: [] });
  expect((await one.api(`/api/agents/${theirs.id}`)).status).toBe(404);
  expect(await statusWith(one, theirs.token)).toBe(401);
  const kill = { task_id: theirs.taskId, agent_id: theirs.id };
  expect((await faultOf(client, "kill_real_agent", kill)).code).toBe("TASK_NOT_FOUND");

  expect((await one.corral(["down"])).code).toBe(0);
  expect(countByArgument(tag)).toBe(1);
  expect(processOf(mine.pid)).toBeUndefined();
  expect(processOf(theirs.pid)).toBeDefined();
  expect(await held(other)).toEqual(before);
  expect((await other.api(`/api/agents/${theirs.id}`)).body).toMatchObject({ status: "running" });
  // With the first daemon dead, too.
  const offline = json<SweepAnswer>(await one.corral(["sweep", "--apply", "--json"]));
  expect(offline.steps).toEqual([]);
  expect(countByArgument(tag)).toBe(1);
  await callTool(otherClient, "kill_real_agent", { ...kill, grace_s: 0 });
  const [end] = await waitClean(other, [theirs.id]);
  expect(end).toMatchObject({ status: "killed", cleanup: { state: "clean" } });
});
