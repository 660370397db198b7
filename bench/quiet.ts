/**
 * What a daemon costs while its agents do nothing: its processor time in windows, from the last deploy on.
 *
 *   node bench/quiet.ts [agents] [windows] [minutes of rest before them] [--profile]
 *
 * Folders of agents are walked through 10, 40, 130 and 400 s after they began, and then every ten minutes: so
 * what an agent costs that has been quiet for long is told after ten minutes of rest, and over ten minutes.
 * Prints a Markdown table, and with `--profile` where the time of the last windows went, by function and by
 * whose call it was. A profiled run costs more than one that is not: take its shares, not its sums.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { spawnDaemon } from "./daemon-child.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";
import { profileOf } from "./profile.ts";

const numbers = process.argv.slice(2).filter((word) => /^\d+$/.test(word));
const AGENTS = Number(numbers[0] ?? 200);
const WINDOWS = Number(numbers[1] ?? 3);
const WINDOW_MS = 20_000;
const REST_MS = Number(numbers[2] ?? 1) * 60_000;
const IS_PROFILED = process.argv.includes("--profile");
const LAUNCHER = join(import.meta.dirname, "../bin/corral.js");

const root = mkdtempSync(join(tmpdir(), "corral-quiet-"));
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: root,
  CORRAL_STATE_DIR: join(root, "state"),
};
const api = apiClient({ socketPath: statePaths(env).socket });

function startDaemon(): ChildProcess {
  const inspected = IS_PROFILED ? ["--inspect=127.0.0.1:0"] : [];
  return spawnDaemon(LAUNCHER, env, ["ignore", "ignore", "pipe"], inspected);
}

async function answering(): Promise<void> {
  for (;;) {
    try {
      await api.health();
      return;
    } catch {
      await sleep(20);
    }
  }
}

async function deployAll(): Promise<void> {
  const project = join(root, "project");
  mkdirSync(project);
  const { task_id } = await api.tool("create_real_task", {
    description: "measure what quiet agents cost",
    client_cwd: project,
    limits: { running: AGENTS, total: AGENTS },
  });
  const command = ["/usr/bin/sleep", "100000"];
  const input = { task_id, agent_type: "bench", prompt: "none", command };
  await Promise.all(Array.from({ length: AGENTS }, () => api.tool("deploy_headless_agent", input)));
}

/** Time on a processor of all its threads. Milliseconds. */
function busyMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((tid) =>
    Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "utf8").split(" ")[0]),
  );
  return ns.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** Share of a core, in percent, of each of some windows. */
async function windows(pid: number, count: number): Promise<readonly number[]> {
  const shares: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const [before, from] = [busyMs(pid), performance.now()];
    await sleep(WINDOW_MS);
    shares.push(((busyMs(pid) - before) * 100) / (performance.now() - from));
  }
  return shares;
}

const daemon = startDaemon();
const said: string[] = [];
daemon.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
const gone = new Promise((resolve) => daemon.once("exit", resolve));
try {
  await answering();
  const pid = daemon.pid ?? 0;
  await deployAll();
  const rows: Row[] = [];
  const row = (what: string, goal: string, sample: readonly number[]): void => {
    rows.push({ what, unit: "%", goal, figures: figuresOf(sample) });
  };
  row(`share of a core, ${AGENTS} quiet agents: first minute`, "–", await windows(pid, 3));
  await sleep(Math.max(0, REST_MS - 3 * WINDOW_MS));
  const measure = () => windows(pid, WINDOWS);
  const told = (shares: readonly number[]): void => {
    row(`from minute ${REST_MS / 60_000} on`, "–", shares);
    const mean = shares.reduce((sum, one) => sum + one, 0) / shares.length;
    row(`– over all these ${Math.round((WINDOWS * WINDOW_MS) / 1_000)} s`, "≤ 0.3", [mean]);
  };
  if (IS_PROFILED) {
    const url = /ws:\/\/\S+/.exec(said.join(""))?.[0] ?? "";
    const { result, text } = await profileOf(url, measure);
    told(result);
    process.stdout.write(`${text}\n\n`);
  } else told(await measure());
  const rss = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  rows.push({
    what: "daemon's memory then (RSS)",
    unit: "MB",
    goal: "≤ 90",
    figures: figuresOf([Number(rss) / 1_024]),
  });
  const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? "?"}, load ${loadavg()[0]?.toFixed(1)}`;
  process.stdout.write(`${machine}\n\n${tableOf(rows)}\n`);
} finally {
  await api.leave({ mode: "end" });
  await gone;
  rmSync(root, { recursive: true, force: true });
}
