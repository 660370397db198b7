/**
 * What a deploy, an end and a quiet agent cost, beside the floor and the original's way.
 *
 *   node bench/lifecycle.ts [runs] [bin/corral.js of an unpacked package]
 *
 * Prints a Markdown table. Everything happens in a throw-away folder, and in one run, so that
 * the rows may be compared with each other; absolute numbers are this machine's.
 */
import { type ChildProcess, execFile, execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { spawnDaemon } from "./daemon-child.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";

const RUNS = Number(process.argv[2] ?? 100);
const CROWD = 200;
const ORIGINAL_RUNS = 5;
const LAUNCHER = process.argv[3] ?? join(import.meta.dirname, "../bin/corral.js");
const root = mkdtempSync(join(tmpdir(), "corral-bench-"));
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: root,
  CORRAL_STATE_DIR: join(root, "state"),
};
const paths = statePaths(env);
const api = apiClient({ socketPath: paths.socket });
const run = promisify(execFile);

interface Daemon {
  readonly child: ChildProcess;
  readonly readyMs: number;
}

async function startDaemon(): Promise<Daemon> {
  const begun = performance.now();
  const child = spawnDaemon(LAUNCHER, env);
  for (;;) {
    try {
      await api.health();
      return { child, readyMs: performance.now() - begun };
    } catch {
      await sleep(2);
    }
  }
}

async function stopDaemon({ child }: Daemon): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  await api.leave({ mode: "end" });
  await gone;
}

async function newTask(): Promise<string> {
  const project = join(root, "project");
  mkdirSync(project, { recursive: true });
  const limits = { running: 500, total: 10_000 };
  const task = await api.tool("create_real_task", {
    description: "measure what a deploy costs",
    client_cwd: project,
    limits,
  });
  return task.task_id;
}

function deploy(taskId: string, command: readonly string[]) {
  const input = { task_id: taskId, agent_type: "bench", prompt: "none", command };
  return api.tool("deploy_headless_agent", input);
}

/** The agent prints the time as its first act: what it printed less when the call was sent. */
async function deployAndEnd(taskId: string): Promise<{ toExec: number; toClean: number }> {
  const sentAt = Date.now();
  const { agent_id: agentId, workspace } = await deploy(taskId, ["/usr/bin/date", "+%s%N"]);
  await api.wait({ agent_ids: [agentId], for: "clean", timeout_s: 20, until: "all" });
  const printed = Number(readFileSync(join(workspace, "stream.jsonl"), "utf8")) / 1e6;
  const clean = (await cleanTimes()).get(agentId) ?? Number.NaN;
  return { toExec: printed - sentAt, toClean: clean - printed };
}

/** When each agent was seen clean, by the daemon's events. */
async function cleanTimes(): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number>();
  for await (const event of api.events(lastSeq)) {
    lastSeq = event.seq;
    if (event.kind !== "agent.clean") continue;
    times.set(event.agent_id ?? "", Date.parse(event.at));
    break;
  }
  return times;
}
let lastSeq = 0;

/** The floor: tmux alone, on a server of its own that already runs. */
async function plainTmux(socket: string, index: number): Promise<number> {
  const file = join(root, `plain-${index}`);
  const sentAt = Date.now();
  await run("tmux", ["-S", socket, "new-session", "-d", "-s", `p${index}`, `date +%s%N > ${file}`]);
  for (;;) {
    const text = readOrEmpty(file);
    if (text.endsWith("\n")) return Number(text) / 1e6 - sentAt;
    await sleep(1);
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The original's way: new-session with the prompt in argv, two seconds of sleep, has-session. */
async function originalWay(socket: string, index: number): Promise<number> {
  const begun = performance.now();
  const session = `o${index}`;
  await run("tmux", ["-S", socket, "new-session", "-d", "-s", session, "sleep 30"]);
  await sleep(2_000);
  await run("tmux", ["-S", socket, "has-session", "-t", session]);
  return performance.now() - begun;
}

/** Proportional memory of the processes that bear our infrastructure mark, and of the tmux server alone. */
function infrastructureKb(): { readonly all: number; readonly server: number } {
  let all = 0;
  let server = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const limits = readOrEmpty(`/proc/${pid}/limits`);
    if (
      !/^Max msgqueue size +400001 +7[89]\d{4} |^Max msgqueue size +400001 +8[01]\d{4} /m.test(
        limits,
      )
    )
      continue;
    const kb = Number(/^Pss: +(\d+)/m.exec(readOrEmpty(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
    all += kb;
    if (readOrEmpty(`/proc/${pid}/comm`).startsWith("tmux: server")) server += kb;
  }
  return { all, server };
}

function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

const socket = join(root, "plain.sock");
let running: Daemon | null = null;

async function main(): Promise<void> {
  const rows: Row[] = [];
  const row = (what: string, unit: string, goal: string, sample: readonly number[]): void => {
    rows.push({ what, unit, goal, figures: figuresOf(sample) });
  };

  const ready: number[] = [];
  for (let index = 0; index < 5; index += 1) {
    const trial = await startDaemon();
    ready.push(trial.readyMs);
    await stopDaemon(trial);
  }
  row("daemon: process started → answers", "ms", "≤ 200", ready);

  const daemon = await startDaemon();
  running = daemon;
  const taskId = await newTask();
  execFileSync("tmux", [
    "-S",
    socket,
    "-f",
    "/dev/null",
    "new-session",
    "-d",
    "-s",
    "keep",
    "sleep 600",
  ]);
  await deployAndEnd(taskId);

  const toExec: number[] = [];
  const toClean: number[] = [];
  const floor: number[] = [];
  for (let index = 0; index < RUNS; index += 1) {
    const { toExec: exec, toClean: clean } = await deployAndEnd(taskId);
    toExec.push(exec);
    toClean.push(clean);
    floor.push(await plainTmux(socket, index));
  }
  row("deploy: tool call sent → agent's own program runs", "ms", "p50 ≤ 25, p95 ≤ 60", toExec);
  row("floor: plain tmux new-session → program runs", "ms", "–", floor);
  row("agent's last act → everything released and seen gone", "ms", "p50 ≤ 60", toClean);
  const original: number[] = [];
  for (let index = 0; index < ORIGINAL_RUNS; index += 1)
    original.push(await originalWay(socket, index));
  row("original's way: new-session, sleep 2, has-session", "ms", "–", original);

  const before = infrastructureKb();
  const begun = performance.now();
  await Promise.all(Array.from({ length: CROWD }, () => deploy(taskId, ["/usr/bin/sleep", "600"])));
  row(`${CROWD} deploys at once, all answered`, "ms", "≤ 2 500", [performance.now() - begun]);
  await sleep(1_000);
  const after = infrastructureKb();
  row("memory of ours per quiet agent (PSS: runner, its clock, tmux)", "MB", "≤ 3", [
    (after.all - before.all) / CROWD / 1_024,
  ]);
  const pid = daemon.child.pid ?? 0;
  const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1] ?? 0);
  row(`daemon's memory with ${CROWD} live agents`, "MB", "≤ 90", [rss / 1_024]);
  const quiet = 20_000;
  const ticks = cpuTicks(pid);
  await sleep(quiet);
  const share = ((cpuTicks(pid) - ticks) * 10 * 100) / quiet;
  row(`daemon's share of a core with ${CROWD} quiet agents`, "%", "≤ 0.3", [share]);
  const stopping = performance.now();
  await stopDaemon(daemon);
  running = null;
  row(`down with ${CROWD} agents: all stopped, released, seen gone`, "ms", "–", [
    performance.now() - stopping,
  ]);
  process.stdout.write(
    `${cpus().length} cores, ${cpus()[0]?.model ?? "?"}, ${RUNS} runs\n\n${tableOf(rows)}\n`,
  );
}

try {
  await main();
} finally {
  if (running !== null) await stopDaemon(running);
  // Ours: the server that was started on the socket in our own folder.
  await run("tmux", ["-S", socket, "kill-server"]).catch(() => undefined);
  rmSync(root, { recursive: true, force: true });
}
