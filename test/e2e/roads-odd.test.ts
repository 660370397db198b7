/** The roads on which something around the agent breaks, or the agent tries to get away. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { SweepAnswer } from "../../src/contract/api.ts";
import type { CorralEvent } from "../../src/contract/events.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { countByArgument, processOf } from "../helpers/os-look.ts";
import { callTool, makeWorld, type RunningDaemon, type World } from "../helpers/world.ts";
import { expectGivenBack, sessionsOf, held } from "./given-back.ts";
import {
  deploy,
  eventSeen,
  faultOf,
  FOREVER,
  MATRIX,
  newTask,
  outputOf,
  QUICK,
  read,
  shell,
  sleepTag,
  waitCleanOne,
} from "./support.ts";

const IS_ROOT = process.getuid?.() === 0;
const CGROUP2 = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) =>
  existsSync(join(path, "cgroup.procs")),
);

describe("the tmux server is killed with SIGKILL under it", () => {
  test.each(["auto", "watermark"])(
    "it goes on and keeps its true end (%s)",
    async (containment) => {
      await using world = await makeWorld();
      await world.daemon({ ...QUICK, CORRAL_HOST: "tmux", CORRAL_CONTAINMENT: containment });
      const client = await world.mcp();
      const waits = shell("until [ -e go ]; do sleep 0.02; done; echo went on; exit 9");
      const agent = await deploy(world, client, waits);
      const killed = await deploy(world, client, shell(FOREVER));
      process.kill(tmuxServerOf(world), "SIGKILL");
      await expect.poll(() => sessionsOf(world)).toEqual([]);
      expect(processOf(agent.pid)).toBeDefined();

      const stop = { task_id: killed.taskId, agent_id: killed.id, grace_s: 0 };
      expect(await callTool(client, "kill_real_agent", stop)).toMatchObject({ status: "killed" });
      writeFileSync(join(agent.cwd, "go"), "");
      expect(await waitCleanOne(world, agent.id)).toMatchObject({ status: "failed", exit_code: 9 });
      expect(await outputOf(client, agent)).toBe("went on");
      for (const one of [agent, killed]) await expectGivenBack(world, client, one);

      const next = await deploy(world, client, shell("exit 0"));
      expect(await waitCleanOne(world, next.id)).toMatchObject({ status: "completed" });
      await expectGivenBack(world, client, next);
    },
  );

  function tmuxServerOf({ paths }: World): number {
    const asked = execFileSync("tmux", ["-S", paths.tmuxSocket, "display-message", "-p", "#{pid}"]);
    return Number(asked.toString());
  }
});

describe("a launch fails: nothing is left", () => {
  test("the agents directory is a file", async () => {
    await using world = await makeWorld();
    await world.daemon(QUICK);
    const client = await world.mcp();
    const { taskId } = await newTask(world, client);
    const before = await held(world);
    const { agentsDir, bellDir } = world.paths;
    renameSync(agentsDir, `${agentsDir}-aside`);
    writeFileSync(agentsDir, "");
    const input = { task_id: taskId, agent_type: "worker", prompt: "Run.", command: ["/bin/true"] };
    expect(await faultOf(client, "deploy_headless_agent", input)).toMatchObject({
      code: "LAUNCH_FAILED",
      details: { errno: "ENOTDIR" },
    });
    expect(await held(world)).toEqual(before);
    expect(readdirSync(bellDir)).toEqual([]);
    const status = await callTool(client, "get_real_task_status", { task_id: taskId });
    expect(status.agents).toMatchObject([{ status: "failed", cleanup: { state: "clean" } }]);
    expect(read(agentsDir), "it is not ours to delete").toBe("");

    rmSync(agentsDir);
    renameSync(`${agentsDir}-aside`, agentsDir);
    const agent = await deploy(world, client, ["/bin/true"], { taskId });
    expect(await waitCleanOne(world, agent.id)).toMatchObject({ status: "completed" });
    await expectGivenBack(world, client, agent);
  });

  test("the folder of the agent goes away between plan and launch", async () => {
    await using world = await makeWorld();
    await world.daemon(QUICK);
    const client = await world.mcp();
    const { taskId, cwd } = await newTask(world, client);
    rmSync(cwd, { recursive: true });
    const input = { task_id: taskId, agent_type: "worker", prompt: "Run.", command: ["/bin/true"] };
    const before = await held(world);
    expect((await faultOf(client, "deploy_headless_agent", input)).code).toBe("CWD_UNUSABLE");
    expect(await held(world)).toEqual(before);
  });

  test.runIf(IS_ROOT)(
    "the agents directory may not be changed (chattr +i; skipped unless root)",
    async ({ skip }) => {
      await using world = await makeWorld();
      await world.daemon(QUICK);
      const client = await world.mcp();
      const { taskId } = await newTask(world, client);
      const fixed = spawnSync("chattr", ["+i", world.paths.agentsDir]);
      skip(fixed.status !== 0, "this file system knows no immutable folders");
      try {
        const before = await held(world);
        const input = {
          task_id: taskId,
          agent_type: "worker",
          prompt: "Run.",
          command: ["/bin/true"],
        };
        const error = await faultOf(client, "deploy_headless_agent", input);
        expect(error.code).toBe("LAUNCH_FAILED");
        expect(await held(world)).toEqual(before);
      } finally {
        execFileSync("chattr", ["-i", world.paths.agentsDir]);
      }
    },
  );

  test.runIf(IS_ROOT)("the disk is full (a small tmpfs; skipped unless root)", async ({ skip }) => {
    await using world = await makeWorld();
    mkdirSync(world.paths.stateDir, { mode: 0o700 });
    const mounted = spawnSync("mount", [
      "-t",
      "tmpfs",
      "-o",
      "size=2m,mode=700",
      "corral-test",
      world.paths.stateDir,
    ]);
    skip(mounted.status !== 0, "nothing can be mounted here");
    let daemon: RunningDaemon | undefined;
    try {
      daemon = await world.daemon(QUICK);
      const client = await world.mcp();
      const { taskId } = await newTask(world, client);
      const tag = sleepTag();
      const stays = await deploy(world, client, ["/bin/sleep", tag], { taskId });
      const before = await held(world);
      fill(world.paths.stateDir);
      const input = {
        task_id: taskId,
        agent_type: "worker",
        prompt: "x".repeat(100_000),
        command: ["/bin/sleep", tag],
      };
      const error = await faultOf(client, "deploy_headless_agent", input);
      // The floors may see the disk before the deploy meets it.
      expect(["DISK_FULL", "LAUNCH_FAILED", "LIMIT_REACHED"]).toContain(error.code);
      expect(countByArgument(tag), "the one that ran runs on").toBe(1);
      expect((await world.api("/api/health")).status).toBe(200);
      rmSync(join(world.paths.stateDir, "filler"));
      await waitFor("what had been made to be given back", async () =>
        (await held(world)).join("\n") === before.join("\n") ? true : undefined,
      );
      const after = await deploy(world, client, ["/bin/true"], { taskId });
      expect(await waitCleanOne(world, after.id)).toMatchObject({ status: "completed" });

      fill(world.paths.stateDir);
      const stop = { task_id: taskId, agent_id: stays.id };
      // There is room of our own for the record of an end.
      const killed = await callTool(client, "kill_real_agent", stop);
      expect(killed).toMatchObject({ status: "killed" });
      expect(countByArgument(tag), "a full disk does not keep it alive").toBe(0);
      rmSync(join(world.paths.stateDir, "filler"));
      expect((await waitCleanOne(world, stays.id)).cleanup.state).toBe("clean");
      expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    } finally {
      await daemon?.stop();
      execFileSync("umount", ["--lazy", world.paths.stateDir]);
    }
  });

  /** Writes until there is no byte left. */
  function fill(folder: string): void {
    for (const block of ["64k", "512", "1"]) {
      spawnSync("dd", [
        "if=/dev/zero",
        `of=${folder}/filler`,
        "oflag=append",
        "conv=notrunc",
        `bs=${block}`,
      ]);
    }
  }
});

describe.skipIf(!IS_ROOT || CGROUP2 === undefined)(
  "it tries to get away (skipped unless root with cgroup v2)",
  () => {
    test.each([
      [
        "leaves its control group",
        (tag: string) => `echo $$ >${CGROUP2}/cgroup.procs; exec sleep ${tag}`,
      ],
      ["changes its own mark", (tag: string) => `exec prlimit --msgqueue=4096: sleep ${tag}`],
    ])("%s: the other witness sees it, and says so", async (_name, escape) => {
      await using world = await makeWorld();
      await world.daemon({ ...QUICK, CORRAL_CONTAINMENT: "auto" });
      const client = await world.mcp();
      const tag = sleepTag();
      const script = `setsid sh -c '${escape(tag)}' & ${FOREVER}`;
      const agent = await deploy(world, client, shell(script));
      expect(agent.answer.containment).toBe("cgroup2+watermark");
      await waitFor("its escape", () => (countByArgument(tag) === 1 ? true : undefined));
      const stop = { task_id: agent.taskId, agent_id: agent.id };
      const answer = await callTool(client, "kill_real_agent", stop);
      expect(answer).toMatchObject({ status: "killed", receipt: { survivors: [] } });
      expect(countByArgument(tag)).toBe(0);
      await expectGivenBack(world, client, agent);
      const alert = await eventSeen(
        world,
        ({ kind, agent_id: id }) => kind === "alert" && id === agent.id,
      );
      expect(alert.facts).toMatchObject({ alert: "witness_mismatch" });
    });

    test.each([
      [
        "left its control group",
        (tag: string) => `echo $$ >${CGROUP2}/cgroup.procs; exec sleep ${tag}`,
      ],
      ["changed its own mark", (tag: string) => `exec prlimit --msgqueue=4096: sleep ${tag}`],
    ])(
      "what %s is told once, while its agent runs, however often it is seen",
      async (_, escape) => {
        await using world = await makeWorld();
        await world.daemon({ ...QUICK, CORRAL_CONTAINMENT: "auto", CORRAL_SWEEP_MS: "200" });
        const client = await world.mcp();
        const tag = sleepTag();
        const script = `setsid sh -c '${escape(tag)}' & ${FOREVER}`;
        const agent = await deploy(world, client, shell(script));
        const isAlert = ({ kind, agent_id: id }: CorralEvent) =>
          kind === "alert" && id === agent.id;
        const alert = await eventSeen(world, isAlert);
        expect(alert.facts).toMatchObject({
          alert: "witness_mismatch",
          processes: [{ name: "sleep" }],
          next_step: expect.stringContaining(`corral kill ${agent.id}`) as string,
        });
        expect((await world.api(`/api/agents/${agent.id}`)).body).toMatchObject({
          status: "running",
        });
        await sleep(1_500); // several sweeps
        expect(countByArgument(tag), "its agent lives, so it is no stray").toBe(1);
        const stop = { task_id: agent.taskId, agent_id: agent.id };
        await callTool(client, "kill_real_agent", stop);
        expect(countByArgument(tag)).toBe(0);
        await expectGivenBack(world, client, agent);
        const alerts: CorralEvent[] = [];
        await eventSeen(world, (event) => {
          if (isAlert(event)) alerts.push(event);
          return event.kind === "agent.clean";
        });
        expect(alerts).toHaveLength(1);
      },
    );
  },
);

test.runIf(IS_ROOT).each([
  ["another number", "4096:"],
  ["the infrastructure's own", "400001:"],
])(
  "with the mark alone, whoever changes it to %s is a stray that a sweep ends (skipped unless root)",
  async (_name, soft) => {
    await using world = await makeWorld();
    await world.daemon({ ...QUICK, CORRAL_CONTAINMENT: "watermark" });
    const client = await world.mcp();
    const tag = sleepTag();
    const agent = await deploy(
      world,
      client,
      shell(`setsid prlimit --msgqueue=${soft} sleep ${tag} & sleep 0.2`),
    );
    await waitCleanOne(world, agent.id);
    const { stdout } = await world.corral(["sweep", "--apply", "--json"]);
    const { steps } = JSON.parse(stdout) as SweepAnswer;
    expect(steps).toMatchObject([{ kind: "process", outcome: "released" }]);
    expect(countByArgument(tag)).toBe(0);
    const stray = await eventSeen(world, ({ kind }) => kind === "stray.released");
    expect(stray.facts).toMatchObject({ kind: "process" });
  },
);

describe.each(["warn", "strict"] as const)(
  "a claimed completion is held against four layers: %s",
  (mode) => {
    test("it is answered, and recorded", async () => {
      await using world = await makeWorld();
      await world.daemon({ ...QUICK, CORRAL_VALIDATION_MODE: mode, CORRAL_LINGER_MS: "100" });
      const client = await world.mcp();
      const agent = await deploy(world, client, shell(`trap 'exit 0' INT; ${FOREVER}`), {
        type: "fixer",
      });
      const self = await world.mcp({ token: agent.token });
      const report = (message: string) =>
        callTool(self, "update_agent_progress", {
          task_id: agent.taskId,
          agent_id: agent.id,
          status: "completed",
          message,
          progress: 100,
        });
      const { validation } = await report("done, TODO later");
      expect(validation).toMatchObject({ accepted: mode === "warn", mode });
      const said = [...validation!.warnings, ...validation!.blockers].join("\n");
      expect(said, "layer 1: evidence").toMatch(/No file changed/);
      expect(said, "layer 2: type").toMatch(/verified/);
      expect(said, "layer 3: message").toMatch(/characters; 50/);
      expect(said, "layer 3: message").toMatch(/unfinished work: "TODO"/);
      expect(said, "layer 4: pattern").toMatch(/claims to be done/);
      expect(validation!.confidence).toBeLessThan(0.5);
      if (mode === "strict") {
        expect((await world.api(`/api/agents/${agent.id}`)).body).toMatchObject({
          status: "running",
        });
        writeFileSync(join(agent.cwd, "parser.txt"), "fixed\n");
        const better = await report(
          "Fixed the parser and verified it: all 12 tests of the suite pass.",
        );
        expect(better.validation).toMatchObject({ accepted: true, blockers: [] });
      }
      const end = await waitCleanOne(world, agent.id);
      expect(end).toMatchObject({
        status: "completed",
        exit_code: 0,
        reported: { status: "completed" },
      });
      await expectGivenBack(world, client, agent);
      const { task } = await callTool(client, "get_real_task_status", { task_id: agent.taskId });
      const [line = ""] = (read(join(task.workspace, "progress", `${agent.id}.jsonl`)) ?? "").split(
        "\n",
      );
      expect(JSON.parse(line)).toMatchObject({ agent_id: agent.id, validation });
    });
  },
);

test.each(MATRIX)("a deploy by the command line, waited for: $name", async ({ env }) => {
  await using world = await makeWorld();
  await world.daemon({ ...QUICK, ...env });
  const words = [
    "deploy",
    "--describe",
    "Run one command to its end.",
    "--type",
    "worker",
    "--wait",
  ];
  const good = await world.corral([...words, "--", "/bin/sh", "-c", "echo one"], {
    cwd: world.home,
  });
  expect(good.code).toBe(0);
  expect(good.stdout).toMatch(/^worker-\S+ completed: .*cleanup clean/);
  const bad = await world.corral([...words, "--json", "--", "/bin/sh", "-c", "exit 3"], {
    cwd: world.home,
  });
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject({
    agent: { status: "failed", exit_code: 3, cleanup: { state: "clean" } },
  });
});
