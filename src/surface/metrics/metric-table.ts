/**
 * Every metric that `/metrics` publishes, and where its values come from. Pure.
 *
 * docs/metrics.md lists exactly these; a test compares. Labels are few and bounded: an agent has
 * series of its own while it lives, and no longer.
 */
import type { SampleView } from "../../contract/sampling.ts";
import { AgentStatus } from "../../contract/agent.ts";
import { SECOND_MS } from "../../kernel/units.ts";
import type { Figures } from "../../supervision/figures.ts";

export interface Value {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric {
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly labels: readonly string[];
  /** Empty: nothing is known, and nothing published. */
  readonly values: (figures: Figures) => readonly Value[];
}

const MICRO = 1e6;
const PER_AGENT = ["agent_id", "task_id"] as const;
const NO_LABELS: Value["labels"] = {};

function one(value: number | null): readonly Value[] {
  return value === null ? [] : [{ labels: NO_LABELS, value }];
}

function gauge(help: string, value: (figures: Figures) => number | null): Metric {
  return { type: "gauge", help, labels: [], values: (figures) => one(value(figures)) };
}

function counter(help: string, value: (figures: Figures) => number | null): Metric {
  return { ...gauge(help, value), type: "counter" };
}

/** Of each live agent. */
function ofAgents(
  type: Metric["type"],
  help: string,
  value: (sample: SampleView) => number | null,
): Metric {
  return {
    type,
    help,
    labels: PER_AGENT,
    values: ({ agents }) =>
      agents.flatMap(({ agent_id, sample, task_id }) => {
        const known = value(sample);
        return known === null ? [] : [{ labels: { agent_id, task_id }, value: known }];
      }),
  };
}

function counted(counts: ReadonlyMap<string, number>, label: string): readonly Value[] {
  return [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }));
}

const cores = ({ cpu_ms_per_s: cpu }: SampleView): number | null =>
  cpu === null ? null : cpu / SECOND_MS;
const LIVE = AgentStatus.options.slice(0, 4);

export const METRICS: Readonly<Record<string, Metric>> = {
  corral_info: {
    type: "gauge",
    help: "Always 1; the version of the daemon is a label.",
    labels: ["version"],
    values: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  corral_start_time_seconds: gauge(
    "When the daemon started, seconds since the epoch.",
    ({ startedAt }) => startedAt / SECOND_MS,
  ),
  corral_daemon_memory_bytes: gauge("Resident memory of the daemon.", ({ own }) => own.memoryBytes),
  corral_daemon_cpu_seconds_total: counter(
    "Processor time of the daemon.",
    ({ own }) => own.cpuMs / SECOND_MS,
  ),
  corral_daemon_open_files: gauge("Files that the daemon has open.", ({ own }) => own.fds),
  corral_daemon_open_files_limit: gauge(
    "Files that the daemon may have open.",
    ({ own }) => own.fdsLimit,
  ),
  corral_sample_looks_total: counter(
    "Looks at what agents use, since the daemon's start.",
    ({ sampling }) => sampling.looks,
  ),
  corral_sample_cpu_seconds_total: counter(
    "Processor time of the daemon during these looks.",
    ({ sampling }) => sampling.spentMs / SECOND_MS,
  ),
  corral_sample_lookers: gauge(
    "Readers of event streams that look on at samples.",
    ({ sampling }) => sampling.lookers,
  ),
  corral_agents: {
    type: "gauge",
    help: "Agents that have not ended, by status.",
    labels: ["status"],
    values: ({ live }) =>
      LIVE.map((status) => ({ labels: { status }, value: live.get(status) ?? 0 })),
  },
  corral_agents_settled_total: {
    type: "counter",
    help: "Agents that have ended since the daemon's start, by status.",
    labels: ["status"],
    values: ({ counts }) => counted(counts.settled, "status"),
  },
  corral_resources_held: gauge(
    "Rows of the ledger that are still to be given back.",
    ({ held }) => held,
  ),
  corral_cleanup_stuck: gauge(
    "Owners of something whose release has failed.",
    ({ stuck }) => stuck,
  ),
  corral_alerts: {
    type: "gauge",
    help: "Alerts that stand, by rule and severity.",
    labels: ["rule", "severity"],
    values: ({ standing }) => {
      const groups = Map.groupBy(standing, ({ rule, severity }) => `${rule} ${severity}`);
      return [...groups.values()].flatMap((alerts) =>
        alerts
          .slice(0, 1)
          .map(({ rule, severity }) => ({ labels: { rule, severity }, value: alerts.length })),
      );
    },
  },
  corral_alert_notices_pending: gauge(
    "Notices of alerts that nobody has taken yet.",
    ({ notices }) => notices.pending,
  ),
  corral_alert_notices_dropped_total: counter(
    "Notices of alerts that were given up since the daemon's start.",
    ({ notices }) => notices.dropped,
  ),
  corral_processes: gauge("Processes of all agents.", ({ all }) => all.processes),
  corral_threads: gauge("Threads of all agents.", ({ all }) => all.threads),
  corral_threads_limit: gauge(
    "Processes and threads that all agents may have together.",
    ({ together }) => together?.tasksLimit ?? null,
  ),
  corral_memory_bytes: gauge("Memory of all agents.", ({ all }) => all.memory_bytes),
  corral_memory_limit_bytes: gauge(
    "Memory that all agents may use together.",
    ({ together }) => together?.memoryLimitBytes ?? null,
  ),
  corral_cpu_cores: gauge("Processor cores that all agents use, since the last look.", ({ all }) =>
    cores(all),
  ),
  corral_open_files: gauge("Open files of all agents.", ({ all }) => all.fds),
  corral_sockets: gauge("Sockets of all agents.", ({ all }) => all.sockets),
  corral_ports: gauge("Ports on which agents listen.", ({ all }) => all.ports),
  corral_disk_bytes: gauge("What the files of all live agents take.", ({ all }) => all.disk_bytes),
  corral_agent_processes: ofAgents("gauge", "Processes of an agent.", ({ processes }) => processes),
  corral_agent_memory_bytes: ofAgents(
    "gauge",
    "Memory of an agent.",
    ({ memory_bytes }) => memory_bytes,
  ),
  corral_agent_cpu_cores: ofAgents(
    "gauge",
    "Processor cores that an agent uses, since the last look.",
    cores,
  ),
  corral_agent_open_files: ofAgents("gauge", "Open files of an agent.", ({ fds }) => fds),
  corral_agent_disk_bytes: ofAgents(
    "gauge",
    "What the files of an agent take.",
    ({ disk_bytes }) => disk_bytes,
  ),
  corral_agent_output_bytes_per_second: ofAgents(
    "gauge",
    "How fast an agent prints, since the last look.",
    ({ output_bytes_per_s }) => output_bytes_per_s,
  ),
  corral_agent_tokens_total: ofAgents(
    "counter",
    "Tokens into and out of an agent's model, as its CLI tells.",
    ({ tokens }) => tokens,
  ),
  corral_agent_cost_usd_total: ofAgents(
    "counter",
    "Cost of an agent in US dollars, as its CLI tells.",
    ({ cost_microusd }) => (cost_microusd === null ? null : cost_microusd / MICRO),
  ),
  corral_agents_left_out: gauge(
    "Live agents beyond 500, which have no series of their own.",
    ({ agentsLeftOut }) => agentsLeftOut,
  ),
  corral_disk_free_bytes: {
    type: "gauge",
    help: "Free space of each file system that Corral and its agents write to.",
    labels: ["path"],
    values: ({ fileSystems }) =>
      fileSystems.map(({ free_bytes, path }) => ({ labels: { path }, value: free_bytes })),
  },
  corral_disk_is_short: {
    type: "gauge",
    help: "1 for a file system below one of its floors.",
    labels: ["path", "level"],
    values: ({ fileSystems }) =>
      fileSystems.map(({ level, path }) => ({
        labels: { path, level },
        value: level === "fine" ? 0 : 1,
      })),
  },
  corral_events_total: {
    type: "counter",
    help: "Events since the daemon's start, by kind.",
    labels: ["kind"],
    values: ({ counts }) => counted(counts.events, "kind"),
  },
  corral_tool_calls_total: {
    type: "counter",
    help: "Tool calls since the daemon's start, by tool and outcome: ok, refused, bug.",
    labels: ["tool", "outcome"],
    values: ({ counts }) =>
      [...counts.calls.values()].map(({ count, outcome, tool }) => ({
        labels: { tool, outcome },
        value: count,
      })),
  },
  corral_tool_seconds_total: {
    type: "counter",
    help: "Time that tool calls took since the daemon's start, by tool and outcome.",
    labels: ["tool", "outcome"],
    values: ({ counts }) =>
      [...counts.calls.values()].map(({ outcome, seconds, tool }) => ({
        labels: { tool, outcome },
        value: seconds,
      })),
  },
};
