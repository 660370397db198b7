/**
 * Where the daemon's memory goes: at its start, with live agents, and while quick ones come and go.
 *
 *   node bench/memory.ts [live agents] [quick agents] [bin/corral.js of an unpacked package]
 *
 * Prints Markdown tables of resident megabytes, by what they are mapped for. A bare Node on the same
 * machine is the first column: nothing that runs on it can take less.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { spawnDaemon } from "./daemon-child.ts";

const LIVE = Number(process.argv[2] ?? 200);
const QUICK = Number(process.argv[3] ?? 3_000);
const LAUNCHER = process.argv[4] ?? join(import.meta.dirname, "../bin/corral.js");
const TOGETHER = 4;
const PER_TASK = 40;
const LOOK_EVERY = 500;
/** V8 looks for what it can give back when nothing has been allocated for 8 s. */
const REST_MS = 20_000;
const AGENTS = join(import.meta.dirname, "../test/fixtures/agents");
/** As in the soak of the leak suite: ends well, ends badly, leaves four daemons behind. */
const COMMANDS: readonly (readonly string[])[] = [
  ["/bin/sh", "-c", "echo done"],
  [join(AGENTS, "crasher.sh"), "7"],
  [join(AGENTS, "leaver.sh"), "300"],
];

const PARTS = [
  "Node's program",
  "libraries",
  "JavaScript heap",
  "compiled code",
  "C heap",
  "stacks and the rest",
] as const;
type Part = (typeof PARTS)[number];
type Look = Readonly<Record<Part | "RSS" | "highest RSS", number>>;

const root = mkdtempSync(join(tmpdir(), "corral-memory-"));
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: root,
  CORRAL_STATE_DIR: join(root, "state"),
  CORRAL_LIMIT_RUNNING: "500",
  CORRAL_LIMIT_TOTAL: "10000",
  CORRAL_LEFTOVER_MS: "60",
};
const paths = statePaths(env);
const api = apiClient({ socketPath: paths.socket });

/** V8 maps its heap in pages of 256 KiB, aligned to them, and objects larger than one in pages of their own. */
function partOf(path: string, access: string, from: number): Part {
  if (path === "[heap]") return "C heap";
  if (path.endsWith("/node")) return "Node's program";
  if (path.startsWith("/")) return "libraries";
  if (access.includes("x")) return "compiled code";
  return path === "" && from % 262_144 === 0 && from < 0x7000_0000_0000
    ? "JavaScript heap"
    : "stacks and the rest";
}

/** Megabytes, from the kernel's own list of a process's mappings. */
function lookAt(pid: number): Look {
  const sums: Record<string, number> = Object.fromEntries(PARTS.map((part) => [part, 0]));
  let part: Part = "stacks and the rest";
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    const [, from, access = "", path = ""] =
      /^([0-9a-f]+)-[0-9a-f]+ (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line) ?? [];
    if (from !== undefined) part = partOf(path, access, Number.parseInt(from, 16));
    else if (line.startsWith("Rss:")) sums[part] = (sums[part] ?? 0) + mbIn(line);
  }
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    ...(sums as Record<Part, number>),
    RSS: mbIn(/^VmRSS:.*$/m.exec(status)?.[0] ?? ""),
    "highest RSS": mbIn(/^VmHWM:.*$/m.exec(status)?.[0] ?? ""),
  };
}

function mbIn(line: string): number {
  return Number(/(\d+) kB/.exec(line)?.[1] ?? Number.NaN) / 1_024;
}

/** A Node that has done nothing but open a database, like every daemon. */
async function bareNode(): Promise<Look> {
  const script = `const { DatabaseSync } = require("node:sqlite"); new DatabaseSync(":memory:").exec("SELECT 1"); console.log("ready"); setTimeout(() => {}, 60_000);`;
  const child = spawn(process.execPath, ["--max-semi-space-size=1", "-e", script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const look = lookAt(child.pid ?? 0);
  child.kill("SIGKILL");
  return look;
}

async function newTask(): Promise<string> {
  const project = join(root, "project");
  mkdirSync(project, { recursive: true });
  const { task_id } = await api.tool("create_real_task", {
    description: "see where the memory of a daemon goes",
    client_cwd: project,
    limits: { running: 500, total: 500 },
  });
  return task_id;
}

async function deploy(taskId: string, command: readonly string[]): Promise<string> {
  const input = { task_id: taskId, agent_type: "bench", prompt: "none", command };
  return (await api.tool("deploy_headless_agent", input)).agent_id;
}

async function untilClean(ids: readonly string[]): Promise<void> {
  const wait = { agent_ids: [...ids], for: "clean" as const, until: "all" as const, timeout_s: 20 };
  while ((await api.wait(wait)).timed_out) continue;
}

/** As an agent's own CLI does: over HTTP, with a token. */
async function speakMcp(): Promise<void> {
  const client = new Client({ name: "corral-bench", version: "1.0.0" });
  const authorization = `Bearer ${readFileSync(paths.clientToken, "utf8").trim()}`;
  const { url } = await api.health();
  const requestInit = { headers: { authorization } };
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", url), { requestInit }));
  await client.listTools();
  await client.close();
}

/** Quick agents, a few at a time. @returns RSS after each {@link LOOK_EVERY}. Megabytes. */
async function comeAndGo(pid: number): Promise<readonly number[]> {
  const course: number[] = [];
  let taskId = "";
  for (let done = 0; done < QUICK; done += TOGETHER) {
    if (done % PER_TASK === 0) taskId = await newTask();
    const few = Array.from({ length: TOGETHER }, (_, nth) => COMMANDS[(done + nth) % 3]!);
    await untilClean(await Promise.all(few.map((argv) => deploy(taskId, argv))));
    if ((done + TOGETHER) % LOOK_EVERY === 0) course.push(lookAt(pid).RSS);
  }
  return course;
}

function table(columns: readonly (readonly [string, Look])[]): string {
  const lines = [...PARTS, "RSS" as const, "highest RSS" as const].map((name) =>
    [name, ...columns.map(([, look]) => look[name].toFixed(1))].join(" | "),
  );
  const head = ["MB", ...columns.map(([name]) => name)];
  return [head.join(" | "), head.map(() => "---").join(" | "), ...lines]
    .map((line) => `| ${line} |`)
    .join("\n");
}

const daemon = spawnDaemon(LAUNCHER, env);
const gone = new Promise((resolve) => daemon.once("exit", resolve));
try {
  const columns: [string, Look][] = [["bare Node with SQLite", await bareNode()]];
  while ((await api.health().catch(() => null)) === null) await sleep(20);
  const pid = daemon.pid ?? 0;
  await sleep(1_000);
  columns.push(["started", lookAt(pid)]);
  const taskId = await newTask();
  await Promise.all(Array.from({ length: LIVE }, () => deploy(taskId, ["/usr/bin/sleep", "9999"])));
  columns.push([`${LIVE} deployed at once`, lookAt(pid)]);
  await sleep(REST_MS);
  columns.push([`${LIVE} live, ${REST_MS / 1_000} s later`, lookAt(pid)]);
  await speakMcp();
  await sleep(REST_MS);
  columns.push(["MCP spoken over HTTP", lookAt(pid)]);
  const course = await comeAndGo(pid);
  await sleep(REST_MS);
  columns.push([`and after ${QUICK} quick ones`, lookAt(pid)]);
  const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? "?"}, load ${loadavg()[0]?.toFixed(1)}`;
  process.stdout.write(`${machine}\n\n${table(columns)}\n\n`);
  process.stdout.write(
    `RSS after each ${LOOK_EVERY} quick agents: ${course.map((mb) => mb.toFixed(0)).join(" ")} MB\n`,
  );
} finally {
  await api.leave({ mode: "end" });
  await gone;
  rmSync(root, { recursive: true, force: true });
}
