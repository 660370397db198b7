/** States to look at. */
import type { AgentView } from "../../../../src/contract/agent.ts";
import type { AlertView } from "../../../../src/contract/alerts.ts";
import type { OverviewAnswer } from "../../../../src/contract/api.ts";
import { SERIES, type SampleView } from "../../../../src/contract/sampling.ts";
import { settled } from "../../../../src/surface/cli/top/keys.ts";
import type { TopState } from "../../../../src/surface/cli/top/model.ts";
import { begin } from "../../../../src/surface/cli/top/take.ts";
import { anAgent, HEALTH } from "../fake-ports.ts";

export const NOW = Date.parse("2026-01-01T00:10:00.000Z");

export function overviewOf(agents: readonly AgentView[]): OverviewAnswer {
  return {
    seq: 7,
    health: HEALTH,
    machine: {
      cores: 2,
      load: 1.5,
      memory_bytes: 8 * 1_024 ** 3,
      memory_free_bytes: 4 * 1_024 ** 3,
      disk_bytes: 100,
      disk_free_bytes: 50,
      daemon_bytes: 60 * 1_024 ** 2,
    },
    tasks: [],
    agents: [...agents],
    agents_left_out: 0,
    events: [],
    alerts: [],
  };
}

/** A view of these agents, by name, on a terminal of that size. */
export function stateOf(
  agents: readonly AgentView[],
  size: TopState["size"] = { columns: 120, rows: 24 },
): TopState {
  const overview = overviewOf(agents);
  return settled(begin({ overview, size, now: NOW, taskId: null, sort: "agent", shown: "live" }));
}

/** One that has ended and holds nothing. */
export function ended(agentId: string): AgentView {
  return {
    ...anAgent(agentId),
    status: "failed",
    reason: "exited with code 1",
    ended_at: "2026-01-01T00:05:00.000Z",
    cleanup: { state: "clean", held: 0, stuck: 0 },
  };
}

/** A sample of which nothing is told. */
export const NOTHING = Object.fromEntries(SERIES.map((name) => [name, null])) as SampleView;

/** An alert that says so. */
export function anAlert(evidence: string): AlertView {
  return {
    id: 1,
    rule: "agent_silent",
    severity: "warning",
    subject: { kind: "agent", id: "a-1" },
    since: "2026-01-01T00:05:00.000Z",
    raised_at: "2026-01-01T00:05:00.000Z",
    cleared_at: null,
    evidence,
    next_step: "Look at its output.",
  };
}
