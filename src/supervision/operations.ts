/**
 * What the surfaces may ask of Corral. MCP, HTTP and the command line all end here, so
 * that nothing has a back door; who is asking is decided by the surface, what they may do here.
 */
import type {
  AgentsAnswer,
  ConfigurationAnswer,
  DoctorAnswer,
  HealthAnswer,
  LeaveAnswer,
  LeaveInput,
  LedgerAnswer,
  Machine,
  OverviewAnswer,
  ResourceAnswer,
  StreamAnswer,
  SweepAnswer,
  SweepInput,
  TasksAnswer,
  WaitAnswer,
  WaitInput,
} from "../contract/api.ts";
import type { AgentView, Receipt, TaskStatus } from "../contract/agent.ts";
import type {
  ArchiveAnswer,
  ArchivesAnswer,
  ExportAnswer,
  ExportInput,
  PruneAnswer,
  PruneInput,
} from "../contract/archive.ts";
import type { AlertsAnswer } from "../contract/alerts.ts";
import type { ScreenAnswer } from "../contract/screen.ts";
import type { CorralEvent } from "../contract/events.ts";
import type {
  HistoryAnswer,
  HistoryQuery,
  ProcessesAnswer,
  SamplesAnswer,
} from "../contract/sampling.ts";
import type { QuotaResetAnswer, QuotaResetInput } from "../contract/quota.ts";
import type { ToolAnswer, ToolInput, ToolName } from "../contract/tools.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import type { Figures } from "./figures.ts";
import type { EpochMs } from "../kernel/units.ts";

/** Who is asking. A client may do all; an agent only what design and docs/errors.md allow. */
export type Caller =
  | { readonly kind: "client"; /** The client's folder, when it has one. */ readonly cwd?: string }
  | {
      readonly kind: "agent";
      readonly agentId: AgentId;
      readonly taskId: TaskId;
      /**
       * Calls back once the answer to this call is over: true when all of it was handed to the system
       * on a living connection. Absent: nobody can tell, and nothing that has to arrive is put into it.
       */
      readonly onAnswered?: (listener: (isHandedOver: boolean) => void) => void;
    };

export interface StreamRequest {
  readonly stream: "stdout" | "stderr";
  /** Byte offset to start at, >= 0. */
  readonly from: number;
  /** Leaves out what was certainly printed before this time; stdout only. */
  readonly since?: EpochMs;
  /** Most bytes to answer with, 1 to 1 MiB. */
  readonly maxBytes: number;
}

export interface Operations {
  /**
   * Runs one tool. The input has been parsed with the tool's own schema.
   *
   * @throws {Fault} any code of docs/errors.md; FORBIDDEN when the caller may not.
   */
  tool<N extends ToolName>(name: N, input: ToolInput<N>, caller: Caller): Promise<ToolAnswer<N>>;

  /** Who a bearer token belongs to. @throws {Fault} TOKEN_INVALID, also for an ended agent's token. */
  authenticate(token: string): Caller;

  health(): HealthAnswer;
  /** Everything that a page shows first, and the event from which it may follow on. */
  overview(): OverviewAnswer;
  machine(): Machine;
  /** Open tasks, or of any status; newest first, by page. @throws {Fault} INPUT_INVALID for a foreign cursor. */
  tasks(filter: {
    readonly status?: TaskStatus | "all";
    readonly prefix?: string;
    readonly limit?: number;
    readonly cursor?: string;
  }): TasksAnswer;
  /** Agents that live or hold something, or all; of one task, or of every task. @throws {Fault} TASK_NOT_FOUND. */
  agents(filter: {
    readonly taskId?: TaskId;
    readonly all?: boolean;
    readonly prefix?: string;
    readonly limit?: number;
  }): AgentsAnswer;
  /** These agents, in this order; those that are not there are left out. */
  agentsNamed(ids: readonly AgentId[]): AgentsAnswer;
  /** @throws {Fault} AGENT_NOT_FOUND. */
  agent(agentId: AgentId): AgentView;
  /** @throws {Fault} AGENT_NOT_FOUND. */
  receipt(agentId: AgentId): Receipt;
  /** Raw bytes of a stream. @throws {Fault} AGENT_NOT_FOUND. */
  stream(agentId: AgentId, request: StreamRequest): Promise<StreamAnswer>;
  /** The numbers of this moment, for metrics. Looks at nothing but the daemon's own process. */
  figures(): Figures;
  /** Alerts that stand, and the latest that were cleared. */
  alerts(): AlertsAnswer;
  /** The last sample of everybody. Whoever asks looks on: samples come fast for some seconds. Looks at nothing itself. */
  samples(): SamplesAnswer;
  /** Somebody looks on, and samples come fast, until the returned function is called. It may be called twice. */
  lookOn(): () => void;
  /** What somebody used, step by step; an agent counts as watched for some seconds. @throws {Fault} TASK_NOT_FOUND, AGENT_NOT_FOUND. */
  history(query: HistoryQuery): HistoryAnswer;
  /** The processes of an agent, looked at now. @throws {Fault} AGENT_NOT_FOUND, PROBE_FAILED. */
  processes(agentId: AgentId): Promise<ProcessesAnswer>;
  /**
   * What an agent's pane shows now, looked at together with whoever asks at the same time.
   * @param seen  The digest of what the asker has; the same again is told in a word.
   * @throws {Fault} AGENT_NOT_FOUND, HOST_UNREACHABLE.
   */
  screen(agentId: AgentId, seen: string | undefined): Promise<ScreenAnswer>;
  ledger(filter: { readonly owner?: string; readonly all?: boolean }): LedgerAnswer;
  /** Answers when the condition holds, the time is up, or `signal` aborts. Never kills anything. */
  wait(input: WaitInput, signal: AbortSignal): Promise<WaitAnswer>;
  /** Events after a sequence number, oldest first, at most `max`. */
  eventsAfter(seq: number, max: number): readonly CorralEvent[];
  /** Calls back after each new event is durable; returns the way to stop. */
  onEvent(listener: (event: CorralEvent) => void): () => void;
  /**
   * Reads an MCP resource: `tasks://list`, `task://{id}/status`, `task://{id}/progress-timeline`.
   * @throws {Fault} TASK_NOT_FOUND; ROUTE_UNKNOWN for any other uri.
   */
  resource(uri: string, caller: Caller): ResourceAnswer;
  sweep(input: SweepInput): Promise<SweepAnswer>;
  /** Archives that are kept, newest first. @throws {Fault} TASK_NOT_FOUND. */
  archives(filter: { readonly taskId?: TaskId }): ArchivesAnswer;
  /** One archive with its manifest. @throws {Fault} AGENT_NOT_FOUND, ARCHIVE_NOT_FOUND, ARCHIVE_DAMAGED. */
  archive(agentId: AgentId): Promise<ArchiveAnswer>;
  /** Makes a copy outside, never over anything. @throws {Fault} as {@link archive}, and EXPORT_REFUSED. */
  exportArchive(agentId: AgentId, input: ExportInput): Promise<ExportAnswer>;
  /** Deletes archives before their time. @throws {Fault} INPUT_INVALID when nothing says which; as {@link archive}. */
  pruneArchives(input: PruneInput): Promise<PruneAnswer>;
  doctor(): Promise<DoctorAnswer>;
  /** The settings in force, each with where it came from. Secrets are no settings. */
  configuration(): ConfigurationAnswer;
  /** Closes the circuits of a harness by hand: its next deploy tries. */
  resetQuota(input: QuotaResetInput): QuotaResetAnswer;
  /** Begins one of the two stops; answers when it is done, just before the daemon leaves. */
  leave(input: LeaveInput): Promise<LeaveAnswer>;
}
