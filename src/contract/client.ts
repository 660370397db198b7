/**
 * The daemon as its callers see it: what the command line and the stdio bridge need of the
 * API. Whoever uses a part of it (the command line, the bridge) names that part as a port.
 */
import type {
  AgentsAnswer,
  DoctorAnswer,
  HealthAnswer,
  LeaveAnswer,
  LeaveInput,
  LedgerAnswer,
  LoginAnswer,
  Machine,
  OverviewAnswer,
  ResourceAnswer,
  StreamAnswer,
  SweepAnswer,
  SweepInput,
  TasksAnswer,
  WaitAnswer,
  WaitInput,
} from "./api.ts";
import type { AgentView, Receipt, TaskSummary } from "./agent.ts";
import type { z } from "zod";
import type {
  ArchiveAnswer,
  ArchivesAnswer,
  ExportAnswer,
  ExportInput,
  PruneAnswer,
  PruneInput,
} from "./archive.ts";
import type { AlertsAnswer } from "./alerts.ts";
import type { CorralEvent } from "./events.ts";
import type { SamplesAnswer } from "./sampling.ts";
import type { QuotaResetAnswer, QuotaResetInput } from "./quota.ts";
import type { ToolAnswer, ToolName } from "./tools.ts";

/**
 * Every method: may be called at the same time as itself and others; opens its own
 * connection; answers what the daemon answered, parsed with the contract's schema.
 *
 * Faults of the daemon arrive as they were thrown. DAEMON_UNREACHABLE when there is no daemon
 * (`details.sent` false: nothing happened) or it left before it answered (`details.sent` true:
 * the call may have happened).
 */
export interface ApiClient {
  health(): Promise<HealthAnswer>;
  /** Everything of one moment, and the event from which to follow on. */
  overview(): Promise<OverviewAnswer>;
  machine(): Promise<Machine>;
  /** What everybody used at the last look. Asking makes the looks come fast for some seconds. */
  samples(): Promise<SamplesAnswer>;
  /** The input is parsed, and its defaults filled in, by the daemon. */
  tool<N extends ToolName>(
    name: N,
    input: Readonly<Record<string, unknown>>,
  ): Promise<ToolAnswer<N>>;
  /** Open tasks, or of any status; newest first, by page. @param filter  `limit` 1 to 500, default 100. */
  tasks(filter?: {
    readonly status?: TaskSummary["status"] | "all";
    readonly prefix?: string;
    readonly limit?: number;
    readonly cursor?: string;
  }): Promise<TasksAnswer>;
  /** Agents that live or hold something, or all. @param filter  `limit` 1 to 10 000, default 1 000: the newest. */
  agents(filter?: {
    readonly taskId?: string;
    readonly all?: boolean;
    readonly prefix?: string;
    readonly limit?: number;
    /** Exactly these, 1 to 500, in this order; those that are not there are left out. */
    readonly ids?: readonly string[];
  }): Promise<AgentsAnswer>;
  agent(agentId: string): Promise<AgentView>;
  receipt(agentId: string): Promise<Receipt>;
  /** @param request  Byte offset (default 0), most bytes (1 to 1 MiB, default 256 KiB), which stream. */
  stream(
    agentId: string,
    request?: {
      readonly from?: number;
      readonly maxBytes?: number;
      readonly stream?: "stdout" | "stderr";
      /** ISO-8601; leaves out what was certainly printed before. */
      readonly since?: string;
    },
  ): Promise<StreamAnswer>;
  ledger(filter?: { readonly owner?: string; readonly all?: boolean }): Promise<LedgerAnswer>;
  /** Alerts that stand, and the latest that were cleared. */
  alerts(): Promise<AlertsAnswer>;
  /** @param signal  Stops waiting; nothing else is affected. */
  wait(input: Partial<WaitInput>, signal?: AbortSignal): Promise<WaitAnswer>;
  resource(uri: string): Promise<ResourceAnswer>;
  sweep(input: Partial<SweepInput>): Promise<SweepAnswer>;
  archives(filter?: { readonly taskId?: string }): Promise<ArchivesAnswer>;
  archive(agentId: string): Promise<ArchiveAnswer>;
  /** The daemon makes it, as the user that it runs as. */
  exportArchive(agentId: string, input: z.input<typeof ExportInput>): Promise<ExportAnswer>;
  pruneArchives(input: z.input<typeof PruneInput>): Promise<PruneAnswer>;
  doctor(): Promise<DoctorAnswer>;
  resetQuota(input: QuotaResetInput): Promise<QuotaResetAnswer>;
  leave(input: LeaveInput): Promise<LeaveAnswer>;
  /** A link that opens the dashboard once. */
  login(): Promise<LoginAnswer>;
  /**
   * Events after `after`, in order, each once; undefined: those from now on. Goes on over lost
   * connections and daemon restarts, until `signal` aborts (then it ends without a fault).
   *
   * @param more  `looksOn`: samples come fast for as long as somebody reads.
   * @throws {Fault} DAEMON_UNREACHABLE when the very first connection fails; FORBIDDEN.
   */
  events(
    after?: number,
    signal?: AbortSignal,
    more?: { readonly looksOn?: boolean },
  ): AsyncIterable<CorralEvent>;
}
