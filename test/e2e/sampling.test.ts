/** Samples, histories and processes of real agents, against what the system itself shows. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { HistoryAnswer, ProcessesAnswer, SamplesAnswer } from "../../src/contract/sampling.ts";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld, type World } from "../helpers/world.ts";
import { deploy, newTask, QUICK, waitCleanOne } from "./support.ts";

const LISTENER = `
  const { writeFileSync } = require("node:fs");
  const server = require("node:net").createServer().listen(0, "127.0.0.1", () => {
    writeFileSync("port", String(server.address().port));
  });
  require("node:child_process").spawn("sleep", ["298"]);
  setInterval(() => { const until = Date.now() + 100; while (Date.now() < until); console.log("x".repeat(1000)); }, 250);
`;

async function samples(world: World): Promise<SamplesAnswer> {
  return SamplesAnswer.parse((await world.api("/api/samples")).body);
}

/** A program that follows the events and looks on at samples until it is ended. */
const FOLLOWER = `require("node:http").get({ socketPath: process.argv[1], path: "/api/events?samples=1" }, (answer) => answer.resume());`;

test("samples come fast while a reader of the events looks on, and it need not say when it goes", async () => {
  await using world = await makeWorld();
  const { health } = await world.daemon(QUICK);
  const metric = async (name: string): Promise<number> => {
    const token = readFileSync(world.paths.scrapeToken, "utf8").trim();
    const headers = { authorization: `Bearer ${token}` };
    const text = await (await fetch(`${health.url}/metrics`, { headers })).text();
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
  };
  const isAt = (name: string, isRight: (value: number) => boolean) =>
    waitFor(name, async () => isRight(await metric(name)) || undefined, 60_000);
  const follower = spawn(process.execPath, ["-e", FOLLOWER, world.paths.socket], {
    env: { ...world.env },
    stdio: "ignore",
  });
  onTestFinished(() => void follower.kill("SIGKILL"));
  await isAt("corral_sample_lookers", (lookers) => lookers === 1);
  const before = await metric("corral_sample_looks_total");
  // At rest so many would take three minutes.
  await isAt("corral_sample_looks_total", (looks) => looks >= before + 5);
  follower.kill("SIGKILL");
  await isAt("corral_sample_lookers", (lookers) => lookers === 0);
});

test.for([
  { name: "control groups where they work", env: {} },
  { name: "the mark alone", env: { CORRAL_CONTAINMENT: "watermark" } },
])(
  "with $name: what an agent uses is sampled, its port is held, and all is gone with it",
  async ({ env }) => {
    await using world = await makeWorld();
    const daemon = await world.daemon({ ...QUICK, ...env });
    const client = await world.mcp();
    const { taskId, cwd } = await newTask(world, client);
    const agent = await deploy(
      world,
      client,
      [process.execPath, "-e", LISTENER, "--", "--token", "hush-hush-hush-7"],
      {
        taskId,
      },
    );
    await waitFor("its port", () => existsSync(join(cwd, "port")) || undefined);
    const port = Number(readFileSync(join(cwd, "port"), "utf8"));

    // Asking is looking on: samples come fast, and from the second one on there are rates.
    const seen = await waitFor("rates", async () => {
      const answer = await samples(world);
      const [own] = answer.agents;
      const isWhole = own?.sample.cpu_ms_per_s != null && own.sample.cpu_ms_per_s > 0;
      return isWhole && own.sample.output_bytes_per_s !== 0 ? answer : undefined;
    });
    expect(seen.interval_ms).toBeLessThanOrEqual(20_000);
    const [own] = seen.agents;
    expect(own).toMatchObject({
      agent_id: agent.id,
      task_id: taskId,
      sample: { processes: 2, ports: 1 },
    });
    expect(own?.sample.memory_bytes).toBeGreaterThan(5_000_000);
    expect(own?.sample.fds).toBeGreaterThan(10);
    expect(own?.listens).toEqual([{ protocol: "tcp", address: "127.0.0.1", port, pid: agent.pid }]);
    expect(seen.all.processes).toBe(2);
    expect(seen.tasks).toMatchObject([{ task_id: taskId, sample: { processes: 2 } }]);

    const report = await callTool(client, "get_resource_report", { scope: "agent", id: agent.id });
    expect(report.held.find(({ kind }) => kind === "port")).toMatchObject({ held: 1 });
    expect(report.ports).toMatchObject([{ agent_id: agent.id, port }]);

    const history = HistoryAnswer.parse(
      (await world.api(`/api/history?scope=agent&id=${agent.id}`)).body,
    );
    expect(history).toMatchObject({ scope: "agent", id: agent.id, span: "1h", step_s: 10 });
    expect(history.times.length).toBeGreaterThan(0);
    expect(history.series.processes.at(-1)).toBe(2);

    const scraped = await fetch(`${daemon.health.url}/metrics`, {
      headers: { authorization: `Bearer ${readFileSync(world.paths.scrapeToken, "utf8").trim()}` },
    });
    const metrics = await scraped.text();
    expect(metrics).toContain("corral_processes 2");
    expect(metrics).toMatch(
      new RegExp(`corral_agent_memory_bytes\\{agent_id="${agent.id}",task_id="${taskId}"\\} \\d+`),
    );
    expect(metrics).toMatch(
      /corral_tool_calls_total\{tool="deploy_headless_agent",outcome="ok"\} 1/,
    );

    const path = `/api/agents/${agent.id}/processes`;
    const { processes } = ProcessesAnswer.parse((await world.api(path)).body);
    expect(processes.map(({ depth, name }) => [name, depth])).toEqual([
      [expect.stringMatching(/node|MainThread/), 0],
      ["sleep", 1],
    ]);
    expect(processes[0]).toMatchObject({ pid: agent.pid, listens: [{ port }] });
    expect(processes[0]?.pss_bytes).toBeGreaterThan(1_000_000);
    expect(processes[1]?.argv).toBe("sleep 298");
    expect(JSON.stringify(processes)).not.toContain("hush-hush-hush-7");

    await callTool(client, "kill_real_agent", {
      task_id: taskId,
      agent_id: agent.id,
      grace_s: 0.2,
    });
    await waitCleanOne(world, agent.id);
    await waitFor(
      "no sample of it",
      async () => (await samples(world)).agents.length === 0 || undefined,
    );
    expect((await samples(world)).all).toMatchObject({ processes: 0, ports: 0 });
    expect(ProcessesAnswer.parse((await world.api(path)).body).processes).toEqual([]);
    await daemon.stop();

    // The next daemon has it: it was written down when the daemon left.
    const next = await world.daemon({ ...QUICK, ...env });
    const kept = await world.api(`/api/history?scope=agent&id=${agent.id}`);
    expect(HistoryAnswer.parse(kept.body).times.length).toBeGreaterThanOrEqual(
      history.times.length,
    );
    expect((await world.api("/api/history?scope=agent")).status).toBe(400);
    expect((await world.api("/api/history?scope=task&id=TASK-none")).status).toBe(404);
    await next.stop();
  },
);
