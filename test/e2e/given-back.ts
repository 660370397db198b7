/** What is left of an agent: by its receipt, by its token, and by what the operating system shows. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { expect } from "vitest";
import type { Receipt } from "../../src/contract/agent.ts";
import { AgentsAnswer, LedgerAnswer } from "../../src/contract/api.ts";
import { filesBelow, isMarked, mentions, processes } from "../helpers/os-look.ts";
import type { World } from "../helpers/world.ts";
import { type Deployed, faultOf, receiptOf } from "./support.ts";

/** Status of an MCP call with that bearer token. */
export async function statusWith(world: World, token: string): Promise<number> {
  const { url } = (await world.api("/api/health")).body as { readonly url: string };
  const response = await fetch(`${url}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { name: "late", version: "1.0.0" },
      },
    }),
  });
  await response.text();
  return response.status;
}

/** Kinds that a receipt keeps as archive; everything else must be released. */
const ARCHIVED = new Set([
  "workspace_link",
  "deploy_record",
  "stream_log",
  "stderr_log",
  "progress_log",
  "findings_log",
]);

/**
 * That everything of a settled agent was given back: by its receipt, by its token, and by what the
 * operating system shows.
 */
export async function expectGivenBack(
  world: World,
  client: Client,
  { id, taskId, token, answer }: Deployed,
): Promise<Receipt> {
  const receipt = await receiptOf(world, id);
  expect(receipt).toMatchObject({
    owner: id,
    cleanup: { state: "clean", held: 0, stuck: 0 },
    survivors: [],
  });
  const kinds = receipt.resources.map(({ kind }) => kind);
  expect(kinds).toEqual(
    expect.arrayContaining(["process_set", "runner_process", "token", "temp_dir", "stream_log"]),
  );
  expect(kinds.includes("tmux_session")).toBe(answer.host === "tmux");
  for (const { kind, state, seen, at } of receipt.resources) {
    expect(seen, `${kind}: how it was seen`).toMatch(/\S/);
    expect(at, `${kind}: when`).toMatch(/^\d{4}-.*Z$/);
    expect(ARCHIVED.has(kind) ? ["released", "retained"] : ["released"], kind).toContain(state);
  }

  expect(await statusWith(world, token), "its token is dead").toBe(401);
  const late = { task_id: taskId, agent_id: id, status: "working", message: "One more thing." };
  expect((await faultOf(client, "update_agent_progress", late)).code).toBe("AGENT_ENDED");

  for (const { kind, locator, state } of receipt.resources) {
    if (state === "released" && locator.startsWith("/") && kind !== "process_set") {
      expect(existsSync(locator), `${kind} ${locator}`).toBe(false);
    }
  }
  expect(livingOf(world, id), "no process of it is alive").toEqual([]);
  const set = receipt.resources.find(({ kind }) => kind === "process_set")!;
  const [cgroup = ""] = set.locator.split(", ");
  if (cgroup.startsWith("/")) expect(existsSync(cgroup), cgroup).toBe(false);
  const soft = /RLIMIT_MSGQUEUE (\d+):(\d+)/.exec(set.locator);
  expect(
    processes()
      .filter(({ pid }) => isMarkedBy(pid, soft))
      .map(({ pid }) => pid),
  ).toEqual([]);
  if (answer.tmux_session !== null) {
    expect(sessionsOf(world)).not.toContain(answer.tmux_session);
  }
  return receipt;
}

/** Live processes that name the agent; a daemon and a tmux server (its argv is its first session's) may. */
export function livingOf({ folder }: World, id: string): readonly string[] {
  return processes()
    .filter(({ argv, name }) => argv.at(-1) !== "daemon" && name !== "tmux: server")
    .filter(({ pid }) => mentions(pid, join(folder, "state/agents", id)))
    .map(({ pid, argv }) => `${pid} ${argv.join(" ")}`);
}

function isMarkedBy(pid: number, mark: RegExpExecArray | null): boolean {
  const [, soft, hard] = mark ?? [];
  const limits = soft === undefined ? undefined : readProc(`/proc/${pid}/limits`);
  return new RegExp(`^Max msgqueue size +${soft} +${hard} `, "m").test(limits ?? "");
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // it ended
  }
}

/** Sessions on the world's tmux server; empty when certainly none runs. */
export function sessionsOf({ paths }: World): readonly string[] {
  const words = ["-S", paths.tmuxSocket, "list-sessions", "-F", "#S"];
  const { status, stdout, stderr } = spawnSync("tmux", words, { encoding: "utf8" });
  if (status === 0) return stdout.split("\n").filter(Boolean);
  expect(stderr, "tmux says why there are none").toMatch(
    /no server running|error connecting|no sessions/,
  );
  return [];
}

/** Everything the ledger holds now, as `owner kind locator`. */
export async function held(world: World): Promise<readonly string[]> {
  const { rows } = LedgerAnswer.parse((await world.api("/api/ledger")).body);
  return rows.map(({ owner, kind, locator }) => `${owner} ${kind} ${locator}`).toSorted();
}

/** What the files of running agents take changes by itself. */
function withoutUse(key: string, value: unknown): unknown {
  return key.endsWith("_bytes") ? undefined : value;
}

/** What there is: ledger, tasks, agents, processes, sessions, files. */
export async function everything(world: World, cwd: string): Promise<unknown> {
  const { agents } = AgentsAnswer.parse((await world.api("/api/agents?all=1")).body);
  return {
    held: await held(world),
    tasks: JSON.stringify((await world.api("/api/tasks")).body, withoutUse),
    agents: agents.map(({ agent_id: id, status }) => [id, status]),
    processes: processes()
      .filter(({ pid }) => isMarked(pid) && mentions(pid, world.folder))
      .map(({ pid }) => pid),
    sessions: sessionsOf(world),
    // With a dot: what the daemon tries the file system with, for a moment.
    agentFiles: filesBelow(world.paths.agentsDir).filter((path) => !/\/|^\./.test(path)),
    projects: filesBelow(cwd),
  };
}
