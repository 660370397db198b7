/** The API client: one typed method per route of src/contract/api.ts. */
import {
  AgentsAnswer,
  DoctorAnswer,
  HealthAnswer,
  LeaveAnswer,
  LedgerAnswer,
  LoginAnswer,
  Machine,
  OverviewAnswer,
  ResourceAnswer,
  StreamAnswer,
  SweepAnswer,
  TasksAnswer,
  WaitAnswer,
} from "../../contract/api.ts";
import {
  ArchiveAnswer,
  ArchivesAnswer,
  ExportAnswer,
  PruneAnswer,
} from "../../contract/archive.ts";
import { AgentView, Receipt } from "../../contract/agent.ts";
import { SamplesAnswer } from "../../contract/sampling.ts";
import { QuotaResetAnswer } from "../../contract/quota.ts";
import { TOOLS } from "../../contract/tools.ts";
import type { ToolAnswer, ToolName } from "../../contract/tools.ts";
import { Fault } from "../../kernel/fault.ts";
import type { ApiClient } from "../../contract/client.ts";
import { exchange, readText } from "./connection.ts";
import type { DaemonAddress, Exchange } from "./connection.ts";
import { AlertsAnswer } from "../../contract/alerts.ts";
import { followEvents } from "./events.ts";

export type { DaemonAddress } from "./connection.ts";

/** The part of a contract schema that reading an answer needs. */
interface Schema<T> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: Error };
}

/**
 * A client of the daemon at an address. Holds no connection; needs no closing.
 * See {@link ApiClient} for what its methods promise.
 */
export function apiClient(address: DaemonAddress): ApiClient {
  const get = <T>(path: string, schema: Schema<T>) => ask(address, { method: "GET", path }, schema);
  const post = <T>(path: string, body: unknown, schema: Schema<T>, signal?: AbortSignal) =>
    ask(
      address,
      { method: "POST", path, body, ...(signal === undefined ? {} : { signal }) },
      schema,
    );
  return {
    health: () => get("/api/health", HealthAnswer),
    overview: () => get("/api/overview", OverviewAnswer),
    machine: () => get("/api/machine", Machine),
    samples: () => get("/api/samples", SamplesAnswer),
    tool: async <N extends ToolName>(name: N, input: unknown) =>
      // The table's type forgets which answer belongs to which name.
      (await post<unknown>(`/api/tools/${name}`, input, TOOLS[name].output)) as ToolAnswer<N>,
    tasks: (filter = {}) => get(`/api/tasks${query(filter)}`, TasksAnswer),
    agents: ({ taskId, all, prefix, limit, ids } = {}) =>
      get(
        `/api/agents${query({ task_id: taskId, all: all === true ? 1 : undefined, prefix, limit, ids: ids?.join(",") })}`,
        AgentsAnswer,
      ),
    agent: (agentId) => get(`/api/agents/${segment(agentId)}`, AgentView),
    receipt: (agentId) => get(`/api/agents/${segment(agentId)}/receipt`, Receipt),
    stream: (agentId, { from, maxBytes, stream, since } = {}) =>
      get(
        `/api/agents/${segment(agentId)}/stream${query({ from, max: maxBytes, stream, since })}`,
        StreamAnswer,
      ),
    ledger: ({ owner, all } = {}) =>
      get(`/api/ledger${query({ owner, all: all === true ? 1 : undefined })}`, LedgerAnswer),
    alerts: () => get("/api/alerts", AlertsAnswer),
    wait: (input, signal) => post("/api/wait", input, WaitAnswer, signal),
    resource: (uri) => get(`/api/resource${query({ uri })}`, ResourceAnswer),
    sweep: (input) => post("/api/sweep", input, SweepAnswer),
    archives: ({ taskId } = {}) =>
      get(`/api/archives${query({ task_id: taskId })}`, ArchivesAnswer),
    archive: (agentId) => get(`/api/archives/${segment(agentId)}`, ArchiveAnswer),
    exportArchive: (agentId, input) =>
      post(`/api/archives/${segment(agentId)}/export`, input, ExportAnswer),
    pruneArchives: (input) => post("/api/archives/prune", input, PruneAnswer),
    doctor: () => get("/api/doctor", DoctorAnswer),
    resetQuota: (input) => post("/api/quota/reset", input, QuotaResetAnswer),
    leave: (input) => post("/api/leave", input, LeaveAnswer),
    login: () => post("/api/login", {}, LoginAnswer),
    events: (after, signal, more) => followEvents(address, after, signal, more?.looksOn ?? false),
  };
}

async function ask<T>(address: DaemonAddress, call: Exchange, schema: Schema<T>): Promise<T> {
  const text = await readText(await exchange(address, call));
  const parsed = schema.safeParse(jsonIn(text));
  if (parsed.success) return parsed.data;
  throw new Fault("INTERNAL", `The daemon's answer to ${call.method} ${call.path} is not ours.`, {
    hint: 'Run "corral detach" and "corral up", so that both are the same version.',
    details: { problem: parsed.error.message.slice(0, 500) },
  });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An id as one path segment. `.` and `..` keep their meaning: the daemon never resolves them. */
function segment(id: string): string {
  return encodeURIComponent(id);
}

function query(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) given.set(name, String(value));
  }
  return given.size === 0 ? "" : `?${given.toString()}`;
}
