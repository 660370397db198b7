/**
 * What the page knows, and how it comes to know more. Pure.
 *
 * An overview replaces everything; events follow it by sequence number, each taken once. An event
 * only says that something is different: what it is now, is asked for (`changed`), so that a missed
 * word costs time and never truth. What an agent reports of itself is shown at once.
 */
import type { AgentStatus, AgentView } from "../../../src/contract/agent.ts";
import type { HealthAnswer, Machine, OverviewAnswer } from "../../../src/contract/api.ts";
import type { CorralEvent, EventKind } from "../../../src/contract/events.ts";
import { textIn } from "./facts.ts";

export type Link = "starting" | "live" | "lost" | "signed_out";
export type Task = OverviewAnswer["tasks"][number];

export interface State {
  readonly link: Link;
  /** The last event that is in this state; -1 before the first overview. */
  readonly seq: number;
  readonly health: HealthAnswer | null;
  /** The version that served this page first; another one later asks for a reload. */
  readonly version: string | null;
  readonly machine: Machine | null;
  readonly agents: ReadonlyMap<string, AgentView>;
  readonly agentsLeftOut: number;
  readonly tasks: ReadonlyMap<string, Task>;
  /** The latest, oldest first. */
  readonly events: readonly CorralEvent[];
  readonly alerts: readonly CorralEvent[];
}

/** What must be asked for anew after some events. */
export interface Changed {
  readonly agents: ReadonlySet<string>;
  readonly tasks: boolean;
  readonly health: boolean;
  /** True when events are missing: the daemon no longer has them, and only an overview helps. */
  readonly all: boolean;
}

export const NOTHING: State = {
  link: "starting",
  seq: -1,
  health: null,
  version: null,
  machine: null,
  agents: new Map(),
  agentsLeftOut: 0,
  tasks: new Map(),
  events: [],
  alerts: [],
};

const EVENTS_KEPT = 300;
const ALERTS_KEPT = 100;
const ALERT_KINDS: ReadonlySet<EventKind> = new Set(["alert", "agent.stuck", "stray.released"]);
const TASK_KINDS: ReadonlySet<EventKind> = new Set([
  "task.created",
  "task.closed",
  "agent.starting",
  "agent.settled",
]);

/** Statuses of agents that have not ended. */
const LIVE: Readonly<Record<AgentStatus, boolean>> = {
  queued: true,
  starting: true,
  running: true,
  stopping: true,
  completed: false,
  failed: false,
  killed: false,
  timed_out: false,
  lost: false,
};

export function isLive({ status }: Pick<AgentView, "status">): boolean {
  return LIVE[status];
}

export function withOverview(state: State, answer: OverviewAnswer): State {
  return {
    link: state.link,
    seq: answer.seq,
    health: answer.health,
    version: state.version ?? answer.health.version,
    machine: answer.machine,
    agents: new Map(answer.agents.map((agent) => [agent.agent_id, agent])),
    agentsLeftOut: answer.agents_left_out,
    tasks: tasksById(answer.tasks),
    events: answer.events,
    alerts: answer.alerts,
  };
}

export function withAgents(state: State, agents: readonly AgentView[]): State {
  const next = new Map(state.agents);
  for (const agent of agents) next.set(agent.agent_id, agent);
  return { ...state, agents: next };
}

export function withTasks(state: State, tasks: readonly Task[]): State {
  return { ...state, tasks: tasksById(tasks) };
}

/** Takes what is new of these events, in order; those that were taken before are passed over. */
export function withEvents(
  state: State,
  given: readonly CorralEvent[],
): { readonly state: State; readonly changed: Changed } {
  const fresh = given.filter(({ seq }) => seq > state.seq);
  const [first] = fresh;
  const last = fresh.at(-1);
  if (first === undefined || last === undefined) return { state, changed: UNCHANGED };
  const told = fresh.filter(({ kind }) => ALERT_KINDS.has(kind));
  const named = fresh.flatMap(({ agent_id: id }) => (id === null ? [] : [id]));
  return {
    state: {
      ...state,
      seq: last.seq,
      agents: reportedIn(state.agents, fresh),
      events: [...state.events, ...fresh].slice(-EVENTS_KEPT),
      alerts: told.length === 0 ? state.alerts : [...state.alerts, ...told].slice(-ALERTS_KEPT),
    },
    changed: {
      agents: new Set(named),
      tasks: fresh.some(({ kind }) => TASK_KINDS.has(kind)),
      health: fresh.some(({ kind }) => kind === "daemon.started"),
      all: first.seq > state.seq + 1,
    },
  };
}

const UNCHANGED: Changed = { agents: new Set(), tasks: false, health: false, all: false };

function reportedIn(
  agents: State["agents"],
  events: readonly CorralEvent[],
): ReadonlyMap<string, AgentView> {
  const reports = events.filter(({ kind }) => kind === "agent.progress");
  if (reports.length === 0) return agents;
  const next = new Map(agents);
  for (const { agent_id: id, facts, at } of reports) {
    const agent = id === null ? undefined : next.get(id);
    if (agent !== undefined) next.set(agent.agent_id, { ...agent, reported: reportOf(facts, at) });
  }
  return next;
}

function reportOf(facts: CorralEvent["facts"], at: string): NonNullable<AgentView["reported"]> {
  return {
    status: textIn(facts, "status"),
    message: textIn(facts, "message"),
    progress: Number(textIn(facts, "progress")),
    at,
  };
}

function tasksById(tasks: readonly Task[]): ReadonlyMap<string, Task> {
  return new Map(tasks.map((task) => [task.task_id, task]));
}
