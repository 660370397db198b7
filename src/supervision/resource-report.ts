/** What is held and used now, and by whom: one look, no history. */
import { agentNotFound, taskNotFound } from "../agents/find.ts";
import type { AgentRecord } from "../agents/record.ts";
import type {
  ResourceReportAnswer,
  ResourceReportInput,
  ResourceUse,
} from "../contract/resource-report.ts";
import type { DiskFileSystem } from "../contract/disk.ts";
import type { AlertView } from "../contract/alerts.ts";
import type { PortView } from "../contract/sampling.ts";
import { asFault } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { isoTime } from "../kernel/units.ts";
import { isHeld, type Resource } from "../ledger/resource.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { GroupUse, ProcessUse } from "./meters.ts";
import type { WorldProcess } from "./ports.ts";
import { alertsOf, standingTexts } from "./report-alerts.ts";
import { agentLimits, taskLimits } from "./report-limits.ts";
import type { OpenFiles } from "./sampling/ports.ts";
import type { Setting } from "./setting.ts";
import { processSetOf } from "./sighting.ts";
import { sumOf, useOf } from "./use.ts";

/** Agents that are named; the sums are over all. */
const AGENTS_NAMED = 20;
const PORTS_NAMED = 100;

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

/** What others have seen, and saw last. */
export interface ReportAround {
  readonly fileSystems: readonly DiskFileSystem[];
  /** Which of its processes has most files open; null when that was not seen. */
  readonly mostFdsOf: (agentId: AgentId) => OpenFiles | null;
  /** Where an agent's processes listened. */
  readonly portsOf: (agentId: AgentId) => readonly PortView[];
  readonly standing: readonly AlertView[];
}

/**
 * Looks once over the processes, the control groups and the disk, and adds up.
 *
 * @throws {Fault} TASK_NOT_FOUND, AGENT_NOT_FOUND. What cannot be looked at is told as unknown.
 */
export async function resourceReport(
  setting: Setting,
  { scope, id }: ResourceReportInput,
  { fileSystems, mostFdsOf, portsOf, standing }: ReportAround,
): Promise<ResourceReportAnswer> {
  const { clock } = setting;
  const unknown: string[] = [];
  const { agents, rows, task } = scopeOf(setting, scope, id);
  const uses = await usesOf(setting, agents, unknown);
  const daemon = scope === "daemon" ? await daemonUse(setting, unknown) : null;
  const disk = await diskOf(setting, { agents, rows, task }, scope);
  const [first] = uses;
  const ofAgent = scope !== "agent" || first === undefined ? null : first;
  const limits =
    task !== null
      ? taskLimits(setting.store, task)
      : ofAgent === null
        ? []
        : agentLimits(setting.clock.now(), ofAgent, mostFdsOf(ofAgent.agent.id));
  const ports = agents.flatMap((agent) =>
    portsOf(agent.id).map(({ address, pid, port, protocol }) => ({
      agent_id: agent.id,
      protocol,
      address,
      port,
      pid,
    })),
  );
  return {
    scope,
    id: id ?? null,
    at: isoTime(clock.now()),
    held: [...heldByKind(rows), ...heldPorts(ports)],
    ports: ports.slice(0, PORTS_NAMED),
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
    alerts: [
      ...alertsOf({ rows: rows.filter(isHeld), limits, fileSystems }),
      ...standingTexts(
        standing,
        id === undefined ? null : new Set([id, ...agents.map((one) => one.id)]),
      ),
    ],
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

type DiskParts = ResourceReportAnswer["disk"];

/** What agents take is known without a walk; only one that was not looked at yet is added up here. */
async function diskOf(
  setting: Setting,
  { agents, task }: Scope,
  scope: ResourceReportInput["scope"],
): Promise<DiskParts> {
  if (scope === "daemon") return diskOfDaemon(setting);
  const { meters, store } = setting;
  if (task !== null) {
    const complete = agents.every(({ diskBytes }) => diskBytes !== null);
    const workspace = await meters.diskOf(task.workspace);
    return [
      { what: "agents", bytes: store.diskUse(task.id), complete },
      { what: "workspace", ...workspace },
    ];
  }
  const parts = agents.map(async ({ id, directory, diskBytes }) => {
    const seen =
      diskBytes === null ? await meters.diskOf(directory) : { bytes: diskBytes, complete: true };
    return { what: `agent ${id}`, ...seen };
  });
  return Promise.all(parts);
}

async function diskOfDaemon({ ballast, meters, places, store }: Setting): Promise<DiskParts> {
  const archives = store.countArchives({}).bytes;
  const known = (what: string, bytes: number) => ({ what, bytes, complete: true });
  const files = places.named.filter(({ name }) => name === "database" || name === "log");
  const parts = files.map(async ({ name, path }) => {
    // What SQLite writes first, and later takes over into its main file, is the database as well.
    const paths = name === "database" ? [path, `${path}-wal`, `${path}-shm`] : [path];
    const seen = await Promise.all(paths.map((one) => meters.diskOf(one)));
    return {
      what: name,
      bytes: seen.reduce((sum, { bytes }) => sum + bytes, 0),
      complete: seen.every(({ complete }) => complete),
    };
  });
  return [
    ...(await Promise.all(parts)),
    known("agents", Math.max(0, store.diskUse() - archives)),
    known("archives", archives),
    known("ballast", ballast.size()),
  ];
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

/** Several processes may listen on one: it is held once. */
function heldPorts(ports: ResourceReportAnswer["ports"]): ResourceReportAnswer["held"] {
  const held = new Set(ports.map(({ port, protocol }) => `${protocol} ${port}`)).size;
  return held === 0 ? [] : [{ kind: "port", held, stuck: 0, retained: 0 }];
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
