/** Rows to records: the only place that knows how columns spell them. */
import type { AgentRecord, StopRecord } from "../../agents/record.ts";
import type { CorralEvent } from "../../contract/events.ts";
import { isoTime } from "../../kernel/units.ts";
import type { Resource } from "../../ledger/resource.ts";
import type { FindingRecord, ProgressRecord } from "../../supervision/store.ts";
import type { TaskRecord } from "../../tasks/task.ts";
import type { Row } from "./database.ts";

// The columns are written by this adapter alone and STRICT tables hold their types,
// so a row is trusted to be what was written.
const text = (row: Row, column: string): string => row[column] as string;
const textOrNull = (row: Row, column: string): string | null =>
  (row[column] ?? null) as string | null;
const number = (row: Row, column: string): number => row[column] as number;
const numberOrNull = (row: Row, column: string): number | null =>
  (row[column] ?? null) as number | null;

/** The value of a JSON column; null for an SQL NULL. */
export function json<T>(row: Row, column: string): T | null {
  const value = row[column];
  return typeof value === "string" ? (JSON.parse(value) as T) : null;
}

/** A value for a JSON column; null stays NULL. */
export function toJson(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

export function taskOf(row: Row): TaskRecord {
  return {
    id: text(row, "id"),
    description: text(row, "description"),
    priority: text(row, "priority") as TaskRecord["priority"],
    workspace: text(row, "workspace"),
    clientCwd: textOrNull(row, "client_cwd"),
    limits: json<TaskRecord["limits"]>(row, "limits")!,
    context: json<TaskRecord["context"]>(row, "context")!,
    createdAt: number(row, "created_at"),
    status: text(row, "status") as TaskRecord["status"],
    closedAt: numberOrNull(row, "closed_at"),
    closeReason: textOrNull(row, "close_reason"),
  };
}

/** NULL, as in rows of before, keeps the agent. */
function onDaemonGoneOf(stopAfterS: number | null): AgentRecord["onDaemonGone"] {
  return stopAfterS === null ? "keep" : { stop_after_s: stopAfterS };
}

export function agentOf(row: Row): AgentRecord {
  return {
    id: text(row, "id"),
    taskId: text(row, "task_id"),
    type: text(row, "type"),
    harness: text(row, "harness") as AgentRecord["harness"],
    permission: text(row, "permission") as AgentRecord["permission"],
    parent: text(row, "parent"),
    depth: number(row, "depth"),
    slot: number(row, "slot"),
    status: text(row, "status") as AgentRecord["status"],
    host: text(row, "host") as AgentRecord["host"],
    session: text(row, "session"),
    containment: text(row, "containment"),
    directory: text(row, "directory"),
    cwd: text(row, "cwd"),
    idempotencyKey: textOrNull(row, "idempotency_key"),
    onDaemonGone: onDaemonGoneOf(numberOrNull(row, "daemon_gone_stop_s")),
    warnings: json<string[]>(row, "warnings") ?? [],
    createdAt: number(row, "created_at"),
    startedAt: numberOrNull(row, "started_at"),
    endedAt: numberOrNull(row, "ended_at"),
    wallUntil: number(row, "wall_until"),
    outputLimit: numberOrNull(row, "output_limit"),
    diskLimit: numberOrNull(row, "disk_limit"),
    outputBytes: numberOrNull(row, "output_bytes"),
    diskBytes: numberOrNull(row, "disk_bytes"),
    lingerUntil: numberOrNull(row, "linger_until"),
    stop: json<StopRecord>(row, "stop"),
    exitCode: numberOrNull(row, "exit_code"),
    signal: textOrNull(row, "signal"),
    reason: textOrNull(row, "reason"),
    reported: json<NonNullable<AgentRecord["reported"]>>(row, "reported"),
    activity: textOrNull(row, "activity") as AgentRecord["activity"],
    trouble: json<NonNullable<AgentRecord["trouble"]>>(row, "trouble"),
    idleMs: numberOrNull(row, "idle_ms"),
    usage: json<NonNullable<AgentRecord["usage"]>>(row, "usage"),
    tokenLimit: numberOrNull(row, "token_limit"),
    costLimit: numberOrNull(row, "cost_limit"),
    quotaKey: textOrNull(row, "quota_key"),
    quotaLabel: textOrNull(row, "quota_label"),
    cliSession: textOrNull(row, "cli_session"),
    usageTold: json<NonNullable<AgentRecord["usageTold"]>>(row, "usage_told"),
    resumedFrom: textOrNull(row, "resumed_from"),
    resumedAs: textOrNull(row, "resumed_as"),
    options: json<NonNullable<AgentRecord["options"]>>(row, "options"),
    forgottenAt: numberOrNull(row, "forgotten_at"),
  };
}

export function resourceOf(row: Row): Resource {
  return {
    id: number(row, "id"),
    owner: text(row, "owner"),
    kind: text(row, "kind") as Resource["kind"],
    locator: text(row, "locator"),
    identity: json(row, "identity"),
    retain: number(row, "retain") === 1,
    state: text(row, "state") as Resource["state"],
    attempts: number(row, "attempts"),
    seen: textOrNull(row, "seen"),
    error: textOrNull(row, "error"),
    createdAt: number(row, "created_at"),
    changedAt: number(row, "changed_at"),
    retainUntil: numberOrNull(row, "retain_until"),
  };
}

export function progressOf(row: Row): ProgressRecord {
  return {
    seq: number(row, "seq"),
    agentId: text(row, "agent_id"),
    status: text(row, "status"),
    message: text(row, "message"),
    progress: number(row, "progress"),
    at: number(row, "at"),
    validation: json<NonNullable<ProgressRecord["validation"]>>(row, "validation"),
  };
}

export function findingOf(row: Row): FindingRecord {
  return {
    seq: number(row, "seq"),
    agentId: text(row, "agent_id"),
    findingType: text(row, "finding_type"),
    severity: text(row, "severity") as FindingRecord["severity"],
    message: text(row, "message"),
    details: json<Record<string, unknown>>(row, "details"),
    at: number(row, "at"),
  };
}

export function eventOf(row: Row): CorralEvent {
  return {
    seq: number(row, "seq"),
    at: isoTime(number(row, "at")),
    kind: text(row, "kind") as CorralEvent["kind"],
    task_id: textOrNull(row, "task_id"),
    agent_id: textOrNull(row, "agent_id"),
    facts: json<Record<string, unknown>>(row, "facts") ?? {},
  };
}
