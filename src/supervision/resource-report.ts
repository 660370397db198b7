/** What is held and used now, and by whom: one look, no history. */
import type { AgentId } from "../kernel/ids.ts";
import { agentNotFound, taskNotFound } from "../agents/find.ts";
import type { AgentRecord } from "../agents/record.ts";
import type {
  ResourceReportAnswer,
  ResourceReportInput,
  ResourceUse,
} from "../contract/resource-report.ts";
import { asFault } from "../kernel/fault.ts";
import { isoTime, SECOND_MS } from "../kernel/units.ts";
import { isHeld, type Resource } from "../ledger/resource.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { GroupUse, ProcessUse } from "./meters.ts";
import type { WorldProcess } from "./ports.ts";
import { alertsOf } from "./report-alerts.ts";
import type { Setting } from "./setting.ts";
import { processSetOf } from "./sighting.ts";
import { sumOf, useOf } from "./use.ts";

/** Agents that are named; the sums are over all. */
const AGENTS_NAMED = 20;

interface Scope {
  readonly agents: readonly AgentRecord[];
  readonly rows: readonly Resource[];
  readonly task: TaskRecord | null;
}

interface AgentUse {
  readonly agent: AgentRecord;
  readonly use: ResourceUse;
  readonly groups: GroupUse | null;
}

/**
 * Looks once over the processes, the control groups and the disk, and adds up.
 *
 * @throws {Fault} TASK_NOT_FOUND, AGENT_NOT_FOUND. What cannot be looked at is told as unknown.
 */
export async function resourceReport(
  setting: Setting,
  { scope, id }: ResourceReportInput,
): Promise<ResourceReportAnswer> {
  const { store, clock } = setting;
  const unknown: string[] = [];
  const { agents, rows, task } = scopeOf(setting, scope, id);
  const uses = await usesOf(setting, agents, unknown);
  const daemon = scope === "daemon" ? await daemonUse(setting, unknown) : null;
  const disk = await diskOf(setting, { agents, rows, task }, scope);
  const limits = limitsOf(setting, scope, task, uses);
  const free = setting.meters.fileSystemOf(setting.places.stateDir);
  return {
    scope,
    id: id ?? null,
    at: isoTime(clock.now()),
    held: heldByKind(rows),
    use: sumOf(uses.map(({ use }) => use)),
    daemon,
    disk,
    limits,
    agents: uses
      .toSorted((one, other) => (other.use.memory_bytes ?? 0) - (one.use.memory_bytes ?? 0))
      .slice(0, AGENTS_NAMED)
      .map(({ agent, use }) => ({
        agent_id: agent.id,
        status: agent.status,
        processes: use.processes,
        memory_bytes: use.memory_bytes,
        cpu_ms: use.cpu_ms,
      })),
    alerts: alertsOf({ rows: rows.filter(isHeld), limits, free, live: store.countLive() }),
    unknown,
  };
}

function scopeOf({ store }: Setting, scope: ResourceReportInput["scope"], id = ""): Scope {
  if (scope === "daemon") {
    return { agents: store.unfinishedAgents(), rows: store.heldResources(), task: null };
  }
  if (scope === "agent") {
    const agent = store.agent(id);
    if (agent === null) throw agentNotFound(id);
    return { agents: [agent], rows: store.resourcesOf(id), task: null };
  }
  const task = store.task(id);
  if (task === null) throw taskNotFound(id);
  const agents = store.agentsOf(id);
  const rows = [id, ...agents.map((agent) => agent.id)].flatMap((owner) =>
    store.resourcesOf(owner),
  );
  return { agents, rows, task };
}

/** One look over the whole world serves every agent: it costs the same for one as for hundreds. */
async function usesOf(
  setting: Setting,
  agents: readonly AgentRecord[],
  unknown: string[],
): Promise<readonly AgentUse[]> {
  const { containment, meters, store } = setting;
  const holding = agents.flatMap((agent) => {
    const row = store
      .resourcesOf(agent.id)
      .find((resource) => resource.kind === "process_set" && isHeld(resource));
    return row === undefined ? [] : [{ agent, row }];
  });
  if (holding.length === 0) return [];
  const seen = await attempt(unknown, "processes", () => containment.lookEverywhere());
  if (seen === null) return [];
  const members = holding.map(({ agent }) => membersOf(agent, seen));
  const pids = members.flat().map(({ pid }) => pid);
  const uses = await attempt(unknown, "use of processes", () => meters.ofProcesses(pids));
  return holding.map(({ agent, row }, index) => {
    const set = processSetOf([row]);
    const groups = set === null ? null : attemptNow(unknown, agent.id, () => meters.ofGroups(set));
    const own = (members[index] ?? []).flatMap(({ pid }) => uses?.get(pid) ?? []);
    return { agent, groups, use: useOf(own, groups) };
  });
}

function membersOf(
  { id, slot }: AgentRecord,
  seen: readonly WorldProcess[],
): readonly WorldProcess[] {
  return seen.filter((one) => one.slot === slot || one.cgroupAgentId === id);
}

async function daemonUse({ meters, pid }: Setting, unknown: string[]): Promise<ResourceUse> {
  const none: ReadonlyMap<number, ProcessUse> = new Map();
  const uses = await attempt(unknown, "the daemon itself", () => meters.ofProcesses([pid]));
  return useOf([...(uses ?? none).values()], null);
}

async function diskOf(
  { meters, places, streams }: Setting,
  { agents, task }: Scope,
  scope: ResourceReportInput["scope"],
): Promise<ResourceReportAnswer["disk"]> {
  const paths: readonly { readonly name: string; readonly path: string; readonly id?: AgentId }[] =
    scope === "daemon"
      ? places.named.filter(({ name }) =>
          ["database", "agents", "archives", "workspaces", "log"].includes(name),
        )
      : [
          ...agents.map(({ id, directory: path }) => ({ name: `agent ${id}`, path, id })),
          ...(task === null ? [] : [{ name: "workspace", path: task.workspace }]),
        ];
  const measured: ResourceReportAnswer["disk"] = [];
  for (const { id, name, path } of paths) {
    // What SQLite writes first, and later takes over into its main file, is the database as well.
    const files = name === "database" ? [path, `${path}-wal`, `${path}-shm`] : [path];
    if (id !== undefined) files.push(streams.archiveOf(id));
    const parts = await Promise.all(files.map((file) => meters.diskOf(file)));
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    measured.push({ what: name, bytes, complete: parts.every(({ complete }) => complete) });
  }
  if (scope !== "task") return measured;
  const [workspace, ofAgents] = [measured.slice(agents.length), measured.slice(0, agents.length)];
  const sum = {
    what: "agents",
    bytes: ofAgents.reduce((all, { bytes }) => all + bytes, 0),
    complete: ofAgents.every(({ complete }) => complete),
  };
  return [sum, ...workspace];
}

function limitsOf(
  { store, clock }: Setting,
  scope: ResourceReportInput["scope"],
  task: TaskRecord | null,
  uses: readonly AgentUse[],
): ResourceReportAnswer["limits"] {
  if (task !== null) {
    const all = store.agentsOf(task.id);
    const running = all.filter(({ endedAt }) => endedAt === null).length;
    const agents = { unit: "agents", by: "Corral" };
    return [
      { name: "running", used: running, limit: task.limits.running, ...agents },
      { name: "total", used: all.length, limit: task.limits.total, ...agents },
    ];
  }
  const [first] = uses;
  if (scope !== "agent" || first === undefined) return [];
  const { agent, groups } = first;
  const since = agent.startedAt ?? agent.createdAt;
  const seconds = (ms: number): number => Math.max(0, Math.round(ms / SECOND_MS));
  const group = { by: "control group" };
  return [
    {
      name: "wall_clock",
      used: seconds(clock.now() - since),
      limit: seconds(agent.wallUntil - since),
      unit: "s",
      by: "Corral",
    },
    ...limited("processes", "processes and threads", groups?.tasks, groups?.tasksLimit, group.by),
    ...limited("memory", "bytes", groups?.memoryBytes, groups?.memoryLimitBytes, group.by),
  ];
}

function limited(
  name: string,
  unit: string,
  used: number | null | undefined,
  limit: number | null | undefined,
  by: string,
): ResourceReportAnswer["limits"] {
  return used == null || limit == null ? [] : [{ name, used, limit, unit, by }];
}

function heldByKind(rows: readonly Resource[]): ResourceReportAnswer["held"] {
  const kinds = Map.groupBy(
    rows.filter((row) => isHeld(row) || row.state === "retained"),
    ({ kind }) => kind,
  );
  return [...kinds].map(([kind, ofKind]) => ({
    kind,
    held: ofKind.filter(isHeld).length,
    stuck: ofKind.filter((row) => isHeld(row) && row.attempts > 0).length,
    retained: ofKind.filter(({ state }) => state === "retained").length,
  }));
}

async function attempt<T>(
  unknown: string[],
  what: string,
  look: () => Promise<T>,
): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    unknown.push(`${what}: ${asFault(error).message}`);
    return null;
  }
}

function attemptNow<T>(unknown: string[], what: string, look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    unknown.push(`${what}: ${asFault(error).message}`);
    return null;
  }
}
