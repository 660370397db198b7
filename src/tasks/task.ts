/** Tasks and their limits. */
import type { TaskStatus } from "../contract/agent.ts";
import type { CreateTaskInput } from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import type { TaskId } from "../kernel/ids.ts";
import { type EpochMs, humanBytes } from "../kernel/units.ts";
import type { Budget } from "./budget.ts";

export interface Limits {
  /** Agents that may run at once. */
  readonly running: number;
  /** Agents in all, ended ones included. */
  readonly total: number;
  /** Generations: 1 is what the orchestrator deploys. */
  readonly depth: number;
  /** Bytes that the files of its agents may take; null for no cap. Absent in tasks of earlier versions: none. */
  readonly disk?: number | null;
  /** What its agents may spend together; null or absent for no limit. US dollars. */
  readonly tokens?: number | null;
  readonly costUsd?: number | null;
}

export interface TaskRecord {
  readonly id: TaskId;
  readonly description: string;
  readonly priority: "P0" | "P1" | "P2" | "P3";
  /** Folder of the task's files. Absolute. */
  readonly workspace: string;
  /** The project that its agents work in; null when none was named. Absolute. */
  readonly clientCwd: string | null;
  readonly limits: Limits;
  readonly context: TaskContext;
  readonly createdAt: EpochMs;
  readonly status: TaskStatus;
  /** Null while it is open. */
  readonly closedAt: EpochMs | null;
  /** What its closer said; null while it is open. */
  readonly closeReason: string | null;
}

/** What the agents of a task may spend together. */
export function budgetOf({ costUsd = null, tokens = null }: Limits): Budget {
  return { costUsd, tokens };
}

/** What the orchestrator told about the task; all optional to it, all present here. */
export interface TaskContext {
  readonly background: string | null;
  readonly deliverables: readonly string[];
  readonly criteria: readonly string[];
  readonly constraints: readonly string[];
  readonly files: readonly string[];
  readonly history: readonly { readonly role: string; readonly content: string }[];
}

/** The context of a new task as its caller gave it. */
export function contextOf(input: CreateTaskInput): TaskContext {
  return {
    background: input.background_context ?? null,
    deliverables: input.expected_deliverables ?? [],
    criteria: input.success_criteria ?? [],
    constraints: input.constraints ?? [],
    files: input.relevant_files ?? [],
    history: input.conversation_history ?? [],
  };
}

/**
 * Refuses to change a task that is closed.
 * @throws {Fault} TASK_CLOSED.
 */
export function refuseClosed({ id, status }: Pick<TaskRecord, "id" | "status">): void {
  if (status === "open") return;
  throw new Fault("TASK_CLOSED", `The task "${id}" is closed: ${status}.`, {
    hint: "Create another task with create_real_task; what this one wrote stays readable.",
    details: { task_id: id, status },
  });
}

/** What of a task's limits is used. */
export interface LimitUse {
  readonly running: number;
  readonly total: number;
  /** Bytes that its agents' files take. */
  readonly disk: number;
}

/**
 * Refuses an agent that would exceed a limit of its task. Pure; the caller holds the
 * transaction in which the answer stays true.
 *
 * @param depth  Generation of the new agent, >= 1.
 * @throws {Fault} LIMIT_REACHED naming the limit, its use and the setting.
 */
export function admit(limits: Limits, use: LimitUse, depth: number): void {
  if (depth > limits.depth)
    throw reached("depth", "generations of agents", depth - 1, limits.depth);
  if (use.total >= limits.total) throw reached("total", "agents in all", use.total, limits.total);
  if (use.running >= limits.running) {
    throw reached("running", "agents running at once", use.running, limits.running);
  }
  const disk = limits.disk ?? null;
  if (disk !== null && use.disk >= disk) throw diskReached(use.disk, disk);
}

function diskReached(used: number, allowed: number): Fault {
  const message = `The task's files take ${humanBytes(used)} of ${humanBytes(allowed)} (setting limit_task_disk_mb).`;
  return new Fault("LIMIT_REACHED", message, {
    hint: "Create another task, or raise the limit in create_real_task limits.disk_mb.",
    details: { limit: "disk", used, allowed, setting: "limit_task_disk_mb" },
  });
}

function reached(
  name: "running" | "total" | "depth",
  what: string,
  used: number,
  limit: number,
): Fault {
  const hints: Record<typeof name, string> = {
    running: "Wait for an agent of the task to end, or stop one with kill_real_agent.",
    total: "Create another task, or raise the limit in create_real_task limits.total.",
    depth: "Do the work in this agent instead of spawning a child.",
  };
  return new Fault(
    "LIMIT_REACHED",
    `The task has ${used} of ${limit} ${what} (setting limit_${name}).`,
    {
      hint: hints[name],
      details: { limit: name, used, allowed: limit, setting: `limit_${name}` },
    },
  );
}
