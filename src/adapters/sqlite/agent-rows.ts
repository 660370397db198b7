/** Agents in the store: admission, transitions that happen once, and the looks over them. */
import type { AgentRecord, Settlement, StopRecord } from "../../agents/record.ts";
import type { Usage } from "../../contract/agent.ts";
import { Fault } from "../../kernel/fault.ts";
import type { Clock } from "../../kernel/ports.ts";
import { isoTime } from "../../kernel/units.ts";
import type { DoingRecord, NewAgent, Store } from "../../supervision/store.ts";
import { grownUsage, refuseSpent } from "../../tasks/budget.ts";
import { admit, budgetOf, refuseClosed } from "../../tasks/task.ts";
import type { Database } from "./database.ts";
import { diskUseOf } from "./disk-rows.ts";
import type { EventRows } from "./event-rows.ts";
import { UNFINISHED, writeIntents } from "./ledger-rows.ts";
import { messageRows } from "./message-rows.ts";
import { agentOf, json, taskOf, toJson } from "./rows.ts";
import { NO_SLOT, takeSlot } from "./slots.ts";
import { taskSpentOf } from "./spent-rows.ts";

/** What is kept of a final result for the search; the stream has it whole. */
const RESULT_MAX_CHARS = 64 * 1_024;

export type AgentRows = Pick<
  Store,
  | "admitAgent"
  | "agent"
  | "agentsOf"
  | "countAgents"
  | "unfinishedAgents"
  | "agentByToken"
  | "revokeToken"
  | "countLive"
  | "countHeld"
  | "markRunning"
  | "recordStop"
  | "recordLinger"
  | "recordDoing"
  | "settle"
>;

/** Records that are kept until something is written. */
const KNOWN_MOST = 1_000;

export function agentRows(database: Database, events: EventRows, clock: Clock): AgentRows {
  const messages = messageRows(database, events);
  const list = (sql: string, ...values: (string | number)[]): AgentRecord[] =>
    database.all(sql, ...values).map(agentOf);
  const one = (id: string): AgentRecord | null => {
    const row = database.get("SELECT * FROM agents WHERE id = ?", id);
    return row === undefined ? null : agentOf(row);
  };
  const known = database.keptUntilWritten(() => new Map<string, AgentRecord>());
  const countOf = (sql: string, ...values: string[]): number =>
    Number(database.get(sql, ...values)?.["n"] ?? 0);

  return {
    admitAgent: (agent) =>
      events.atomically(() => {
        const admitted = admitAgent(database, events, agent, countOf);
        if (admitted.isNew) messages.offerMessages(agent.messages, agent.id, "resume");
        return admitted;
      }),
    agent(id) {
      // Each loop asks for its agent every half minute, and hundreds of quiet ones write nothing.
      const kept = known();
      const agent = kept.get(id) ?? one(id);
      if (agent !== null && kept.size < KNOWN_MOST) kept.set(id, agent);
      return agent;
    },
    agentsOf: (taskId) =>
      list("SELECT * FROM agents WHERE task_id = ? ORDER BY created_at, rowid", taskId),
    countAgents: (taskId) =>
      countOf(
        `SELECT forgotten_agents + (SELECT count(*) FROM agents WHERE task_id = tasks.id) AS n
         FROM tasks WHERE id = ?`,
        taskId,
      ),
    unfinishedAgents: database.keptUntilWritten(() =>
      list(`SELECT * FROM agents WHERE ${UNFINISHED} ORDER BY rowid`),
    ),
    agentByToken(tokenHash) {
      const row = database.get("SELECT * FROM agents WHERE token_hash = ?", tokenHash);
      return row === undefined ? null : agentOf(row);
    },
    revokeToken: (id) => void database.run("UPDATE agents SET token_hash = NULL WHERE id = ?", id),
    countLive: () => countOf("SELECT count(*) AS n FROM agents WHERE ended_at IS NULL"),
    countHeld: () =>
      countOf(
        "SELECT count(*) AS n FROM resources WHERE state IN ('intended', 'held', 'releasing')",
      ),
    markRunning(id, startedAt, warnings) {
      events.atomically(() => {
        const { changes } = database.run(
          `UPDATE agents SET status = 'running', started_at = ?, warnings = ?
           WHERE id = ? AND status = 'starting'`,
          startedAt,
          toJson(warnings),
          id,
        );
        if (changes === 0) return;
        events.add(told("agent.running", one(id)!, {}));
        // What stood at the head of its prompt is handed over with its start.
        const carried = messages.openMessages(id).filter(({ carrier }) => carrier === id);
        messages.deliverMessages(
          carried.map((message) => message.id),
          id,
          startedAt,
        );
      });
    },
    recordStop(id, stop) {
      events.atomically(() => recordStop(database, events, one(id), stop));
    },
    recordLinger(id, until) {
      database.run(
        "UPDATE agents SET linger_until = min(coalesce(linger_until, ?), ?) WHERE id = ?",
        until,
        until,
        id,
      );
    },
    recordDoing: (id, doing) =>
      events.atomically(() => recordDoing(database, events, one(id), doing)),
    settle: (id, settlement) =>
      events.atomically(() => settle(database, events, id, settlement, clock)),
  };
}

function admitAgent(
  database: Database,
  events: EventRows,
  agent: NewAgent,
  countOf: (sql: string, ...values: string[]) => number,
): { readonly agent: AgentRecord; readonly isNew: boolean } {
  if (agent.idempotencyKey !== null) {
    const earlier = database.get(
      "SELECT * FROM agents WHERE task_id = ? AND idempotency_key = ?",
      agent.taskId,
      agent.idempotencyKey,
    );
    if (earlier !== undefined) return { agent: agentOf(earlier), isNew: false };
  }
  refuseGoneOn(database, agent.resumedFrom);
  const task = taskOf(database.get("SELECT * FROM tasks WHERE id = ?", agent.taskId)!);
  refuseClosed(task);
  const total = countOf(
    `SELECT forgotten_agents + (SELECT count(*) FROM agents WHERE task_id = tasks.id) AS n
     FROM tasks WHERE id = ?`,
    agent.taskId,
  );
  const running = countOf(
    "SELECT count(*) AS n FROM agents WHERE task_id = ? AND ended_at IS NULL",
    agent.taskId,
  );
  admit(task.limits, { running, total, disk: diskUseOf(database, task.id) }, agent.depth);
  refuseSpent(task.id, taskSpentOf(database, task.id), budgetOf(task.limits));
  const { waits } = agent;
  const slot = waits === undefined ? takeSlot(database) : NO_SLOT;
  const row = database.get(
    `INSERT INTO agents (id, task_id, type, harness, permission, parent, depth, slot, status, host, session,
       containment, directory, cwd, idempotency_key, daemon_gone_stop_s, idle_ms, token_hash, created_at, wall_until,
       output_limit, disk_limit, token_limit, cost_limit, resumed_from, options, quota_key, quota_label)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
    agent.id,
    agent.taskId,
    agent.type,
    agent.harness,
    agent.permission,
    agent.parent,
    agent.depth,
    slot,
    waits === undefined ? "starting" : "queued",
    agent.host,
    agent.session,
    agent.containment,
    agent.directory,
    agent.cwd,
    agent.idempotencyKey,
    agent.onDaemonGone === "keep" ? null : agent.onDaemonGone.stop_after_s,
    agent.idleMs,
    waits === undefined ? agent.tokenHash : null,
    agent.createdAt,
    agent.wallUntil,
    agent.outputLimit,
    agent.diskLimit,
    agent.tokenLimit,
    agent.costLimit,
    agent.resumedFrom,
    toJson(agent.options),
    agent.quotaKey,
    agent.quotaLabel,
  );
  const record = agentOf(row!);
  if (waits !== undefined) {
    const { prompt, until } = waits;
    database.run("INSERT INTO queued_agents VALUES (?, ?, ?)", agent.id, prompt, until);
    const facts = { type: record.type, parent: record.parent, until: isoTime(until) };
    events.add(told("agent.queued", record, facts));
    return { agent: record, isNew: true };
  }
  if (agent.resumedFrom !== null) {
    database.run("UPDATE agents SET resumed_as = ? WHERE id = ?", agent.id, agent.resumedFrom);
    database.run(
      "UPDATE agents SET usage_told = (SELECT usage_told FROM agents WHERE id = ?) WHERE id = ?",
      agent.resumedFrom,
      agent.id,
    );
  }
  writeIntents(database, agent.id, agent.intents(slot), agent.createdAt);
  const { parent, resumedFrom, type } = record;
  events.add(told("agent.starting", record, { type, parent, resumed_from: resumedFrom }));
  return { agent: record, isNew: true };
}

/** Two runs of one session would write into one conversation; the chain has one end, and that goes on. */
function refuseGoneOn(database: Database, resumedFrom: string | null): void {
  if (resumedFrom === null) return;
  const row = database.get(
    `SELECT * FROM agents WHERE id = (SELECT resumed_as FROM agents WHERE id = ?)
       AND (ended_at IS NULL OR cli_session IS NOT NULL)`,
    resumedFrom,
  );
  if (row === undefined) return;
  const { endedAt, id } = agentOf(row);
  throw new Fault("RESUME_REFUSED", `"${resumedFrom}" goes on as "${id}" already.`, {
    hint:
      endedAt === null
        ? `Use send_agent_message with agent_id "${id}".`
        : `Call resume_agent with agent_id "${id}".`,
    details: { agent_id: resumedFrom, why: "resumed", resumed_as: id },
  });
}

function recordStop(
  database: Database,
  events: EventRows,
  agent: AgentRecord | null,
  stop: StopRecord,
): void {
  if (agent === null) return;
  const earlier = agent.stop;
  const merged: StopRecord =
    earlier === null
      ? stop
      : {
          ...earlier,
          graceMs: Math.min(earlier.graceMs, stop.graceMs),
          intAt: earlier.intAt ?? stop.intAt,
          termAt: earlier.termAt ?? stop.termAt,
          killAt: earlier.killAt ?? stop.killAt,
        };
  database.run(
    `UPDATE agents SET stop = ?,
       status = CASE WHEN ended_at IS NULL THEN 'stopping' ELSE status END WHERE id = ?`,
    toJson(merged),
    agent.id,
  );
  if (earlier === null && agent.endedAt === null) {
    events.add(told("agent.stopping", agent, { cause: stop.cause, reason: stop.reason }));
  }
}

function recordDoing(
  database: Database,
  events: EventRows,
  agent: AgentRecord | null,
  { activity, cliSession, trouble, usage }: DoingRecord,
): void {
  if (agent === null || agent.endedAt !== null) return;
  database.run(
    `UPDATE agents SET activity = ?, trouble = ?, usage = ?,
       cli_session = coalesce(?, cli_session) WHERE id = ?`,
    activity,
    toJson(trouble),
    toJson(grownUsage(agent.usage, usage)),
    cliSession,
    agent.id,
  );
  const { parent } = agent;
  if (agent.activity !== activity) {
    events.add(told("agent.activity", agent, { activity, previous: agent.activity, parent }));
  }
  const isNews = agent.trouble?.kind !== trouble?.kind || agent.trouble?.until !== trouble?.until;
  if (isNews) events.add(told("agent.trouble", agent, { ...troubleFacts(trouble), parent }));
}

function troubleFacts(trouble: AgentRecord["trouble"]): Readonly<Record<string, unknown>> {
  if (trouble === null) return { trouble: null };
  const { attempts, kind, message, until } = trouble;
  return { trouble: kind, message, until: until === null ? null : isoTime(until), attempts };
}

function settle(
  database: Database,
  events: EventRows,
  id: string,
  settlement: Settlement,
  clock: Clock,
): boolean {
  const before = database.get("SELECT usage FROM agents WHERE id = ?", id);
  const usedBefore = before === undefined ? null : json<Usage>(before, "usage");
  const row = database.get(
    `UPDATE agents SET status = ?, exit_code = ?, signal = ?, reason = ?, ended_at = ?,
       usage = ?, usage_told = coalesce(?, usage_told), cli_session = coalesce(?, cli_session),
       activity = NULL, trouble = NULL
     WHERE id = ? AND ended_at IS NULL RETURNING *`,
    settlement.status,
    settlement.exitCode,
    settlement.signal,
    settlement.reason,
    settlement.endedAt,
    toJson(grownUsage(usedBefore, settlement.usage)),
    toJson(settlement.usageTold),
    settlement.cliSession,
    id,
  );
  if (row === undefined) return false;
  const { status, exitCode, signal, reason, result } = settlement;
  database.run(
    "INSERT INTO results (task_id, agent_id, status, text, at) VALUES (?, ?, ?, ?, ?)",
    String(row["task_id"]),
    id,
    status,
    // What it said itself; where it said nothing, how it ended.
    (result ?? "") === "" ? reason : result!.slice(0, RESULT_MAX_CHARS),
    settlement.endedAt,
  );
  events.add(
    told("agent.settled", agentOf(row), {
      status,
      exit_code: exitCode,
      signal,
      reason,
      settled_at: clock.now(),
    }),
  );
  return true;
}

/** An event about an agent. */
export function told(
  kind:
    | "agent.queued"
    | "agent.starting"
    | "agent.running"
    | "agent.stopping"
    | "agent.settled"
    | "agent.activity"
    | "agent.trouble",
  agent: AgentRecord,
  facts: Readonly<Record<string, unknown>>,
): Parameters<EventRows["add"]>[0] {
  return { kind, taskId: agent.taskId, agentId: agent.id, facts };
}
