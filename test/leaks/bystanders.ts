/**
 * What lives beside Corral and is none of its business: processes, tmux sessions, control groups and
 * files of the same user, most of them as much like ours as a stranger's can be.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { endChild, waitFor } from "../helpers/daemon-process.ts";
import { markOptions } from "../../src/runner/mark-options.ts";
import { identityOf } from "../helpers/fault-reckoning.ts";
import { MARK_RANGE, processOf } from "../helpers/os-look.ts";
import type { Deployed, Place } from "./place.ts";
import { makeForeignGroup } from "./rungs.ts";

const PROGRAM = join(import.meta.dirname, "agents/bystander.pl");
const PROCESSES = 50;

export interface Bystanders extends AsyncDisposable {
  readonly processes: number;
  readonly sessions: number;
  readonly files: number;
  /** What was signalled, ended, changed or removed, by name. */
  touched(): readonly string[];
}

interface Standing {
  readonly child: ChildProcess;
  readonly log: string;
  readonly startTicks: number;
}

/** Sets them up beside these agents. Disposing ends them, by their exact pids and socket. */
export async function makeBystanders(
  place: Place,
  agents: readonly Deployed[],
): Promise<Bystanders> {
  const folder = join(place.world.folder, "beside");
  mkdirSync(folder);
  const standing = await startProcesses(place, agents, folder);
  const socket = join(folder, "default"); // as a user's own server has it, in another folder
  const sessions = ["work", "0", "stray", ...agents.map(({ tmux_session: name }) => name ?? "x")];
  const tmux = (...args: readonly string[]) =>
    execFileSync("tmux", ["-S", socket, "-f", "/dev/null", ...args], { encoding: "utf8" });
  for (const name of sessions) tmux("new-session", "-d", "-s", name, "exec sleep 3600");
  const panes = () => tmux("list-panes", "-a", "-F", "#{session_name} #{pane_pid}");
  const panesBefore = panes();
  const group = makeForeignGroup(standing[0]?.child.pid ?? 0);
  const files = writeFiles(place, agents);
  const before = new Map(files.map((path) => [path, fingerprint(path)]));
  return {
    processes: standing.length,
    sessions: sessions.length,
    files: files.length,
    touched: () => [
      ...standing.flatMap(touchesOf),
      ...(panes() === panesBefore ? [] : ["tmux sessions"]),
      ...(group === undefined || existsSync(group.path) ? [] : [group.path]),
      ...files.filter((path) => fingerprint(path) !== before.get(path)),
    ],
    async [Symbol.asyncDispose]() {
      tmux("kill-server");
      await Promise.all(standing.map(({ child }) => endChild(child, 5_000, "SIGKILL")));
      group?.[Symbol.dispose]();
    },
  };
}

/** Ways to look like one of ours. */
function disguises(
  { world, project }: Place,
  { workspace, agent_id: id }: Deployed,
): readonly {
  argv: readonly string[];
  cwd?: string;
  hard?: number;
  soft?: number;
  seal?: number | null;
  name?: string;
}[] {
  const { mark, seal } = identityOf(world);
  const otherHard = mark === MARK_RANGE.highest ? mark - 1 : mark + 1;
  return [
    { argv: [] },
    { argv: ["sh", "runner.sh", workspace, id] },
    { argv: [workspace], cwd: workspace },
    { argv: ["daemon"], cwd: world.paths.stateDir },
    { argv: ["tmux", "-S", world.paths.tmuxSocket, "new-session"], name: "tmux: server" },
    { argv: [id], cwd: project, name: "claude" },
    { argv: [id], soft: 400_000, hard: otherHard, seal },
    { argv: [id], soft: 400_001, hard: otherHard, seal },
    { argv: [id], soft: 400_000, hard: mark, seal: (seal ?? 2 ** 41) - 1 },
    { argv: [id], soft: 400_001, hard: mark, seal: (seal ?? 2 ** 41) - 1 },
  ];
}

async function startProcesses(
  place: Place,
  agents: readonly Deployed[],
  folder: string,
): Promise<readonly Standing[]> {
  const all = agents.flatMap((agent) => disguises(place, agent));
  const chosen = Array.from({ length: PROCESSES }, (_, nth) => all[nth % all.length]!);
  const logs = chosen.map((_, nth) => join(folder, `signals-${nth}`));
  const children = chosen.map(({ argv, cwd, soft = 0, hard, seal = null, name }, nth) => {
    const words = [PROGRAM, logs[nth]!, ...argv];
    const [program, args] =
      hard === undefined
        ? ["/usr/bin/perl", words]
        : ["prlimit", [...markOptions({ soft, hard, seal }), "--", "/usr/bin/perl", ...words]];
    return spawn(program, args, {
      detached: true,
      cwd: cwd ?? "/",
      env: { ...place.world.env, CORRAL_AGENT_ID: agents[0]?.agent_id ?? "" },
      stdio: "ignore",
      ...(name === undefined || hard !== undefined ? {} : { argv0: name }),
    });
  });
  await waitFor("the bystanders", () => (logs.every(existsSync) ? true : undefined));
  return children.map((child, nth) => ({
    child,
    log: logs[nth]!,
    startTicks: processOf(child.pid ?? 0)?.startTicks ?? 0,
  }));
}

function touchesOf({ child, log, startTicks }: Standing): readonly string[] {
  const pid = child.pid ?? 0;
  const signals = readFileSync(log, "utf8").split("\n").filter(Boolean);
  const now = processOf(pid);
  const isStopped = /\) [tT] /.test(existsSync(`/proc/${pid}`) ? statOf(pid) : "");
  return [
    ...signals.map((name) => `process ${pid} got ${name}`),
    ...(now?.startTicks === startTicks ? [] : [`process ${pid} has ended`]),
    ...(isStopped ? [`process ${pid} is stopped`] : []),
  ];
}

function statOf(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, "latin1");
}

/** Files next to ours, where a cleaner by name, pattern, age or folder would find them. */
function writeFiles({ world, project }: Place, agents: readonly Deployed[]): readonly string[] {
  const { stateDir, agentsDir, bellDir } = world.paths;
  const paths = [
    join(stateDir, "notes.txt"),
    join(stateDir, "corral.db.backup"),
    join(agentsDir, "worker-000000-ffffff", "stream.jsonl"),
    join(agentsDir, "keep.md"),
    join(bellDir, ".hidden"),
    join(project, "uncommitted.ts"),
    join(project, ".agent-workspace", "TASK-20200101-000000-00000000", "plan.md"),
    join(project, ".agent-workspace", "mine.md"),
    join(world.home, "agent_work", "x"),
    ...agents.map(({ agent_id: id }) => join(project, `${id}.log`)),
    ...agents.map(({ agent_id: id }) => join(agentsDir, `${id}.bak`, "prompt.md")),
  ];
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `mine: ${path}\n`);
  }
  return paths;
}

function fingerprint(path: string): string {
  if (!existsSync(path)) return "gone";
  const { ino, mtimeMs, mode, uid } = statSync(path);
  const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
  return [ino, mtimeMs, mode, uid, hash].join(" ");
}
