/** An agent as the store keeps it. */
import type { Activity, AgentStatus, HarnessName, OnDaemonGone, Usage } from "../contract/agent.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";

/** Why an agent is being stopped. The first cause wins, and is written once. */
export type StopCause =
  | "kill"
  | "timeout"
  | "claimed"
  | "limit"
  | "shutdown"
  | "closed"
  | "launch_failed";

/** How far the stop ladder has come; durable, so that a restarted daemon goes on and never begins again. */
export interface StopRecord {
  readonly cause: StopCause;
  /** For people: who asked and why. */
  readonly reason: string;
  /** Milliseconds between INT and TERM. Only ever shrinks. */
  readonly graceMs: number;
  readonly requestedAt: EpochMs;
  readonly intAt: EpochMs | null;
  readonly termAt: EpochMs | null;
  readonly killAt: EpochMs | null;
}

/** `plan`: reads and reports; `default`: edits in its folder; `skip`: may run anything. */
export type Permission = "plan" | "default" | "skip";

export interface AgentRecord {
  readonly id: AgentId;
  readonly taskId: TaskId;
  readonly type: string;
  readonly harness: HarnessName;
  /** How freely it acts; a child never gets more than its parent has. */
  readonly permission: Permission;
  /** `"orchestrator"` or an agent id. */
  readonly parent: string;
  readonly depth: number;
  /** Number of its mark; unique among agents whose process set is not released. */
  readonly slot: number;
  readonly status: AgentStatus;
  readonly host: "tmux" | "process";
  readonly session: string;
  readonly containment: string;
  readonly directory: string;
  readonly cwd: string;
  readonly idempotencyKey: string | null;
  /** What its runner does when there is no daemon any more. */
  readonly onDaemonGone: OnDaemonGone;
  readonly warnings: readonly string[];
  readonly createdAt: EpochMs;
  readonly startedAt: EpochMs | null;
  readonly endedAt: EpochMs | null;
  /** Wall clock: when it is stopped. */
  readonly wallUntil: EpochMs;
  /** Bytes that it may print, and that its files may take, before it is stopped; null for no cap. */
  readonly outputLimit: number | null;
  readonly diskLimit: number | null;
  /** Bytes that it has printed, ever; null until that was looked at. */
  readonly outputBytes: number | null;
  /** Bytes that its files take on the disk: allocated blocks. Null until they were looked at. */
  readonly diskBytes: number | null;
  /** Set by a claimed completion: when it is stopped if it has not left by then. */
  readonly lingerUntil: EpochMs | null;
  readonly stop: StopRecord | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly reason: string | null;
  readonly reported: {
    readonly status: string;
    readonly message: string;
    readonly progress: number;
    readonly at: EpochMs;
  } | null;
  readonly activity: Activity | null;
  readonly usage: Usage | null;
  /** The CLI's own session id, when its stream told one. */
  readonly cliSession: string | null;
  /** Since when only its outcome is kept: its rows and reports are gone. Null: all is there. */
  readonly forgottenAt: EpochMs | null;
}

/** How an agent ended; written once. */
export interface Settlement {
  readonly status: "completed" | "failed" | "killed" | "timed_out" | "lost";
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly reason: string;
  readonly endedAt: EpochMs;
  readonly usage: Usage | null;
  readonly cliSession: string | null;
  /** The words of its final result, when its stream gave some; kept for the search. */
  readonly result?: string | null;
}
