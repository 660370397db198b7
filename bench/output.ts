/**
 * Reading output and asking a full store, beside the tools that one would use by hand.
 *
 *   node bench/output.ts [rounds] [megabytes] [parts: output,store]
 *
 * Everything it makes lies in a temporary folder, which it removes. Each row of a pair is measured in
 * turn with the other, so that noise of the machine meets both.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { streamReader } from "../src/adapters/output/stream-files.ts";
import { threadLineMatcher } from "../src/adapters/regex/line-matcher.ts";
import { openStore } from "../src/adapters/sqlite/store.ts";
import { DatabaseSync } from "node:sqlite";
import type { AgentRecord } from "../src/agents/record.ts";
import { AgentOutputInput } from "../src/contract/tools.ts";
import type { LineMatcher } from "../src/output/ports.ts";
import { harnessNamed } from "../src/harness/registry.ts";
import { MIB } from "../src/kernel/units.ts";
import { secretsKnownBy } from "../src/output/redact.ts";
import { listTasks, searchHistory, taskFindings } from "../src/supervision/history-tools.ts";
import { taskStatusView } from "../src/supervision/views.ts";
import { figuresOf, type Row, tableOf } from "./figures.ts";

const ROUNDS = Number(process.argv[2] ?? 5);
const BYTES = Number(process.argv[3] ?? 1_024) * MIB;
const PARTS = (process.argv[4] ?? "output,store").split(",");
const folder = mkdtempSync(join(tmpdir(), "corral-bench-"));
const rows: Row[] = [];

try {
  if (PARTS.includes("output")) await measureOutput();
  if (PARTS.includes("store")) measureStore();
  process.stdout.write(`${tableOf(rows)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}

/** Lines as Claude Code prints them; one in 35 000 names a missing file. */
function writeStream(path: string): void {
  const file = openSync(path, "w");
  let line = 0;
  for (let written = 0; written < BYTES;) {
    let chunk = "";
    while (chunk.length < 4 * MIB) {
      line += 1;
      chunk += `${lineOf(line)}\n`;
    }
    written += writeSync(file, chunk);
  }
  closeSync(file);
}

function lineOf(line: number): string {
  const content = (block: object) => ({
    message: { content: [block] },
    uuid: (line * 2_654_435_761) % 2 ** 32,
  });
  if (line % 7 === 0) {
    const input = { command: `npm run test -- --filter case-${line}` };
    return JSON.stringify({
      type: "assistant",
      ...content({ type: "tool_use", id: `t${line}`, name: "Bash", input }),
    });
  }
  if (line % 7 === 1) {
    const failed =
      line % 35_008 === 1 ? "ENOENT: no such file or directory, open 'needle.json'" : "";
    const text = `PASS src/output/lines.test.ts (${line % 97} ms)\nTests: ${line % 31} passed${failed}`;
    return JSON.stringify({
      type: "user",
      ...content({ type: "tool_result", tool_use_id: `t${line - 1}`, content: text }),
    });
  }
  const text = `Looking at step ${line}: the reader goes on where it stopped, with ${(line * 13) % 4_099} bytes left.`;
  return JSON.stringify({ type: "assistant", ...content({ type: "text", text }) });
}

async function measureOutput(): Promise<void> {
  const directory = join(folder, "agent");
  mkdirSync(directory);
  const path = join(directory, "stream.jsonl");
  writeStream(path);
  const agent = {
    id: "a",
    directory,
    harness: "claude",
    status: "running",
    endedAt: null,
  } as AgentRecord;
  const secrets = secretsKnownBy((bytes) => createHash("sha256").update(bytes).digest("hex"));
  secrets.know(
    secrets.unknownAmong({
      A_SECRET: "correct-horse-battery-staple",
      B_TOKEN: "another-secret-value",
    }),
  );
  const readerWith = (matcher: LineMatcher) =>
    streamReader(harnessNamed, matcher, () => join(folder, "none"), secrets);
  const matcher = threadLineMatcher();
  const warm = readerWith(matcher);
  const ask =
    (input: object, reader = warm) =>
    async (): Promise<void> => {
      const { output } = await reader.read(
        agent,
        AgentOutputInput.parse({ task_id: "t", agent_id: "a", ...input }),
      );
      if (output.length === 0) throw new Error(`nothing was found by ${JSON.stringify(input)}`);
    };
  const tool =
    (program: string, ...argv: string[]) =>
    (): void => {
      execFileSync(program, argv, { stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1_024 * MIB });
    };
  const sh = (script: string) => tool("sh", "-c", script);
  const size = `${Math.round(BYTES / MIB / 102.4) / 10} GiB`;

  await together(`tail 20 lines of ${size}`, "p50 ≤ 5", 40, {
    "get_agent_output tail": ask({ tail: 20 }),
    "get_agent_output recent": ask({ response_format: "recent" }),
    "tail -n 20": tool("tail", "-n", "20", path),
  });
  const patterns: Readonly<Record<string, string>> = {
    "a text": "needle.json",
    "a text of common letters": "such file or directory",
    "a pattern with a text": "ENO\\w+: no such",
    alternatives: "ENOENT|panicked|segfault",
    "a pattern without any": "\\d{4}ms|[A-Z]{6}: ",
  };
  for (const [name, pattern] of Object.entries(patterns)) {
    await together(`all lines of ${size} with ${name}`, "≤ 2 × rg", ROUNDS, {
      "get_agent_output filter": ask({ filter: pattern }),
      rg: tool("rg", "--no-config", "--text", pattern, path),
      "grep -P": sh(`grep -P -- '${pattern}' '${path}' | cat`),
    });
  }
  await together(`the first filter for half a minute: ${size} with a text`, "–", ROUNDS, {
    "get_agent_output filter, its threads start": async () => {
      const cold = threadLineMatcher();
      await ask({ filter: "needle.json" }, readerWith(cold))();
      await cold.close();
    },
    rg: tool("rg", "--no-config", "--text", "needle.json", path),
  });
  await together(`the last 20 of ${size} with a text`, "–", ROUNDS, {
    "get_agent_output filter + tail": ask({ filter: "needle.json", tail: 20 }),
    "rg | tail": sh(`rg --no-config --text needle.json '${path}' | tail -n 20`),
  });
  await together(`a summary of the first 64 MiB and the end`, "–", 2, {
    "get_agent_output summary": ask({ response_format: "summary" }),
    "jq: tool calls by name, 64 MiB": sh(
      `head -c 67108864 '${path}' | jq -Rr 'fromjson? | .message.content[]? | select(.type=="tool_use") | .name' | sort | uniq -c`,
    ),
  });
  await matcher.close();
}

/** 100 000 agents on 2 201 tasks, one of them with 1 000; reports and findings of all. */
function measureStore(): void {
  const path = join(folder, "corral.db");
  const clock = { now: () => 1_700_000_000_000 };
  const chance = { hex: (bytes: number) => "0123456789abcdef".repeat(bytes).slice(0, bytes * 2) };
  openStore(path, clock, chance).close();
  fill(path);
  const store = openStore(path, clock, chance);
  const json = (work: () => unknown) => () => void JSON.stringify(work());
  const cases: Readonly<Record<string, { readonly goal: string; readonly work: () => void }>> = {
    "list_tasks, 50 of 2 201": {
      goal: "p50 ≤ 5",
      work: json(() => listTasks(store, { status: "open", limit: 50 })),
    },
    "get_real_task_status, 1 000 agents (200 listed)": {
      goal: "p50 ≤ 5",
      work: json(() => taskStatusView(store, store.task("T0")!)),
    },
    "get_real_task_status, all 1 000 listed": {
      goal: "–",
      work: json(() => taskStatusView(store, store.task("T0")!, 1_000)),
    },
    "get_task_findings, 50 of 1 000": {
      goal: "–",
      work: json(() => taskFindings(store, { task_id: "T0", limit: 50 })),
    },
    "search_history, a rare word": {
      goal: "–",
      work: json(() => searchHistory(store, { query: "quagga", limit: 20 })),
    },
    "search_history, a word in every record": {
      goal: "–",
      work: json(() => searchHistory(store, { query: "step", limit: 20 })),
    },
  };
  for (const [what, { goal, work }] of Object.entries(cases)) {
    for (let warm = 0; warm < 5; warm += 1) work();
    const sample = Array.from({ length: 50 }, () => timed(work));
    rows.push({ what: `100 000 agents: ${what}`, unit: "ms", goal, figures: figuresOf(sample) });
  }
  store.close();
}

function fill(path: string): void {
  const raw = new DatabaseSync(path);
  raw.exec("PRAGMA synchronous = OFF; BEGIN");
  const task = raw.prepare(
    `INSERT INTO tasks (id, description, priority, workspace, limits, context, created_at) VALUES (?, ?, 'P2', '/w', ?, ?, ?)`,
  );
  const limits = JSON.stringify({ running: 20, total: 45, depth: 5 });
  const context = JSON.stringify({
    background: null,
    deliverables: [],
    criteria: [],
    constraints: [],
    files: [],
    history: [],
  });
  const agent = raw.prepare(
    `INSERT INTO agents (id, task_id, type, harness, permission, parent, depth, slot, status, host, session, containment,
       directory, cwd, created_at, started_at, ended_at, wall_until, reported, reason, usage)
     VALUES (?, ?, 'worker', 'claude', 'default', 'orchestrator', 1, 0, ?, 'tmux', ?, 'cgroup2+watermark', ?, '/p', ?, ?, ?, 1, ?, ?, ?)`,
  );
  const resource = raw.prepare(
    `INSERT INTO resources (owner, kind, locator, retain, state, created_at, changed_at) VALUES (?, ?, ?, 0, ?, 1, 1)`,
  );
  const finding = raw.prepare(
    `INSERT INTO findings (task_id, agent_id, finding_type, severity, message, at) VALUES (?, ?, 'issue', 'low', ?, ?)`,
  );
  const reported = JSON.stringify({
    status: "completed",
    message: "Everything was done and checked.",
    progress: 100,
    at: 5,
  });
  const usage = JSON.stringify({ input_tokens: 1, output_tokens: 2, cost_usd: 0.1, turns: 3 });
  const AGENTS = 100_000;
  const BIG = 1_000;
  const EACH = 45;
  const taskOf = (index: number): number =>
    index < BIG ? 0 : 1 + Math.floor((index - BIG) / EACH);
  for (let index = 0; index <= taskOf(AGENTS - 1); index += 1) {
    task.run(`T${index}`, `Task number ${index} of many.`, limits, context, index);
  }
  for (let index = 0; index < AGENTS; index += 1) {
    const [id, taskId] = [`worker-${index}`, `T${taskOf(index)}`];
    const isLive = index >= AGENTS - 200 || (index < BIG && index % 50 === 0);
    agent.run(
      id,
      taskId,
      isLive ? "running" : "completed",
      `agent_${id}`,
      `/a/${id}`,
      index,
      index,
      isLive ? null : index + 1,
      reported,
      "completed",
      usage,
    );
    for (const kind of ["stream_log", "process_set", "token", "tmux_session"]) {
      resource.run(id, kind, `${kind} of ${id}`, isLive ? "held" : "released");
    }
    finding.run(
      taskId,
      id,
      `At step ${index} ${index % 25_000 === 7 ? "a quagga" : "something"} was found.`,
      index,
    );
  }
  raw.exec("COMMIT; PRAGMA optimize");
  raw.close();
}

/** Measures several ways to one answer, each once a round; the first is ours and gets the ratio to each other. */
async function together(
  what: string,
  goal: string,
  rounds: number,
  ways: Readonly<Record<string, () => unknown>>,
): Promise<void> {
  const samples = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
  const cpu = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
  for (const way of Object.values(ways)) await way();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const before = processorMs();
      const begin = performance.now();
      await way();
      samples.get(name)!.push(performance.now() - begin);
      cpu.get(name)!.push(processorMs() - before);
    }
  }
  const [[ours, own = []] = ["", []], ...others] = samples;
  const p50 = figuresOf(own).p50;
  const p50Cpu = figuresOf(cpu.get(ours) ?? []).p50;
  rows.push({ what: `${what}: **${ours}**`, unit: "ms", goal, figures: figuresOf(own) });
  for (const [name, sample] of others) {
    const figures = figuresOf(sample);
    const processor = (p50Cpu / figuresOf(cpu.get(name) ?? []).p50).toFixed(2);
    const ratio = `ours is ${(p50 / figures.p50).toFixed(2)} × (${processor} × in processor time)`;
    rows.push({ what: `– ${name}`, unit: "ms", goal: ratio, figures });
  }
}

/** Of this process with its threads, and of the programs it has run: says the same on a busy machine. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  // cutime and cstime, in clock ticks of 10 ms.
  return (user + system) / 1_000 + (Number(fields[13]) + Number(fields[14])) * 10;
}

function timed(work: () => void): number {
  const begin = performance.now();
  work();
  return performance.now() - begin;
}
