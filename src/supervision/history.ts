/** The part of the store that answers questions over many tasks and agents: bounded, by page. */
import type { Severity, TaskStatus } from "../contract/agent.ts";
import type { CorralEvent, EventKind } from "../contract/events.ts";
import type { SEARCH_KINDS } from "../contract/tools.ts";
import type { AgentRecord } from "../agents/record.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { SearchTerms } from "../output/search-query.ts";
import type { TaskSpent } from "../tasks/budget.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { FindingRecord } from "./store.ts";

export interface TaskFilter {
  readonly status: TaskStatus | "all";
  readonly clientCwd?: string | null;
  /** Beginning of the id. */
  readonly prefix?: string;
  /** Only tasks behind this one, in the order of the list; see {@link TaskPage}. */
  readonly after?: { readonly createdAt: EpochMs; readonly id: TaskId };
  readonly limit: number;
}

export interface TaskRow {
  readonly task: TaskRecord;
  readonly agents: number;
  readonly agentsLive: number;
  /** What the files of its agents take. */
  readonly diskBytes: number;
  readonly spent: TaskSpent;
}

export interface AgentFilter {
  readonly taskId?: TaskId;
  /** Also those that have ended and hold nothing. */
  readonly all: boolean;
  /** Beginning of the id. */
  readonly prefix?: string;
  readonly limit: number;
}

export interface FindingFilter {
  readonly taskId: TaskId;
  readonly agentId?: AgentId;
  readonly findingType?: string;
  readonly severity?: Severity;
  readonly since?: EpochMs;
}

export interface FindingCounts {
  readonly total: number;
  readonly bySeverity: Readonly<Record<string, number>>;
  /** The most frequent ones. */
  readonly byType: Readonly<Record<string, number>>;
}

/** What of an owner's rows is not released yet. */
export interface HeldCount {
  readonly held: number;
  /** Those whose release failed at least once. */
  readonly stuck: number;
}

export interface TaskCounts {
  readonly byStatus: Readonly<Record<string, number>>;
  /** Deepest generation; 0 without agents. */
  readonly depth: number;
  /** Agents that it had besides, of which nothing is kept any more. */
  readonly forgotten: number;
}

export type SearchKind = (typeof SEARCH_KINDS)[number];

export interface SearchFilter {
  readonly terms: SearchTerms;
  readonly taskId?: TaskId;
  readonly agentId?: AgentId;
  readonly kinds: readonly SearchKind[];
  readonly since?: EpochMs;
  /** Only hits older than this one. */
  readonly before?: number;
  readonly limit: number;
}

export interface SearchHit {
  /** Grows with every record, over all kinds. */
  readonly id: number;
  readonly kind: SearchKind;
  readonly seq: number;
  readonly taskId: TaskId;
  readonly agentId: AgentId;
  readonly at: EpochMs;
  /** Two words at most: severity and type, status and progress, status. */
  readonly what: string;
  readonly text: string;
}

/** Every method reads a bounded part, whatever the store holds. */
export interface HistoryStore {
  /** Newest first; at most `limit`. */
  tasksBy(filter: TaskFilter): readonly TaskRow[];
  /** The newest `limit` of them, oldest first, and how many more there are. */
  agentsBy(filter: AgentFilter): {
    readonly agents: readonly AgentRecord[];
    readonly leftOut: number;
  };
  taskCounts(taskId: TaskId): TaskCounts;
  /** Owners that hold something, of everybody. */
  heldByOwner(): ReadonlyMap<string, HeldCount>;
  /** Findings behind a sequence number, oldest first. */
  findingsBy(filter: FindingFilter, afterSeq: number, limit: number): readonly FindingRecord[];
  findingCounts(filter: FindingFilter): FindingCounts;
  /** Newest first. A filter without a wanted term has no hits. Never throws for what was typed. */
  search(filter: SearchFilter): readonly SearchHit[];
  /** Events of a task behind a sequence number, oldest first; of these kinds only, when given. */
  taskEvents(
    taskId: TaskId,
    afterSeq: number,
    limit: number,
    kinds?: readonly EventKind[],
  ): readonly CorralEvent[];
  /** Of the last event; 0 before the first. */
  lastEventSeq(): number;
  /**
   * Closes a task, and begins the stop of each of its live agents in the same transaction.
   * @param graceMs  Of those stops.
   * @returns those agents; empty when it had been closed before: the first outcome stays.
   */
  closeTask(
    taskId: TaskId,
    close: {
      readonly status: "completed" | "cancelled";
      readonly reason: string;
      readonly at: EpochMs;
    },
    graceMs: number,
  ): readonly AgentId[];
}
