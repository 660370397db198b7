/**
 * What a whole turn of the sweep costs a daemon with many agents and processes, and how long it holds the event loop.
 *
 *   node bench/sweep.ts [agents] [processes of each] [runs]
 *
 * The daemon runs in this very process, so that the lateness of a timer tells what others would have waited.
 * Prints a Markdown table.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { compose } from "../src/bin/compose.ts";
import { serveUntilLeft } from "../src/bin/serving.ts";
import { lookForSweep } from "../src/supervision/sweep-look.ts";
import { sweepTurn } from "../src/supervision/sweep-turns.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";
import { longestPiece } from "./longest-piece.ts";

const AGENTS = Number(process.argv[2] ?? 200);
const EACH = Number(process.argv[3] ?? 10);
const RUNS = Number(process.argv[4] ?? 12);
const SETTLE_MS = 15_000;

const root = mkdtempSync(join(tmpdir(), "corral-sweep-"));
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: root,
  CORRAL_STATE_DIR: join(root, "state"),
  CORRAL_SWEEP_MS: "3600000",
};
const paths = statePaths(env);
const api = apiClient({ socketPath: paths.socket });
const rows: Row[] = [];

async function deployAll(): Promise<void> {
  const project = join(root, "project");
  mkdirSync(project);
  const { task_id } = await api.tool("create_real_task", {
    description: "measure what a sweep costs",
    client_cwd: project,
    limits: { running: AGENTS, total: AGENTS },
  });
  const text = `for i in $(seq ${EACH - 2}); do sleep 100000 & done; sleep 100000`;
  const command = ["/bin/sh", "-c", text];
  const input = { task_id, agent_type: "bench", prompt: "none", command };
  await Promise.all(Array.from({ length: AGENTS }, () => api.tool("deploy_headless_agent", input)));
}

async function measured(what: string, goal: string, work: () => Promise<unknown>): Promise<void> {
  const busy: number[] = [];
  const held: number[] = [];
  const pieces: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const ended = longestPiece();
    await work();
    await sleep(5);
    pieces.push(ended());
  }
  for (let run = 0; run < RUNS; run += 1) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await sleep(20);
    delay.reset();
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    busy.push((user + system) / 1e3);
    await sleep(5);
    delay.disable();
    held.push(delay.max / 1e6);
    await sleep(200);
  }
  rows.push({ what: `${what}: processor time`, unit: "ms", goal, figures: figuresOf(busy) });
  const late = "– longest the event loop was held (a 1 ms timer's lateness)";
  rows.push({ what: late, unit: "ms", goal: "–", figures: figuresOf(held) });
  const piece = "– longest piece of it between two turns of the event loop, processor time";
  rows.push({ what: piece, unit: "ms", goal: "≤ 20", figures: figuresOf(pieces) });
}

const composed = await compose({ paths, env, version: "bench", umask: process.umask(0o077) });
try {
  composed.holdDaemonResources();
  const serving = serveUntilLeft(composed, paths);
  while (!existsSync(paths.socket)) await sleep(20);
  await deployAll();
  await sleep(SETTLE_MS);
  const { containment } = composed.setting;
  const seen = await containment.lookEverywhere();
  const crowd = `${AGENTS} agents, ${seen.length} processes of ours`;
  await measured("nothing, as long as a look takes", "–", () => sleep(100));
  await measured(`look at everybody, ${crowd}`, "–", () => containment.lookEverywhere());
  const sweep = (): Promise<unknown> => lookForSweep(composed.setting, false);
  await measured(`look for strays and plan, ${crowd}`, "≤ 100", sweep);
  await measured(`a whole turn of the sweep, ${crowd}`, "–", () => sweepTurn(composed));
  const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? "?"}, load ${loadavg()[0]?.toFixed(1)}`;
  process.stdout.write(`${machine}\n\n${tableOf(rows)}\n`);
  await api.leave({ mode: "end" });
  await serving;
} finally {
  composed.close();
  rmSync(root, { recursive: true, force: true });
}
