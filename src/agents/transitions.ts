/**
 * Which status may follow which.
 *
 *   queued    a place is free → starting; refused, cancelled or its time is up before it ran
 *   starting  its process was seen → running; one that was over before we looked settles from here
 *   running   asked to end → stopping; ended by itself → settled
 *   stopping  only ever towards an end
 *   settled   never leaves: the first cause stands, and a late report revives nothing
 */
import { AGENT_STATUSES, type AgentStatus } from "../contract/agent.ts";

const ENDS = ["completed", "failed", "killed", "timed_out", "lost"] as const;

const FOLLOWERS = {
  queued: ["starting", "stopping", "failed", "killed", "timed_out", "lost"],
  starting: ["running", "stopping", ...ENDS],
  running: ["stopping", ...ENDS],
  stopping: ENDS,
  completed: [],
  failed: [],
  killed: [],
  timed_out: [],
  lost: [],
} as const satisfies Record<AgentStatus, readonly AgentStatus[]>;

/** The statuses that may follow; empty for a settled agent. */
export function followersOf(status: AgentStatus): readonly AgentStatus[] {
  return FOLLOWERS[status];
}

/**
 * True when an agent in `from` may become `to`. Staying is not a change: it answers false,
 * so a writer that repeats itself writes nothing.
 */
export function mayFollow(from: AgentStatus, to: AgentStatus): boolean {
  return followersOf(from).includes(to);
}

/** The statuses from which `to` may be reached, for a store's `UPDATE … WHERE status IN`. */
export function precursorsOf(to: AgentStatus): readonly AgentStatus[] {
  return AGENT_STATUSES.filter((from) => mayFollow(from, to));
}
