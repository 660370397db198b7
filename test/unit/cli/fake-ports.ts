/** Ports in memory for the verbs: what they print, and what they ask of the daemon. */
import type { AgentView, Receipt } from "../../../src/contract/agent.ts";
import type { HealthAnswer } from "../../../src/contract/api.ts";
import { Fault } from "../../../src/kernel/fault.ts";
import { runCommandLine } from "../../../src/surface/cli/program.ts";
import type { ApiClient } from "../../../src/contract/client.ts";
import type { ArchivesBeside, CliPorts } from "../../../src/surface/cli/ports.ts";
import { statePaths } from "../../../src/surface/cli/state-paths.ts";

export const HEALTH: HealthAnswer = {
  version: "1.2.3",
  pid: 4_242,
  state_dir: "/srv/corral",
  started_at: "2026-01-01T00:00:00.000Z",
  epoch: 1,
  containment: "watermark",
  url: "http://127.0.0.1:4999",
  agents_live: 1,
  resources_held: 5,
  quotas: [],
  disk: null,
};

/** A live agent of that id. */
export function anAgent(agentId: string): AgentView {
  return {
    agent_id: agentId,
    task_id: "TASK-20260101-000000-0000000a",
    agent_type: agentId.split("-")[0] ?? "",
    harness: "command",
    parent: "orchestrator",
    depth: 1,
    resumed_from: null,
    resumed_as: null,
    status: "running",
    reported: null,
    activity: null,
    trouble: null,
    exit_code: null,
    signal: null,
    reason: null,
    created_at: "2026-01-01T00:00:00.000Z",
    started_at: null,
    ended_at: null,
    cleanup: { state: "none", held: 3, stuck: 0 },
    containment: "watermark",
    host: "tmux",
    tmux_session: `agent_${agentId}`,
    on_daemon_gone: "keep",
    forgotten_at: null,
    usage: null,
    budget: { tokens: { used: null, limit: null }, cost_usd: { used: null, limit: null } },
    output_bytes: null,
    disk_bytes: null,
  };
}

/** A receipt that says that all is given back. */
export function aReceipt(owner: string): Receipt {
  const cleanup = { state: "clean", held: 0, stuck: 0 } as const;
  return { owner, cleanup, resources: [], survivors: [], usage: null };
}

export const noDaemon = (): Fault =>
  new Fault("DAEMON_UNREACHABLE", "There is no Corral daemon to talk to.", {
    hint: 'Run "corral up".',
    details: { sent: false },
  });

export interface Run {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  /** What the verb did beside printing, in order. */
  readonly did: readonly string[];
}

/** Archives read without a daemon: one agent, whose archive is exported to wherever it is wished. */
function archivesBeside(did: string[]): ArchivesBeside {
  return {
    agent: async (id) => anAgent(id),
    agents: async () => ({ agents: [], left_out: 0 }),
    tasks: async () => ({ tasks: [], next_cursor: null }),
    archives: async () => ({ archives: [], total: 0, total_bytes: 0 }),
    archive: async () => {
      throw new Error("not asked for in this test");
    },
    async exportArchive(id, { to, as }) {
      did.push(`export ${id} ${as} ${to}`);
      return { to, files: 3, bytes: 2_048, redacted: as === "redacted" };
    },
  };
}

/** Runs one command line over these answers of the daemon; no answers at all means no daemon. */
export async function corral(
  argv: readonly string[],
  daemon: Partial<ApiClient> | null,
  over: Partial<CliPorts> = {},
): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const did: string[] = [];
  const health = async () => {
    if (daemon === null) throw noDaemon();
    return HEALTH;
  };
  const act =
    <T>(name: string, answer: T) =>
    async (argument?: unknown): Promise<T> => {
      did.push(argument === undefined ? name : `${name} ${JSON.stringify(argument)}`);
      return answer;
    };
  const alerts = async () => ({
    standing: [],
    cleared: [],
    deliveries: { pending: 0, dropped: 0 },
  });
  const client = { health, alerts, ...daemon } as ApiClient;
  const ports: CliPorts = {
    paths: statePaths({ CORRAL_STATE_DIR: "/srv/corral" }),
    env: {},
    cwd: "/home/a/project",
    version: "1.2.3",
    terminal: {
      isTty: false,
      colour: false,
      columns: Number.POSITIVE_INFINITY,
      line: (words) => void out.push(`${words}\n`),
      bytes: async (chunk) => void out.push(Buffer.from(chunk).toString()),
      note: (words) => void err.push(`${words}\n`),
    },
    now: () => Date.parse("2026-01-01T00:01:00.000Z"),
    sleep: async () => {},
    client: async () => client,
    ensureDaemon: act("ensureDaemon", { health: HEALTH, started: true }),
    daemonGone: act("daemonGone", true),
    openScreen: async () => null,
    platform: "linux",
    ask: null,
    clientConfigs: async () => {
      throw new Error("not asked for in this test");
    },
    buildDashboard: act("buildDashboard", undefined),
    openInBrowser: act("openInBrowser", true),
    offline: {
      ledger: act("offline ledger", { rows: [] }),
      sweep: act("offline sweep", { plan_id: "plan-0", applied: false, steps: [], unknown: [] }),
      doctor: async () => {
        throw new Error("not asked for in this test");
      },
      readArchives: async (work) => work(archivesBeside(did)),
      pruneArchives: act("offline prune", {
        dry_run: true,
        deleted: [],
        failed: [],
        freed_bytes: 0,
      }),
    },
    orphans: act("orphans", { orphans: [], own: 2, best_effort: null }),
    readText: async (path) => `text of ${path}`,
    runInTerminal: act("runInTerminal", 0),
    pretty: async () => (line) => [`pretty ${line}`],
    runDaemon: act("runDaemon", 0),
    runBridge: act("runBridge", 0),
    runDemo: act("runDemo", 0),
    ...over,
  };
  const exit = await runCommandLine(argv, ports);
  return { exit, out: out.join(""), err: err.join(""), did };
}
