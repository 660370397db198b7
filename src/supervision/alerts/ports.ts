/** What alerts need of the world. */
import type { StopCause } from "../../agents/record.ts";
import type { AgentId, TaskId } from "../../kernel/ids.ts";
import type { EpochMs } from "../../kernel/units.ts";
import type { ProcessSet } from "../ports.ts";
import type { Condition } from "./judge.ts";

export type Channel = "hook" | "webhook";

/** An alert as the store keeps it. */
export interface StoredAlert extends Pick<
  Condition,
  "key" | "rule" | "severity" | "subject" | "evidence" | "nextStep"
> {
  readonly id: number;
  readonly since: EpochMs;
  readonly raisedAt: EpochMs;
  readonly clearedAt: EpochMs | null;
  /** What was seen when it was raised; `evidence` is what was seen last, of a cleared one why it holds no more. */
  readonly raisedEvidence: string;
}

/** A notice that somebody is to get. */
export interface Delivery {
  readonly id: number;
  readonly channel: Channel;
  readonly state: "raised" | "cleared";
  readonly alertId: number;
  readonly attempts: number;
  readonly createdAt: EpochMs;
}

export interface AlertStore {
  /** Those that hold, oldest first. */
  standingAlerts(): readonly StoredAlert[];
  /** The latest that hold no more, oldest first. */
  clearedAlerts(max: number): readonly StoredAlert[];
  alert(id: number): StoredAlert | null;
  /** Durable on return; inside `atomically` with what else belongs to it. @returns the alert with its id. */
  raiseAlert(alert: Omit<StoredAlert, "id" | "clearedAt" | "raisedEvidence">): StoredAlert;
  /** Keeps the latest thousand that are cleared. */
  clearAlert(id: number, at: EpochMs, evidence: string): void;
  /** Queues one notice; the oldest of more than `most` are dropped. @returns how many were. */
  queueDelivery(delivery: Omit<Delivery, "id" | "attempts">, most: number): number;
  /** What is due by now, oldest first; of one alert on one channel only the first. */
  dueDeliveries(now: EpochMs, max: number): readonly Delivery[];
  /** Another try failed: due again at that time. */
  retryDelivery(id: number, at: EpochMs): void;
  /** Accepted, or given up. */
  endDelivery(id: number): void;
  countDeliveries(): number;
  /** When the next one of those is due; null when none waits. */
  nextDeliveryAt(): EpochMs | null;
  /** Owners that hold what a release was tried on and failed, with one error of each. */
  stuckOwners(): readonly {
    readonly owner: string;
    readonly held: number;
    readonly error: string;
  }[];
  /**
   * Agents that have ended since then by a stop with one of these causes, or by their wall clock while there was no daemon.
   * @param max  The latest so many; the oldest of them first.
   */
  stoppedSince(at: EpochMs, causes: readonly StopCause[], max: number): readonly StoppedAgent[];
  /** Tasks of which an agent has ended since then. */
  tasksOfEnded(at: EpochMs): readonly TaskId[];
}

/** An agent that was ended before it wanted to, and why: one line for people. */
export interface StoppedAgent {
  readonly id: AgentId;
  readonly why: string;
}

/** How a hook ended. */
export interface HookEnd {
  /** Null when it was ended by a signal, or could not be started. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** What it printed, cut; or why it could not be started. */
  readonly output: string;
}

/** Runs programs of the user's; makes no set and ends none: that is the caller's, before and after. */
export interface Hooks {
  /**
   * Starts a program inside a set and waits for its end, at most so long.
   * @param argv       argv[0] is absolute, or is looked up in PATH.
   * @param input      Its standard input.
   * @param variables  Besides PATH, HOME, LANG and TMPDIR of the daemon, all that it gets.
   * Never throws. What it has started itself may live on when this returns.
   */
  run(hook: {
    readonly argv: readonly string[];
    readonly input: string;
    readonly variables: Readonly<Record<string, string>>;
    readonly set: ProcessSet;
    readonly timeoutMs: number;
  }): Promise<HookEnd>;
}

/** Tells a receiver over HTTP. */
export interface Webhooks {
  /**
   * Posts a signed body once. Never throws.
   * @returns null when it was accepted (2xx), else why not.
   */
  post(url: string, deliveryId: number, body: string): Promise<string | null>;
}
