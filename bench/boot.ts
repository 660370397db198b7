/**
 * What a daemon costs that finds 200 agents of its killed predecessor, and a hundred thousand past
 * ones: really 200 agents with their runners, the daemon really killed.
 *
 *   node bench/boot.ts [runs] [agents]
 *
 * Prints a Markdown table. All times are from the start of the new process. `own start` ends where
 * the daemon first looks at an agent; from there to the last agent is the reconciling.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { daemonEnvironment, missingFlags } from "../bin/daemon-process.js";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";

const RUNS = Number(process.argv[2] ?? 10);
const AGENTS = Number(process.argv[3] ?? 200);
const PAST_AGENTS = 100_000;
const AT_ONCE = 20;
const root = mkdtempSync(join(tmpdir(), "corral-bench-"));
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: root,
  CORRAL_STATE_DIR: join(root, "state"),
  NODE_COMPILE_CACHE: join(root, "cache"),
};
const paths = statePaths(env);
const api = apiClient({ socketPath: paths.socket });
const rows: Row[] = [];

interface Boot {
  readonly child: ChildProcess;
  readonly readyMs: number;
  readonly composedAt: number;
  readonly restoredAt: number;
  readonly lastAt: number;
}

async function boot(agents: number): Promise<Boot> {
  const begun = performance.now();
  const child = fork(join(import.meta.dirname, "boot-daemon.ts"), [String(agents)], {
    env: daemonEnvironment(env),
    execArgv: [...missingFlags([], {})],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const told = agents === 0 ? null : once(child, "message");
  for (;;) {
    const isReady = await api.health().then(
      () => true,
      () => false,
    );
    if (isReady) break;
    await sleep(2);
  }
  const readyMs = performance.now() - begun;
  const [times] = (await told) ?? [{ composedAt: 0, restoredAt: 0, lastAt: 0 }];
  return { child, readyMs, ...(times as Pick<Boot, "composedAt" | "restoredAt" | "lastAt">) };
}

async function kill({ child }: Boot): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function deployAll(): Promise<void> {
  const project = join(root, "project");
  mkdirSync(project);
  const limits = { running: 500, total: 10_000 };
  const task = await api.tool("create_real_task", {
    description: "measure what a start with agents costs",
    client_cwd: project,
    limits,
  });
  const input = { task_id: task.task_id, agent_type: "bench", prompt: "none" };
  for (let from = 0; from < AGENTS; from += AT_ONCE) {
    const deploys = Array.from({ length: Math.min(AT_ONCE, AGENTS - from) }, () =>
      api.tool("deploy_headless_agent", { ...input, command: ["/bin/sleep", "3600"] }),
    );
    await Promise.all(deploys);
  }
}

/** Outcomes of agents of earlier days, as retention leaves them. */
function addPastAgents(): void {
  const database = new DatabaseSync(paths.database);
  database.exec(`BEGIN;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${PAST_AGENTS})
    INSERT INTO agents (id, task_id, type, harness, permission, parent, depth, slot, status, host, session,
      containment, directory, cwd, created_at, started_at, ended_at, wall_until, exit_code, reason, forgotten_at, disk_due)
    SELECT 'past-' || i, (SELECT id FROM tasks LIMIT 1), 'past', 'command', 'skip', 'orchestrator', 1, i,
      'completed', 'tmux', 'agent_past-' || i, 'cgroup2+watermark', '${paths.agentsDir}/past-' || i, '/', i, i, i, i,
      0, 'Exit code 0.', i, 0 FROM n;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${PAST_AGENTS * 3})
    INSERT INTO resources (owner, kind, locator, retain, state, seen, created_at, changed_at)
    SELECT 'past-' || (i % ${PAST_AGENTS}), 'temp_dir', '/none/' || i, 0, 'released', 'no such file', i, i FROM n;
    COMMIT`);
  database.close();
}

function residentMb({ child }: Boot): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1_024;
}

function row(what: string, unit: string, goal: string, sample: readonly number[]): void {
  rows.push({ what, unit, goal, figures: figuresOf(sample) });
}

async function measure(beside: string, first: Boot): Promise<Boot> {
  const boots: Boot[] = [];
  const resident: number[] = [];
  let last = first;
  for (let run = 0; run < RUNS; run += 1) {
    await kill(last);
    last = await boot(AGENTS);
    boots.push(last);
    await sleep(500);
    resident.push(residentMb(last));
  }
  const of = (pick: (one: Boot) => number): readonly number[] => boots.map(pick);
  row(
    `start → answers, ${AGENTS} live agents${beside}`,
    "ms",
    "–",
    of(({ readyMs }) => readyMs),
  );
  row(
    `– own start: process → first look at an agent`,
    "ms",
    "–",
    of(({ restoredAt }) => restoredAt),
  );
  row(
    `– reconcile: first agent → last of ${AGENTS}${beside}`,
    "ms",
    "≤ 250",
    of(({ restoredAt, lastAt }) => lastAt - restoredAt),
  );
  row(`– memory half a second later (RSS)${beside}`, "MB", "≤ 90", resident);
  return last;
}

let running: Boot | null = null;
try {
  running = await boot(0);
  await deployAll();
  running = await measure("", running);
  await kill(running);
  addPastAgents();
  running = await measure(`, ${PAST_AGENTS} past`, await boot(AGENTS));
  process.stdout.write(
    `${cpus().length} cores, ${cpus()[0]?.model ?? "?"}, ${RUNS} runs\n\n${tableOf(rows)}\n`,
  );
} finally {
  const gone = running === null ? null : once(running.child, "exit");
  await api.leave({ mode: "end" }).catch(() => running?.child.kill("SIGTERM"));
  await gone;
  rmSync(root, { recursive: true, force: true });
}
