/** What comes from the daemon, taken into what is shown. Pure. */
import type { AgentView } from "../../../contract/agent.ts";
import type { HealthAnswer, Machine, OverviewAnswer } from "../../../contract/api.ts";
import type { CorralEvent } from "../../../contract/events.ts";
import { hasEnded } from "../views.ts";
import { NO_OUTPUT } from "./model.ts";
import type { Shown, TopState, Use } from "./model.ts";
import type { ColumnName } from "./columns.ts";

export interface Beginning {
  readonly overview: OverviewAnswer;
  readonly size: TopState["size"];
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly taskId: string | null;
  readonly sort: ColumnName;
  readonly shown: Shown;
}

/** The first state: what the daemon says of one moment. */
export function begin({ overview, size, now, taskId, sort, shown }: Beginning): TopState {
  return {
    size,
    now,
    seq: overview.seq,
    link: "live",
    health: overview.health,
    machine: overview.machine,
    agents: byId(overview.agents),
    use: new Map(),
    alerts: [],
    taskId,
    sort: { column: sort, isReversed: false },
    shown,
    filter: "",
    chosen: null,
    from: 0,
    pane: null,
    isPaneFocused: false,
    behind: 0,
    output: NO_OUTPUT,
    mode: { kind: "table" },
    notice: null,
    stopping: new Set(),
  };
}

/** One look of the daemon at what lives; agents that are in no look stay as they are. */
export interface Look {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly agents: readonly AgentView[];
  readonly health: HealthAnswer;
  readonly machine: Machine;
  readonly use: ReadonlyMap<string, Use>;
}

export function withLook(state: TopState, look: Look): TopState {
  const { health, machine, use } = look;
  return {
    ...withAgents(state, look.agents, look.at),
    link: "live",
    health,
    machine,
    use,
  };
}

/** Agents as they are now; those that are not named stay as they are. */
export function withAgents(
  state: TopState,
  agents: readonly AgentView[],
  now = state.now,
): TopState {
  return { ...state, now, agents: bounded(new Map([...state.agents, ...byId(agents)])) };
}

/** A view that is left open for weeks keeps so many that have ended, and looks for what to drop at twice that. */
const ENDED_MOST = 2_000;

/** Without the oldest of those that have ended and hold nothing, when there are many. */
function bounded(agents: ReadonlyMap<string, AgentView>): ReadonlyMap<string, AgentView> {
  if (agents.size <= ENDED_MOST * 2) return agents;
  const ended = [...agents.values()]
    .filter((agent) => hasEnded(agent) && agent.cleanup.held === 0)
    .toSorted((a, b) => (a.ended_at ?? "").localeCompare(b.ended_at ?? ""));
  const dropped = new Set(ended.slice(0, -ENDED_MOST).map(({ agent_id: id }) => id));
  return new Map([...agents].filter(([id]) => !dropped.has(id)));
}

/**
 * Events in their order, each once.
 *
 * @returns the state, and the agents to ask about: an event says that something is different, not
 *          what it is now. `isGap` when events between are missing: everything is to be asked anew.
 */
export function withEvents(
  state: TopState,
  events: readonly CorralEvent[],
): { readonly state: TopState; readonly named: ReadonlySet<string>; readonly isGap: boolean } {
  const fresh = events.filter(({ seq }) => seq > state.seq);
  const named = fresh.flatMap(({ agent_id: id }) => (id === null ? [] : [id]));
  const first = fresh[0];
  return {
    state: { ...state, seq: fresh.at(-1)?.seq ?? state.seq },
    named: new Set(named),
    isGap: first !== undefined && first.seq > state.seq + 1,
  };
}

/** A line that is kept beside those before it; no more than so many, the oldest go. */
const LINES_MOST = 2_000;

/** More of the chosen agent's output. @param lines  Plain text. */
export function withLines(state: TopState, agentId: string, lines: readonly string[]): TopState {
  if (state.output.agentId !== agentId) return state;
  const all = [...state.output.lines, ...lines].slice(-LINES_MOST);
  return { ...state, output: { ...state.output, lines: all } };
}

function byId(agents: readonly AgentView[]): ReadonlyMap<string, AgentView> {
  return new Map(agents.map((agent) => [agent.agent_id, agent]));
}
