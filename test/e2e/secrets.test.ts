/** One planted secret, and one key by its form: on disk as they were written, on no way out. */
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Client } from "@modelcontextprotocol/client";
import { waitFor } from "../helpers/daemon-process.ts";
import { callTool, makeWorld, type RunningDaemon, type World } from "../helpers/world.ts";
import { deploy, type Deployed, newTask, QUICK, waitCleanOne } from "./support.ts";

/** Known only as the value of a variable. */
const PLANTED = 'xyzzy "plugh" 4711-Ü';
/** Known by its form. */
const KEY = ["sk", "ant", "api03", "aB3dE5gH7jK9mN1pQ2rS4tU6"].join("-");
/** Known by the configuration. */
const OURS = "ACME-1234567";
const ALL = [PLANTED, JSON.stringify(PLANTED).slice(1, -1), encodeURIComponent(PLANTED), KEY, OURS];

/** Prints the secrets in pieces over time, also across a line that ends nowhere, and fails. */
const SCRIPT = `
  printf 'one %s two\\n' "$MY_PASSWORD"
  printf '{"type":"x","text":"sk-a'; sleep 0.2; printf '%s"}\\n' "${KEY.slice(4)}"
  printf 'ours ${OURS}\\n'
  printf 'stderr says %s and ${KEY}\\n' "$MY_PASSWORD" >&2
  while [ ! -e "$GO" ]; do sleep 0.05; done
  printf 'the end %s' "$MY_PASSWORD"
  exit 3`;

let world: World;
let daemon: RunningDaemon;
let client: Client;
let agent: Deployed;
let go: string;

beforeAll(async () => {
  world = await makeWorld();
  daemon = await world.daemon({ ...QUICK, CORRAL_REDACT_PATTERNS: '["ACME-[0-9]+"]' });
  client = await world.mcp();
  go = join(world.folder, "go");
  const { taskId } = await newTask(world, client, { description: `Never say ${KEY} to anybody.` });
  const env = { MY_PASSWORD: PLANTED, GO: go };
  agent = await deploy(world, client, ["/bin/sh", "-c", SCRIPT], { taskId, env });
  const own = { task_id: taskId, agent_id: agent.id };
  await callTool(client, "update_agent_progress", {
    ...own,
    status: "working",
    message: `found ${PLANTED} and ${OURS}`,
  });
  await callTool(client, "report_agent_finding", {
    ...own,
    finding_type: "issue",
    severity: "high",
    message: `the password is ${PLANTED}`,
    data: { [KEY]: [PLANTED, OURS] },
  });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

function expectClean(text: string, holds: string): void {
  expect(text).toContain(holds);
  for (const secret of ALL) expect(text).not.toContain(secret);
}

const tools = (): readonly [string, string, Record<string, unknown>][] => {
  const own = { task_id: agent.taskId, agent_id: agent.id };
  return [
    ["get_real_task_status", "the password is", { task_id: agent.taskId }],
    ["get_task_findings", "the password is", { task_id: agent.taskId }],
    ["wait_for_agents", agent.id, { task_id: agent.taskId, after_seq: 0, timeout_s: 0 }],
    ["search_history", "password", { query: "password" }],
    ["list_tasks", "Never say", {}],
    ["get_agent_output", "one *", own],
    ["get_agent_output", "one *", { ...own, format: "jsonl" }],
    ["get_agent_output", "one *", { ...own, response_format: "compact" }],
    ["get_agent_output", "one *", { ...own, response_format: "summary" }],
    ["get_agent_output", "ours *", { ...own, filter: "o.rs" }],
    ["get_agent_output", "one *", { ...own, max_bytes: 256 }],
  ];
};

describe.for(["while it runs", "after its end", "after a restart of the daemon"])("%s", (when) => {
  beforeAll(async () => {
    if (when === "while it runs") {
      const hasSaidAll = async () =>
        (await rawStream(agent.id, 100_000, "stderr")).includes("stderr says") ? true : undefined;
      await waitFor("all that it says before its end", hasSaidAll);
    }
    if (when === "after its end") {
      writeFileSync(go, "");
      await waitCleanOne(world, agent.id);
    }
    if (when === "after a restart of the daemon") {
      await world.corral(["detach"]);
      daemon = await world.daemon({ ...QUICK, CORRAL_REDACT_PATTERNS: '["ACME-[0-9]+"]' });
      client = await world.mcp();
    }
  });

  test("MCP: no text and no structure holds one", async () => {
    for (const [name, holds, input] of tools()) {
      const { content, structuredContent } = await client.callTool({ name, arguments: input });
      expectClean(content.map((part) => (part as { text: string }).text).join("\n"), holds);
      expectClean(JSON.stringify(structuredContent), holds);
    }
    const { contents } = await client.readResource({ uri: `task://${agent.taskId}/status` });
    expectClean(JSON.stringify(contents), "the password is");
  });

  test("a filter that guesses at a secret is told nothing", async () => {
    for (const filter of ["xyzzy", "sk-ant-a", "xyzz.", "plugh"]) {
      const own = { task_id: agent.taskId, agent_id: agent.id };
      const { output } = await callTool(client, "get_agent_output", { ...own, filter });
      expect(output).toBe("");
    }
  });

  test("HTTP: answers, the raw stream and events", async () => {
    const paths = [`/api/agents?all=1`, `/api/agents/${agent.id}`, `/api/tasks`];
    for (const path of paths) {
      expectClean(JSON.stringify((await world.api(path)).body), agent.taskId);
    }
    expectClean(await rawStream(agent.id, 3), "one ****");
    expectClean(await rawStream(agent.id, 100_000, "stderr"), "stderr says ****");
    expectClean(await eventsUntil("agent.finding"), "the password is");
  });

  test("the command line: raw, rendered, as JSON, and followed", async () => {
    const verbs = [["logs"], ["logs", "--pretty"], ["logs", "--json"], ["logs", "--tail", "9"]];
    for (const verb of verbs) {
      expectClean((await world.corral([...verb, agent.id])).stdout, "one *");
    }
    expectClean((await world.corral(["task", "show", agent.taskId])).stdout, "the password is");
    expectClean((await world.corral(["search", "password"])).stdout, "the password is");
    if (when !== "while it runs") {
      expectClean((await world.corral(["logs", "-f", agent.id])).stdout, "the end *");
    }
  });

  test("a stream of stars is as long as what lies on disk, line by line", async () => {
    const disk = readFileSync(join(agent.answer.workspace, "stream.jsonl"));
    const shown = Buffer.from(await rawStream(agent.id, 7), "utf8");
    const lengths = (bytes: Buffer) =>
      bytes
        .toString("latin1")
        .split("\n")
        .map((line) => line.length);
    expect(lengths(shown).slice(0, 3)).toEqual(lengths(disk).slice(0, 3));
    expect(disk.toString()).toContain(PLANTED);
    expect(disk.toString()).toContain(KEY);
  });
});

test("reasons, stderr and receipts hold none", async () => {
  const own = { task_id: agent.taskId, agent_id: agent.id };
  const { stderr } = await callTool(client, "get_agent_output", own);
  expectClean(String(stderr), "stderr says");
  const status = await callTool(client, "get_real_task_status", { task_id: agent.taskId });
  expectClean(String(status.agents[0]?.reason), "stderr says");
  const killed = await client.callTool({ name: "kill_real_agent", arguments: own });
  expectClean(JSON.stringify(killed.structuredContent), "receipt");
});

test("what a caller sends in the wrong place is not repeated", async () => {
  const wrong = { task_id: agent.taskId, agent_type: KEY, prompt: 7 };
  const { content } = await client.callTool({ name: "deploy_headless_agent", arguments: wrong });
  expectClean(JSON.stringify(content), "INPUT_INVALID");
  const { stderr, stdout } = await world.corral(["task", "show", KEY, "--json"]);
  expectClean(stderr + stdout, "TASK_NOT_FOUND");
});

test("the daemon's log holds none", async () => {
  writeFileSync(world.paths.configFile, JSON.stringify({ host: `${KEY} ${OURS}` }));
  process.kill(daemon.pid, "SIGHUP");
  await waitFor("the refusal", () =>
    daemon.output().includes("configuration.refused") ? true : undefined,
  );
  expectClean(daemon.output(), "configuration.refused");
  writeFileSync(world.paths.configFile, "{}");
});

test("an agent that fails tells its stderr without them", async () => {
  const script = `printf 'cannot start: %s ${KEY}\\n' "$MY_PASSWORD" >&2; exit 9`;
  const failed = await deploy(world, client, ["/bin/sh", "-c", script], {
    env: { MY_PASSWORD: PLANTED },
  });
  const { reason } = await waitCleanOne(world, failed.id);
  expectClean(String(reason), "cannot start:");
});

test("what lies on disk is as it was said", () => {
  const database = readFileSync(world.paths.database, "latin1") + wal();
  expect(database).toContain("the password is xyzzy");
  // Of the variable's value itself only fingerprints are kept: it is there where it was said, and nowhere else.
  const lone = JSON.stringify({ MY_PASSWORD: PLANTED });
  expect(database).not.toContain(lone);
});

function wal(): string {
  try {
    return readFileSync(`${world.paths.database}-wal`, "latin1");
  } catch {
    return "";
  }
}

/** The raw stream in steps of so many bytes, each a request of its own, as far as it is now. */
async function rawStream(id: string, step: number, stream = "stdout"): Promise<string> {
  const parts: Buffer[] = [];
  for (let from = 0; ;) {
    const query = `from=${from}&max=${step}&stream=${stream}`;
    const { body } = await world.api(`/api/agents/${id}/stream?${query}`);
    const { data, next } = body as { readonly data: string; readonly next: number };
    if (next === from) return Buffer.concat(parts).toString("utf8");
    parts.push(Buffer.from(data, "base64"));
    from = next;
  }
}

/** The event stream from its beginning until an event of that kind has come. */
function eventsUntil(kind: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: world.paths.socket, path: "/api/events?after=0" });
    let text = "";
    asked.on("error", reject);
    asked.on("response", (response) => {
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
        if (!new RegExp(`event: ${kind}\\n.*\\n\\n`).test(text)) return;
        resolve(text);
        asked.destroy();
      });
      response.on("error", () => undefined);
    });
    asked.end();
  });
}
