/**
 * The store as supervision needs it: one database, short transactions, durable on return.
 * Only one process has it open for writing (the daemon, or an offline sweep that holds the lock).
 */
import type { Circuit } from "../agents/quota.ts";
import type { AgentRecord, Settlement, StopRecord } from "../agents/record.ts";
import type { AgentStatus, Severity, Validation } from "../contract/agent.ts";
import type { CorralEvent, EventKind } from "../contract/events.ts";
import type { AgentId, MessageId, TaskId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { LedgerStore } from "../ledger/ports.ts";
import type { PlannedTarget } from "../ledger/plan-identity.ts";
import type { Resource, ResourceIntent } from "../ledger/resource.ts";
import type { Fingerprint } from "../output/fingerprints.ts";
import type { TaskSpent } from "../tasks/budget.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { HistoryStore } from "./history.ts";
import type { ForgettingStore } from "./forgetting.ts";
import type { AlertStore } from "./alerts/ports.ts";
import type { SampleStore } from "./sampling/history.ts";
import type { MessageStore } from "./message-store.ts";

/** What makes this state directory itself, for ever. */
export interface World {
  /** RLIMIT_MSGQUEUE hard limit of everything of ours; 780 000 to 819 199. */
  readonly mark: number;
  /** Hard RLIMIT_LOCKS of the same; null where it was made before there were seals, or could not be set. */
  readonly seal: number | null;
  /** Short name for control groups; letters and digits. */
  readonly name: string;
  /** Grows with every daemon. */
  readonly epoch: number;
  /** Makes digests of this state directory unlike those of any other. */
  readonly salt: string;
}

export interface ProgressRecord {
  readonly seq: number;
  readonly agentId: AgentId;
  readonly status: string;
  readonly message: string;
  readonly progress: number;
  readonly at: EpochMs;
  /** Of a claimed completion; null for any other report. */
  readonly validation: Validation | null;
}

export interface FindingRecord {
  readonly seq: number;
  readonly agentId: AgentId;
  readonly findingType: string;
  readonly severity: Severity;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly at: EpochMs;
}

/** A stream was that long at that time. */
export interface StreamTime {
  readonly agentId: AgentId;
  readonly at: EpochMs;
  readonly bytes: number;
}

export interface NewEvent {
  readonly kind: EventKind;
  readonly taskId?: TaskId;
  readonly agentId?: AgentId;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** An agent to be admitted: what admission itself decides is missing. */
export type NewAgent = Pick<
  AgentRecord,
  | "id"
  | "taskId"
  | "type"
  | "harness"
  | "permission"
  | "parent"
  | "depth"
  | "host"
  | "session"
  | "containment"
  | "directory"
  | "cwd"
  | "idempotencyKey"
  | "onDaemonGone"
  | "idleMs"
  | "createdAt"
  | "wallUntil"
  | "outputLimit"
  | "diskLimit"
  | "tokenLimit"
  | "costLimit"
  | "quotaKey"
  | "quotaLabel"
  | "resumedFrom"
  | "options"
> & {
  readonly tokenHash: string;
  /** Messages that stand at the head of its prompt. */
  readonly messages: readonly MessageId[];
  /** That it waits for its quota: it is `queued`, holds nothing and has no token until `startQueued`. */
  readonly waits?: Pick<QueuedAgent, "prompt" | "until">;
  /** What it will hold, given the slot of its mark; in the order of making. */
  readonly intents: (slot: number) => readonly ResourceIntent[];
};

/** An agent that waits for the quota of its account. */
export interface QueuedAgent {
  readonly agent: AgentRecord;
  readonly prompt: string;
  /** So long it may wait. */
  readonly until: EpochMs;
}

/**
 * What the stream and the processes of a running agent show. Null usage and session: nothing new; a
 * usage that is smaller than the one written down takes nothing back.
 */
export type DoingRecord = Pick<AgentRecord, "activity" | "trouble" | "usage" | "cliSession">;

/** An archive that is kept, with what its owner is. Its row's identity is `ArchiveFacts`. */
export interface KeptArchive {
  readonly agentId: AgentId;
  readonly taskId: TaskId;
  readonly status: AgentStatus;
  readonly resource: Resource;
}

export interface ArchiveFilter {
  readonly taskId?: TaskId;
  /** Archived at that time or before. */
  readonly madeBefore?: EpochMs;
  /** Those behind this one in the order of making; for the next page. */
  readonly after?: Pick<Resource, "changedAt" | "id">;
  readonly newestFirst?: boolean;
  readonly max: number;
}

/** What one agent takes, as it was just seen. Bytes. */
export interface DiskUse {
  readonly agentId: AgentId;
  readonly outputBytes: number;
  readonly diskBytes: number;
  /** True for the look after its end: another one is due only when the ledger gives something back. */
  readonly isFinal: boolean;
}

/** An agent that has not ended, as the watch over the disk needs it. */
export interface LiveDisk extends Pick<
  AgentRecord,
  | "id"
  | "taskId"
  | "slot"
  | "directory"
  | "cwd"
  | "outputLimit"
  | "diskLimit"
  | "outputBytes"
  | "diskBytes"
> {
  readonly isStopping: boolean;
  /** Bytes of all agents of its task, and their cap. */
  readonly taskBytes: number;
  readonly taskLimit: number | null;
}

export interface Store
  extends LedgerStore, HistoryStore, ForgettingStore, SampleStore, AlertStore, MessageStore {
  readonly world: World;
  /** The loopback port used so far; null before the first daemon. */
  port(): number | null;
  keepPort(port: number): void;

  addTask(task: TaskRecord): void;
  task(id: TaskId): TaskRecord | null;

  /**
   * Reserves and writes an agent with its intents in one transaction: counts, compares, inserts.
   *
   * One that goes on with an ended agent takes that agent's open messages with it.
   *
   * @returns the new record, or the earlier one with the same idempotency key.
   * @throws {Fault} LIMIT_REACHED, BUDGET_SPENT; RESUME_REFUSED when another agent goes on with it;
   *                 nothing was written.
   */
  admitAgent(agent: NewAgent): { readonly agent: AgentRecord; readonly isNew: boolean };
  /** Those that wait and were not stopped, oldest first. */
  queuedAgents(): readonly QueuedAgent[];
  /** Makes one of them `starting`, with its intents. @returns null when it waits no more. */
  startQueued(agent: NewAgent): AgentRecord | null;
  agent(id: AgentId): AgentRecord | null;
  /** All of a task, oldest first. Unbounded: for what must see each, not for answers. */
  agentsOf(taskId: TaskId): readonly AgentRecord[];
  /** How many agents a task has had, forgotten ones too: what counts against its total. */
  countAgents(taskId: TaskId): number;
  /** Not settled, or settled with something still held. Costs nothing as long as nothing is written. */
  unfinishedAgents(): readonly AgentRecord[];
  agentByToken(tokenHash: string): AgentRecord | null;
  revokeToken(id: AgentId): void;
  countLive(): number;
  countHeld(): number;

  markRunning(id: AgentId, startedAt: EpochMs, warnings: readonly string[]): void;
  /** Sets or advances the stop; an earlier cause is kept and the grace never grows. */
  recordStop(id: AgentId, stop: StopRecord): void;
  recordLinger(id: AgentId, until: EpochMs): void;
  /** What a running agent does. Events are told for what has changed; a settled agent is left as it is. */
  recordDoing(id: AgentId, doing: DoingRecord): void;
  /** @returns false when the agent was settled before: the first settlement stays. */
  settle(id: AgentId, settlement: Settlement): boolean;

  addProgress(record: Omit<ProgressRecord, "seq">, taskId: TaskId): ProgressRecord;
  addFinding(record: Omit<FindingRecord, "seq">, taskId: TaskId): FindingRecord;
  /** Reports of one agent behind a sequence number, oldest first. */
  progressAfter(agentId: AgentId, seq: number, max: number): readonly ProgressRecord[];
  findingsAfter(agentId: AgentId, seq: number, max: number): readonly FindingRecord[];
  /** The latest of a task (or of one agent), newest last. */
  progress(taskId: TaskId, max: number, agentId?: AgentId): readonly ProgressRecord[];
  findings(taskId: TaskId, max: number, agentId?: AgentId): readonly FindingRecord[];

  /** Archives that are made and kept, oldest first unless asked otherwise. */
  keptArchives(filter: ArchiveFilter): readonly KeptArchive[];
  /** How many archives are kept, and what they take on disk; of one task, or of all. */
  countArchives(filter: { readonly taskId?: TaskId }): {
    readonly count: number;
    readonly bytes: number;
  };
  /** What the archives of each task take on disk. Bytes. */
  archiveBytesByTask(): ReadonlyMap<TaskId, number>;

  /**
   * Sees to it that so many bytes of the database are free pages, on the disk, when they have
   * become half of that: room for records that nobody else can take. Cheap when there are enough.
   * @throws {Fault} DISK_FULL.
   */
  keepRoom(bytes: number): void;
  /** Writes its log from the start again, as far as readers allow: on a full disk that takes no room. Never throws. */
  reuseLog(): void;
  /** Keeps what agents take, all in one commit; the sums of tasks follow. Tells no event. */
  recordDiskUse(uses: readonly DiskUse[]): void;
  /**
   * Agents that have not ended, by what the watch over the disk needs of them. Kept in memory: hundreds
   * may be asked for by everybody every second or two.
   */
  liveDisks(): readonly LiveDisk[];
  /** Bytes of a task's agents, ended ones too; of all tasks when none is named. Keeps no walk waiting. */
  diskUse(taskId?: TaskId): number;
  /** Ended agents whose files have changed since they were looked at; at most `max`. */
  diskDue(max: number): readonly AgentRecord[];

  /** The circuit of an account, closed ones too; null when it was never open. */
  circuit(key: string): Circuit | null;
  circuits(): readonly Circuit[];
  keepCircuit(circuit: Circuit): void;

  /** What the agents of a task have spent, ended and forgotten ones too. */
  taskSpent(taskId: TaskId): TaskSpent;

  /** Keeps how long streams were at a time; all in one commit. */
  recordStreamTimes(times: readonly StreamTime[]): void;
  /** How long a stream was at the last look at or before a time; 0 when there is none. */
  streamLengthAt(agentId: AgentId, at: EpochMs): number;

  /** Fingerprints of secrets that agents were given, by which they are found in what goes out. */
  secrets(): readonly Fingerprint[];
  /** Durable on return; one that is known already is kept once. */
  keepSecrets(fingerprints: readonly Fingerprint[]): void;

  /** Writes what is about to be made for an owner that is no new agent; durable before it is made. */
  intend(owner: string, intents: readonly ResourceIntent[]): readonly Resource[];
  /** Keeps what a plan of a sweep named, under its id; only the latest few dozen plans stay. */
  keepSweepPlan(id: string, targets: readonly PlannedTarget[]): void;
  /** What the plan of that id named; null for one that was never made, or is kept no more. */
  sweepPlan(id: string): readonly PlannedTarget[] | null;
  addEvent(event: NewEvent): void;
  eventsAfter(seq: number, max: number): readonly CorralEvent[];
  /** The latest of these kinds (absent: of all), oldest first. */
  latestEvents(max: number, kinds?: readonly EventKind[]): readonly CorralEvent[];
  /** Called after each event is durable. Returns the way to stop. */
  onEvent(listener: (event: CorralEvent) => void): () => void;
  /** Runs several calls as one transaction; events are told after it. */
  atomically<T>(work: () => T): T;
  close(): void;
}
