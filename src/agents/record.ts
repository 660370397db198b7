/** An agent as the store keeps it. */
import type {
  Activity,
  AgentStatus,
  HarnessName,
  TroubleKind,
  OnDaemonGone,
  Usage,
} from "../contract/agent.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";

/** Why an agent is being stopped. The first cause wins, and is written once. */
export type StopCause =
  | "kill"
  | "timeout"
  | "claimed"
  | "limit"
  /** It, or its task, has spent what it may. */
  | "budget"
  | "shutdown"
  | "closed"
  | "launch_failed"
  /** It had told its result and did not leave. */
  | "finished"
  | "idle"
  /** Its CLI would have tried for ever. */
  | TroubleKind;

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

/** What a resume takes over. In the words of the deploy tools. */
export interface KeptOptions {
  readonly given: Readonly<Record<string, unknown>>;
  /** What was left out because it holds a secret: `"env.NAME"`, `"mcp_servers.NAME"`, `"preamble"`. */
  readonly withheld: readonly string[];
}

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
  readonly trouble: AgentTrouble | null;
  /** Without a word, an open call, processor time and IO it is stopped after so long; null: never. Milliseconds. */
  readonly idleMs: number | null;
  readonly usage: Usage | null;
  /** What it may use before it is stopped; null for no limit. US dollars. */
  readonly tokenLimit: number | null;
  readonly costLimit: number | null;
  /** Whose quota it uses, and that for people; null for a program without a provider that we know of. */
  readonly quotaKey: string | null;
  readonly quotaLabel: string | null;
  /** The CLI's own session id, when its stream told one. */
  readonly cliSession: string | null;
  /**
   * The last total of its whole conversation that its CLI told, where it tells such: until it ends, to
   * the runs before it.
   */
  readonly usageTold: Usage | null;
  /** The ended agent whose conversation it goes on with; null for a new one. */
  readonly resumedFrom: AgentId | null;
  /** The last agent that was to go on with its conversation; null when none was. */
  readonly resumedAs: AgentId | null;
  /** What it was deployed with, without secrets; null for agents of before, and forgotten ones. */
  readonly options: KeptOptions | null;
  /** Since when only its outcome is kept: its rows and reports are gone. Null: all is there. */
  readonly forgottenAt: EpochMs | null;
}

/** What keeps a running agent from its model. */
export interface AgentTrouble {
  readonly kind: TroubleKind;
  readonly message: string;
  readonly since: EpochMs;
  /** When its provider takes requests again, as far as that was said. */
  readonly until: EpochMs | null;
  readonly attempts: number;
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
  /** What its CLI told as the total of the whole conversation; absent or null when it told none. */
  readonly usageTold?: Usage | null;
}
