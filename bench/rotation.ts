/**
 * What rotation costs the writer, and what it loses, beside a plain redirect and logrotate's
 * copytruncate; how fast a settled agent becomes an archive; what a byte of an archive costs to read;
 * and what the daemon's memory does while many agents write.
 *
 *   node bench/rotation.ts [rounds] [mebibytes] [parts: writers,archives,memory]
 *
 * Prints Markdown tables. All in one run, so that rows may be compared with each other; absolute
 * numbers are this machine's. Needs perl, and logrotate for its rows.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { apiClient } from "../src/adapters/http-client/api-client.ts";
import { diskSight } from "../src/adapters/disk/disk-sight.ts";
import { fileStreams } from "../src/adapters/output/streams.ts";
import { streamView } from "../src/adapters/output/stream-view.ts";
import type { AgentView, Receipt } from "../src/contract/agent.ts";
import { MIB } from "../src/kernel/units.ts";
import { type Redactor, secretsKnownBy } from "../src/output/redact.ts";
import { maskingBy } from "../src/output/redacted-file.ts";
import { statePaths } from "../src/surface/cli/state-paths.ts";
import { spawnDaemon } from "./daemon-child.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";
import { longestPiece } from "./longest-piece.ts";

const ROUNDS = Number(process.argv[2] ?? 7);
const SIZE_MIB = Number(process.argv[3] ?? 1_024);
const PARTS = (process.argv[4] ?? "writers,archives,memory").split(",");
const CROWD = 200;
const CROWD_S = 40;
const BLOCK_BYTES = 65_536;
const WRITER = join(import.meta.dirname, "../test/fixtures/agents/block-writer.pl");
const LAUNCHER = join(import.meta.dirname, "../bin/corral.js");
const STREAM = "stream.jsonl";
const SEGMENT_BYTES = 64 * MIB;
const root = mkdtempSync(join(tmpdir(), "corral-bench-"));

interface Written {
  readonly seconds: number;
  readonly lost: number;
}

/** Runs the writer with its output appended to a file, and something beside it until it has ended. */
async function write(
  directory: string,
  beside: (isOver: () => boolean) => Promise<void>,
): Promise<number> {
  const out = openSync(join(directory, STREAM), "a");
  const writer = spawn(WRITER, [String(SIZE_MIB)], { stdio: ["ignore", out, "pipe"] });
  closeSync(out);
  let told = "";
  writer.stderr?.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const ended = once(writer, "close");
  await Promise.all([ended, beside(() => writer.exitCode !== null)]);
  if (writer.exitCode !== 0) throw new Error(`the writer failed: ${told}`);
  return Number(told);
}

function freshFolder(name: string): string {
  const directory = join(root, name);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  // What earlier rounds left to be written to the disk would be this one's wait.
  execFileSync("sync");
  return directory;
}

async function plainRedirect(): Promise<Written> {
  const directory = freshFolder("plain");
  const seconds = await write(directory, async () => undefined);
  return { seconds, lost: SIZE_MIB * MIB - statSync(join(directory, STREAM)).size };
}

let segmentsMade = 0;
let compressedMibPerS: number[] = [];

async function withRotation(): Promise<Written> {
  const directory = freshFolder("rotated");
  const streams = fileStreams({ agents: root, archives: root });
  const disk = diskSight();
  await streams.canRotate();
  const seconds = await write(directory, async (isOver) => {
    while (!isOver()) {
      if (streams.plainBytes(directory, disk.streamsIn(directory)) > SEGMENT_BYTES) {
        const begun = performance.now();
        const { segments, bytes } = await streams.rotate(directory, {
          segmentBytes: SEGMENT_BYTES,
          all: false,
        });
        segmentsMade += segments;
        compressedMibPerS.push(bytes / MIB / ((performance.now() - begun) / 1_000));
      }
      await sleep(20);
    }
  });
  return { seconds, lost: SIZE_MIB * MIB - (await blocksIn(directory)) * BLOCK_BYTES };
}

/** Blocks of a stream that are there, whole, in order and once. */
async function blocksIn(directory: string): Promise<number> {
  const view = streamView({ directory, stream: STREAM, archive: null });
  const size = await view.size();
  let right = 0;
  for (let at = 0; at < size; at += MIB) {
    const bytes = Buffer.from(await view.read(at, MIB));
    for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
      const number = String((at + start) / BLOCK_BYTES).padStart(12, "0");
      if (bytes.toString("latin1", start, start + 23) === `{"block":${number}}\n`) right += 1;
    }
  }
  return right;
}

/** As /etc/logrotate.d does it, forced again and again, as often as a segment would be full. */
async function withCopytruncate(): Promise<Written> {
  const directory = freshFolder("copytruncate");
  const conf = join(root, "logrotate.conf");
  const path = join(directory, STREAM);
  writeFileSync(
    conf,
    `${path} {\n  copytruncate\n  rotate 1000\n  missingok\n  nocompress\n  su root root\n}\n`,
    { mode: 0o644 },
  );
  const seconds = await write(directory, async (isOver) => {
    while (!isOver()) {
      if (statSync(path).size > SEGMENT_BYTES) {
        const argv = ["--force", "--state", join(root, "logrotate.state"), conf];
        const rotation: ChildProcess = spawn("logrotate", argv, { stdio: "inherit" });
        await once(rotation, "close");
      }
      await sleep(20);
    }
  });
  const kept = readdirSync(directory).reduce(
    (sum, name) => sum + statSync(join(directory, name)).size,
    0,
  );
  return { seconds, lost: SIZE_MIB * MIB - kept };
}

async function writers(): Promise<void> {
  const hasLogrotate = spawnSync("logrotate", ["--version"]).status === 0;
  const [plain, rotated, truncated]: [Written[], Written[], Written[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    plain.push(await plainRedirect());
    rotated.push(await withRotation());
    if (hasLogrotate) truncated.push(await withCopytruncate());
  }
  const ratio = (some: readonly Written[]) =>
    some.map(({ seconds }, at) => (seconds / plain[at]!.seconds - 1) * 100);
  const rows: Row[] = [
    row(`plain redirect: ${SIZE_MIB} MiB written`, "MiB/s", "–", plain.map(rateOf)),
    row("the same with rotation", "MiB/s", "–", rotated.map(rateOf)),
    row("– cost to the writer, pair by pair", "%", "p50 ≤ 5", ratio(rotated)),
    row(
      "– bytes lost",
      "B",
      "0",
      rotated.map(({ lost }) => lost),
    ),
    row("– compressed beside the writer", "MiB/s", "–", compressedMibPerS),
  ];
  if (hasLogrotate) {
    rows.push(
      row("logrotate copytruncate: cost to the writer", "%", "–", ratio(truncated)),
      row(
        "– bytes lost",
        "MiB",
        "–",
        truncated.map(({ lost }) => lost / MIB),
      ),
    );
  }
  print(rows);
  process.stdout.write(`\n${segmentsMade} segments in ${ROUNDS} rounds.\n\n`);
}

const rateOf = ({ seconds }: Written): number => SIZE_MIB / seconds;

const AGENT: AgentView = {
  agent_id: "bench-101010-aaaaaa",
  task_id: "TASK-20260101-000000-0000000a",
  agent_type: "bench",
  harness: "command",
  parent: "orchestrator",
  depth: 1,
  resumed_from: null,
  resumed_as: null,
  status: "completed",
  reported: null,
  activity: null,
  exit_code: 0,
  signal: null,
  reason: null,
  created_at: "2026-01-01T00:00:00.000Z",
  started_at: null,
  ended_at: null,
  cleanup: { state: "clean", held: 0, stuck: 0 },
  containment: "none",
  host: "process",
  tmux_session: null,
  usage: null,
  budget: { tokens: { used: null, limit: null }, cost_usd: { used: null, limit: null } },
  on_daemon_gone: "keep",
  output_bytes: null,
  disk_bytes: null,
  forgotten_at: null,
  trouble: null,
};
const RECEIPT: Receipt = {
  owner: AGENT.agent_id,
  cleanup: AGENT.cleanup,
  resources: [],
  survivors: [],
  usage: null,
};

async function archives(): Promise<void> {
  const [rates, sizes, reads]: [number[], number[], number[]] = [[], [], []];
  const exports: Record<"masked" | "plain", number[]> = { masked: [], plain: [] };
  const held: typeof exports = { masked: [], plain: [] };
  for (let round = 0; round < Math.min(ROUNDS, 3); round += 1) {
    const directory = freshFolder("idle");
    await write(directory, async () => undefined);
    const streams = fileStreams({ agents: root, archives: root });
    const target = streams.archiveOf(AGENT.agent_id);
    rmSync(target, { force: true });
    const facts = {
      corral: "bench",
      archived_at: AGENT.created_at,
      agent: AGENT,
      receipt: RECEIPT,
    };
    const begun = performance.now();
    const { bytes, manifest } = await streams.archive({
      agentId: AGENT.agent_id,
      directory,
      target,
      segmentBytes: SEGMENT_BYTES,
      facts,
    });
    rates.push(SIZE_MIB / ((performance.now() - begun) / 1_000));
    sizes.push((bytes / (SIZE_MIB * MIB)) * 100);
    await streams.removeArchived(directory, manifest);
    for (let nth = 0; nth < 50; nth += 1) {
      const at = Math.floor(((nth * 0.618_034) % 1) * (SIZE_MIB * MIB - 4_096));
      const asked = performance.now();
      await streamView({ directory, stream: STREAM, archive: target }).read(at, 4_096);
      reads.push(performance.now() - asked);
    }
    for (const name of ["masked", "plain"] as const) {
      const masking = name === "masked" ? maskingBy(twoSecrets()) : null;
      const ended = longestPiece(() => performance.now());
      const to = join(root, name);
      const asked = performance.now();
      await streams.export(target, to, { as: "files", masking });
      exports[name].push(SIZE_MIB / ((performance.now() - asked) / 1_000));
      held[name].push(ended());
      rmSync(to, { recursive: true });
    }
  }
  print([
    row(
      `idle stream of ${SIZE_MIB} MiB → archive: compressed, synced, read back, durable`,
      "MiB/s",
      "≥ 100",
      rates,
    ),
    row("– size of the archive", "% of it", "–", sizes),
    row("4 KiB at any offset of that archive", "ms", "–", reads),
    row("that archive → plain files, secrets masked", "MiB/s", "–", exports.masked),
    row(HELD, "ms", "≤ 5", held.masked),
    row("– as they are", "MiB/s", "–", exports.plain),
    row(HELD, "ms", "–", held.plain),
  ]);
}

const HELD = "– – longest piece between two turns of the event loop, by the clock";

/** As of an agent that was given two: most state directories know some. */
function twoSecrets(): Redactor {
  const secrets = secretsKnownBy((bytes) => createHash("sha256").update(bytes).digest("hex"));
  const variables = { A_SECRET: "correct-horse-battery-staple", B_TOKEN: "another-secret-value" };
  secrets.know(secrets.unknownAmong(variables));
  return secrets;
}

/** The daemon's memory, by the system, while many agents write and are rotated. */
async function memory(): Promise<void> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: root,
    CORRAL_STATE_DIR: join(root, "state"),
    CORRAL_SEGMENT_BYTES: String(16 * MIB),
    CORRAL_HOST: "process",
  };
  const api = apiClient({ socketPath: statePaths(env).socket });
  const daemon = spawnDaemon(LAUNCHER, env);
  try {
    while (
      !(await api.health().then(
        () => true,
        () => false,
      ))
    )
      await sleep(20);
    const limits = { running: 500, total: 10_000 };
    const { task_id } = await api.tool("create_real_task", {
      description: "measure memory of the daemon",
      client_cwd: root,
      limits,
    });
    const command = [WRITER, "100000", "1"];
    for (let nth = 0; nth < CROWD; nth += 1) {
      await api.tool("deploy_headless_agent", {
        task_id,
        agent_type: "bench",
        prompt: "none",
        command,
      });
    }
    const samples: number[] = [];
    for (let second = 0; second <= CROWD_S; second += 1) {
      samples.push(residentMib(daemon.pid ?? 0));
      await sleep(1_000);
    }
    const folder = statePaths(env).agentsDir;
    const segments = readdirSync(folder)
      .flatMap((id) => readdirSync(join(folder, id)))
      .filter((name) => name.endsWith(".zst"));
    const early = figuresOf(samples.slice(5, 15)).p50;
    const late = figuresOf(samples.slice(-10)).p50;
    print([
      row(`daemon's memory, ${CROWD} agents writing 1 MiB/s each (RSS)`, "MiB", "–", samples),
      row("– growth from seconds 5–15 to the last 10", "MiB", "≤ 16", [late - early]),
    ]);
    process.stdout.write(`\n${segments.length} segments meanwhile.\n`);
    // On a busy machine it may be gone before its answer has arrived.
    await api.leave({ mode: "end" }).catch(() => undefined);
  } finally {
    daemon.kill("SIGTERM");
    await once(daemon, "exit").catch(() => undefined);
  }
}

function residentMib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) / 1_024;
}

function row(what: string, unit: string, goal: string, sample: readonly number[]): Row {
  return { what, unit, goal, figures: figuresOf(sample) };
}

function print(rows: readonly Row[]): void {
  process.stdout.write(`${tableOf(rows)}\n`);
}

try {
  if (PARTS.includes("writers")) await writers();
  if (PARTS.includes("archives")) await archives();
  if (PARTS.includes("memory")) await memory();
} finally {
  rmSync(root, { recursive: true, force: true });
}
