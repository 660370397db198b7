/** The numbers of this moment, and what was counted since the daemon's start: what metrics are made of. */
import type { AlertsAnswer } from "../contract/alerts.ts";
import type { DiskFileSystem } from "../contract/disk.ts";
import type { CorralEvent } from "../contract/events.ts";
import type { SamplesAnswer } from "../contract/sampling.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { Alerts } from "./alerts/alerts.ts";
import { usedTogether } from "./alerts/together.ts";
import type { GroupUse } from "./meters.ts";
import type { ToolCall } from "./observed.ts";
import type { OwnUse } from "./sampling/ports.ts";
import type { Sampler } from "./sampling/sampler.ts";
import type { Setting } from "./setting.ts";

/** Agents that have numbers of their own; the sums are over all. */
const AGENTS_MOST = 500;

/** Counted since the daemon's start; the names are few and fixed. */
export interface Counts {
  /** Events by kind. */
  readonly events: ReadonlyMap<string, number>;
  /** Agents that ended, by status. */
  readonly settled: ReadonlyMap<string, number>;
  /** Tool calls by name and outcome: `ok`, `refused` (a fault), `bug`. */
  readonly calls: ReadonlyMap<
    string,
    {
      readonly tool: string;
      readonly outcome: string;
      readonly count: number;
      readonly seconds: number;
    }
  >;
}

export interface Counting extends Counts {
  onEvent(event: CorralEvent): void;
  onCall(call: ToolCall): void;
}

export function counting(): Counting {
  const events = new Map<string, number>();
  const settled = new Map<string, number>();
  const calls = new Map<
    string,
    { tool: string; outcome: string; count: number; seconds: number }
  >();
  const add = (map: Map<string, number>, name: string): void =>
    void map.set(name, (map.get(name) ?? 0) + 1);
  return {
    events,
    settled,
    calls,
    onEvent({ facts, kind }) {
      add(events, kind);
      const { status } = facts;
      if (kind === "agent.settled" && typeof status === "string") add(settled, status);
    },
    onCall({ endedAt, fault, name: tool, startedAt }) {
      const outcome = fault === null ? "ok" : fault === "INTERNAL" ? "bug" : "refused";
      const key = `${tool} ${outcome}`;
      const before = calls.get(key) ?? { tool, outcome, count: 0, seconds: 0 };
      const seconds = before.seconds + Math.max(0, endedAt - startedAt) / SECOND_MS;
      calls.set(key, { tool, outcome, count: before.count + 1, seconds });
    },
  };
}

export interface Figures {
  readonly version: string;
  readonly startedAt: EpochMs;
  readonly own: OwnUse;
  /** What all agents may use together; null where nothing limits it. */
  readonly together: GroupUse | null;
  /** Agents that have not ended, by status. */
  readonly live: ReadonlyMap<string, number>;
  readonly held: number;
  /** Owners of something whose release failed. */
  readonly stuck: number;
  readonly standing: AlertsAnswer["standing"];
  readonly notices: AlertsAnswer["deliveries"];
  readonly sampling: ReturnType<Sampler["cost"]>;
  readonly all: SamplesAnswer["all"];
  readonly agents: SamplesAnswer["agents"];
  readonly agentsLeftOut: number;
  readonly fileSystems: readonly DiskFileSystem[];
  readonly counts: Counts;
}

export interface FigureParts {
  readonly startedAt: EpochMs;
  readonly sampler: Pick<Sampler, "samples" | "cost">;
  readonly alerts: Pick<Alerts, "answer">;
  readonly fileSystems: readonly DiskFileSystem[];
  readonly counts: Counts;
}

/** What is known; looks at nothing but the daemon's own process. */
export function figuresNow(
  { sampleMeters, store, version }: Setting,
  { alerts, counts, fileSystems, sampler, startedAt }: FigureParts,
): Figures {
  const live = new Map<string, number>();
  for (const { endedAt, status } of store.unfinishedAgents()) {
    if (endedAt === null) live.set(status, (live.get(status) ?? 0) + 1);
  }
  const { agents, all } = sampler.samples();
  const { deliveries, standing } = alerts.answer();
  return {
    version,
    startedAt,
    own: sampleMeters.own(),
    together: usedTogether({ sampleMeters, store }),
    live,
    held: store.countHeld(),
    stuck: store.stuckOwners().length,
    standing,
    notices: deliveries,
    sampling: sampler.cost(),
    all,
    agents: agents.slice(0, AGENTS_MOST),
    agentsLeftOut: Math.max(0, agents.length - AGENTS_MOST),
    fileSystems,
    counts,
  };
}
