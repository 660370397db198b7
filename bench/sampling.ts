/**
 * What sampling costs: 200 agents with ten processes each, at rest and while somebody looks on.
 *
 *   node bench/sampling.ts [agents] [processes of each] [minutes at rest]
 *
 * Prints a Markdown table. The share of sampling is the daemon's processor time during looks, which holds
 * whatever else it does meanwhile; the share of everything is beside it.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { spawnDaemon } from "./daemon-child.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";

const AGENTS = Number(process.argv[2] ?? 200);
const EACH = Number(process.argv[3] ?? 10);
const REST_MINUTES = Number(process.argv[4] ?? 4);
const WATCHED_S = 60;
const SETTLE_MS = 90_000;
const LAUNCHER = join(import.meta.dirname, "../bin/corral.js");

const root = mkdtempSync(join(tmpdir(), "corral-sampling-"));
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: root,
  CORRAL_STATE_DIR: join(root, "state"),
};
const { socket } = statePaths(env);
const api = apiClient({ socketPath: socket });

async function get(path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = request({ socketPath: socket, path, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => resolve(Buffer.concat(chunks).toString()));
  });
  outgoing.on("error", reject);
  outgoing.end();
  return promise;
}

interface Cost {
  readonly at: number;
  readonly looks: number;
  readonly samplingS: number;
  readonly allS: number;
}

/** A scrape is nobody's look. */
async function costNow(pid: number): Promise<Cost> {
  const text = await get("/metrics");
  const value = (name: string): number =>
    Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  const ns = readdirSync(`/proc/${pid}/task`).map((tid) =>
    Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "utf8").split(" ")[0]),
  );
  return {
    at: performance.now() / 1_000,
    looks: value("corral_sample_looks_total"),
    samplingS: value("corral_sample_cpu_seconds_total"),
    allS: ns.reduce((sum, one) => sum + one, 0) / 1e9,
  };
}

async function deployAll(): Promise<void> {
  const project = join(root, "project");
  mkdirSync(project);
  const { task_id } = await api.tool("create_real_task", {
    description: "measure what sampling costs",
    client_cwd: project,
    limits: { running: AGENTS, total: AGENTS },
  });
  const script = `i=1; while [ $i -lt ${EACH} ]; do sleep 100000 & i=$((i + 1)); done; wait`;
  const command = ["/bin/sh", "-c", script];
  const input = { task_id, agent_type: "bench", prompt: "none", command };
  for (let begun = 0; begun < AGENTS; begun += 20) {
    const some = Math.min(20, AGENTS - begun);
    await Promise.all(Array.from({ length: some }, () => api.tool("deploy_headless_agent", input)));
  }
}

const rows: Row[] = [];
const row = (what: string, unit: string, goal: string, ...sample: number[]): void => {
  rows.push({ what, unit, goal, figures: figuresOf(sample) });
};

const daemon = spawnDaemon(LAUNCHER, env);
const gone = new Promise((resolve) => daemon.once("exit", resolve));
try {
  while (!(await api.health().then(Boolean, () => false))) await sleep(20);
  const pid = daemon.pid ?? 0;
  await deployAll();
  await sleep(SETTLE_MS);
  const shares = (before: Cost, after: Cost) => {
    const seconds = after.at - before.at;
    return {
      sampling: ((after.samplingS - before.samplingS) * 100) / seconds,
      all: ((after.allS - before.allS) * 100) / seconds,
      each: ((after.samplingS - before.samplingS) * 1_000) / (after.looks - before.looks),
      every: seconds / (after.looks - before.looks),
    };
  };
  const measured = async (name: string, goal: string, work: () => Promise<void>): Promise<void> => {
    const before = await costNow(pid);
    await work();
    const { all, each, every, sampling } = shares(before, await costNow(pid));
    row(`${name}: share of a core`, "%", goal, sampling);
    row("– of the whole daemon meanwhile", "%", "–", all);
    row("– processor time of one look", "ms", "–", each);
    row("– a look every", "s", "–", every);
  };
  await measured("at rest", "≤ 0.5", () => sleep(REST_MINUTES * 60_000));
  const text = await get("/api/samples");
  const { all } = JSON.parse(text) as { readonly all: { readonly processes: number } };
  row("processes of agents", "", "–", all.processes);
  await measured("watched", "≤ 3", async () => {
    for (let second = 0; second < WATCHED_S; second += 2) {
      await get("/api/samples");
      await sleep(2_000);
    }
  });
  const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? "?"}, load ${loadavg()[0]?.toFixed(1)}`;
  process.stdout.write(`${machine}\n\n${tableOf(rows)}\n`);
} finally {
  await api.leave({ mode: "end" });
  await gone;
  rmSync(root, { recursive: true, force: true });
}
