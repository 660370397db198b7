/**
 * Deploys of several launchers' daemons in turn: which of them is the quicker one, whatever else the machine does.
 *
 *   node bench/side-by-side.ts [runs] [crowds] bin/corral.js…
 *
 * The daemons run at the same time and take turns, deploy by deploy, then 200 deploys at once by 200 deploys at once. Beside the
 * clock stands the processor time of each daemon, which others' load does not stretch. Prints a Markdown table.
 */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { spawnDaemon } from "./daemon-child.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";

const [RUNS = 100, CROWDS = 3] = process.argv.slice(2, 4).map(Number);
const LAUNCHERS = process.argv.slice(4);
const CROWD = 200;
/** The first deploys of a process load and compile what the others find. */
const WARM_UP = 5;

interface Side {
  readonly launcher: string;
  readonly root: string;
  readonly daemon: ChildProcess;
  readonly api: ReturnType<typeof apiClient>;
  readonly taskId: string;
  readonly toExec: number[];
  readonly busy: number[];
  readonly crowds: number[];
  readonly crowdsBusy: number[];
}

async function startSide(launcher: string): Promise<Side> {
  const root = mkdtempSync(join(tmpdir(), "corral-sides-"));
  const project = join(root, "project");
  mkdirSync(project);
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: root,
    CORRAL_STATE_DIR: join(root, "state"),
  };
  const daemon = spawnDaemon(launcher, env);
  const api = apiClient({ socketPath: statePaths(env).socket });
  while ((await api.health().catch(() => null)) === null) await sleep(20);
  const { task_id: taskId } = await api.tool("create_real_task", {
    description: "see whose deploys are quicker",
    client_cwd: project,
    limits: { running: 500, total: 10_000 },
  });
  const samples = { toExec: [], busy: [], crowds: [], crowdsBusy: [] };
  return { launcher, root, daemon, api, taskId, ...samples };
}

async function endSide({ api, daemon, root }: Side): Promise<void> {
  const gone = new Promise((resolve) => daemon.once("exit", resolve));
  await api.leave({ mode: "end" });
  await gone;
  rmSync(root, { recursive: true, force: true });
}

/** Time on a processor of all its threads. Milliseconds. */
function busyMs({ daemon: { pid } }: Side): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((tid) =>
    Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "utf8").split(" ")[0]),
  );
  return ns.reduce((sum, one) => sum + one, 0) / 1e6;
}

function deploy({ api, taskId }: Side, command: readonly string[]) {
  const input = { task_id: taskId, agent_type: "bench", prompt: "none", command: [...command] };
  return api.tool("deploy_headless_agent", input);
}

async function untilClean({ api }: Side, ids: readonly string[]): Promise<void> {
  const wait = { agent_ids: [...ids], for: "clean" as const, until: "all" as const, timeout_s: 20 };
  while ((await api.wait(wait)).timed_out) continue;
}

/** One deploy and its end: the agent prints the time as its first act. */
async function deployOne(side: Side): Promise<{ readonly toExec: number; readonly busy: number }> {
  const before = busyMs(side);
  const sentAt = Date.now();
  const { agent_id: id, workspace } = await deploy(side, ["/usr/bin/date", "+%s%N"]);
  await untilClean(side, [id]);
  const printed = Number(readFileSync(join(workspace, "stream.jsonl"), "utf8")) / 1e6;
  return { toExec: printed - sentAt, busy: busyMs(side) - before };
}

async function deployCrowd(side: Side): Promise<void> {
  const [before, begun] = [busyMs(side), performance.now()];
  const deploys = Array.from({ length: CROWD }, () => deploy(side, ["/usr/bin/sleep", "600"]));
  const ids = (await Promise.all(deploys)).map(({ agent_id: id }) => id);
  side.crowds.push(performance.now() - begun);
  side.crowdsBusy.push(busyMs(side) - before);
  const kill = (agent_id: string) =>
    side.api.tool("kill_real_agent", { task_id: side.taskId, agent_id, reason: "measured" });
  await Promise.all(ids.map(kill));
  await untilClean(side, ids);
}

const sides: Side[] = [];
try {
  for (const launcher of LAUNCHERS) sides.push(await startSide(launcher));
  for (const side of sides) for (let nth = 0; nth < WARM_UP; nth += 1) await deployOne(side);
  for (let nth = 0; nth < RUNS; nth += 1) {
    for (const side of sides) {
      const { busy, toExec } = await deployOne(side);
      side.busy.push(busy);
      side.toExec.push(toExec);
    }
  }
  for (let nth = 0; nth < CROWDS; nth += 1) for (const side of sides) await deployCrowd(side);
  const rows = sides.flatMap(({ launcher, ...side }): Row[] =>
    (
      [
        ["tool call sent → agent's own program runs", side.toExec],
        ["one deploy and its end, daemon's processor time", side.busy],
        [`${CROWD} deploys at once, all answered`, side.crowds],
        [`${CROWD} deploys at once, daemon's processor time`, side.crowdsBusy],
      ] as const
    ).flatMap(([what, sample]) =>
      sample.length === 0
        ? []
        : [{ what: `${what}, ${launcher}`, unit: "ms", goal: "–", figures: figuresOf(sample) }],
    ),
  );
  const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? "?"}, load ${loadavg()[0]?.toFixed(1)}`;
  process.stdout.write(`${machine}\n\n${tableOf(rows)}\n`);
} finally {
  for (const side of sides) await endSide(side);
}
