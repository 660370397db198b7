/** Questions over many tasks and agents: every one walks an index and stops at its limit. */
import type {
  AgentFilter,
  FindingFilter,
  HistoryStore,
  TaskFilter,
} from "../../supervision/history.ts";
import type { AgentRows } from "./agent-rows.ts";
import { type Condition, joined, oneOf } from "./conditions.ts";
import type { Database, Row } from "./database.ts";
import type { EventRows } from "./event-rows.ts";
import { HELD, UNFINISHED } from "./ledger-rows.ts";
import { agentOf, eventOf, findingOf, taskOf } from "./rows.ts";
import { spentIn } from "./spent-rows.ts";
import { searchRows } from "./search-rows.ts";

const TYPES_COUNTED = 50;

/** @param agents  Who records the stops of a task that is closed. */
export function historyRows(
  database: Database,
  events: EventRows,
  agents: Pick<AgentRows, "recordStop">,
): HistoryStore {
  const ask = (sql: string, conditions: readonly Condition[], tail: string, limit: number) => {
    const { where, values } = joined(conditions);
    return database.all(`${sql}${where} ${tail} LIMIT ?`, ...values, limit);
  };
  return {
    ...searchRows(database),
    tasksBy: (filter) =>
      ask(TASKS, taskConditions(filter), "ORDER BY created_at DESC, id DESC", filter.limit).map(
        (row) => ({
          task: taskOf(row),
          agents: Number(row["agents"]),
          agentsLive: Number(row["agents_live"]),
          diskBytes: Number(row["disk_bytes"]),
          spent: spentIn(row),
        }),
      ),
    agentsBy(filter) {
      const conditions = agentConditions(filter);
      const { where, values } = joined(conditions);
      const total = Number(
        database.get(`SELECT count(*) AS n FROM agents${where}`, ...values)?.["n"],
      );
      // Those that hold something first: they are what a reader has to see. Then the newest.
      const unfinished = filter.all
        ? ask(AGENTS, [...conditions, [UNFINISHED]], NEWEST, filter.limit)
        : [];
      const seen = new Set(unfinished.map((row) => row["id"]));
      const newest =
        unfinished.length < filter.limit ? ask(AGENTS, conditions, NEWEST, filter.limit) : [];
      const rows = [...unfinished, ...newest.filter((row) => !seen.has(row["id"]))].slice(
        0,
        filter.limit,
      );
      const inOrder = rows.toSorted((a, b) => Number(a["rowid"]) - Number(b["rowid"]));
      return { agents: inOrder.map(agentOf), leftOut: total - rows.length };
    },
    taskCounts(taskId) {
      const rows = database.all(
        "SELECT status, count(*) AS n, max(depth) AS depth FROM agents WHERE task_id = ? GROUP BY status",
        taskId,
      );
      return {
        byStatus: countsOf(rows, "status"),
        depth: Math.max(0, ...rows.map((row) => Number(row["depth"]))),
        forgotten: Number(
          database.get("SELECT forgotten_agents AS n FROM tasks WHERE id = ?", taskId)?.["n"] ?? 0,
        ),
      };
    },
    heldByOwner() {
      const rows = database.all(
        `SELECT owner, count(*) AS held, sum(attempts > 0) AS stuck FROM resources
         WHERE ${HELD} GROUP BY owner`,
      );
      return new Map(
        rows.map((row) => [
          String(row["owner"]),
          { held: Number(row["held"]), stuck: Number(row["stuck"]) },
        ]),
      );
    },
    findingsBy: (filter, afterSeq, limit) =>
      ask(
        "SELECT * FROM findings",
        [...findingConditions(filter), ["seq > ?", afterSeq]],
        "ORDER BY seq",
        limit,
      ).map(findingOf),
    findingCounts(filter) {
      const group = (column: string) =>
        countsOf(
          ask(
            `SELECT ${column}, count(*) AS n FROM findings`,
            findingConditions(filter),
            `GROUP BY ${column} ORDER BY n DESC`,
            TYPES_COUNTED,
          ),
          column,
        );
      const bySeverity = group("severity");
      const total = Object.values(bySeverity).reduce((sum, count) => sum + count, 0);
      return { total, bySeverity, byType: group("finding_type") };
    },
    taskEvents: (taskId, afterSeq, limit, kinds) =>
      ask(
        "SELECT * FROM events",
        [
          ["task_id = ?", taskId],
          ["seq > ?", afterSeq],
          kinds === undefined ? null : oneOf("kind", kinds),
        ],
        "ORDER BY seq",
        limit,
      ).map(eventOf),
    lastEventSeq: () => Number(database.get("SELECT max(seq) AS n FROM events")?.["n"] ?? 0),
    closeTask: (taskId, { status, reason, at }, graceMs) =>
      events.atomically(() => {
        const { changes } = database.run(
          `UPDATE tasks SET status = ?, closed_at = ?, close_reason = ? WHERE id = ? AND status = 'open'`,
          status,
          at,
          reason,
          taskId,
        );
        if (changes === 0) return [];
        events.add({ kind: "task.closed", taskId, facts: { status, reason } });
        const live = database
          .all(
            "SELECT id FROM agents WHERE task_id = ? AND ended_at IS NULL ORDER BY rowid",
            taskId,
          )
          .map((row) => String(row["id"]));
        const why = `Its task was closed: ${reason === "" ? status : reason}`;
        const stop = { cause: "closed", reason: why, graceMs, requestedAt: at } as const;
        for (const id of live) {
          agents.recordStop(id, { ...stop, intAt: null, termAt: null, killAt: null });
        }
        return live;
      }),
  };
}

const AGENTS = "SELECT *, rowid FROM agents";
const NEWEST = "ORDER BY created_at DESC, rowid DESC";

const TASKS = `SELECT tasks.*,
    (SELECT count(*) FROM agents WHERE task_id = tasks.id) AS agents,
    (SELECT count(*) FROM agents WHERE task_id = tasks.id AND ended_at IS NULL) AS agents_live,
    coalesce((SELECT bytes FROM task_disk WHERE task_id = tasks.id), 0) AS disk_bytes,
    spent.tokens, spent.microusd, spent.untold
  FROM tasks LEFT JOIN task_spent AS spent ON spent.task_id = tasks.id`;

function taskConditions({ status, clientCwd, prefix, after }: TaskFilter): readonly Condition[] {
  return [
    status === "all" ? null : ["status = ?", status],
    clientCwd === undefined ? null : ["client_cwd IS ?", clientCwd],
    beginning(prefix),
    after === undefined ? null : ["(created_at, id) < (?, ?)", after.createdAt, after.id],
  ];
}

function agentConditions({ taskId, all, prefix }: AgentFilter): readonly Condition[] {
  return [
    taskId === undefined ? null : ["task_id = ?", taskId],
    all ? null : [UNFINISHED],
    beginning(prefix),
  ];
}

function findingConditions(filter: FindingFilter): readonly Condition[] {
  const { taskId, agentId, findingType, severity, since } = filter;
  return [
    ["task_id = ?", taskId],
    agentId === undefined ? null : ["agent_id = ?", agentId],
    findingType === undefined ? null : ["finding_type = ?", findingType],
    severity === undefined ? null : ["severity = ?", severity],
    since === undefined ? null : ["at >= ?", since],
  ];
}

/** A range, so that an index serves it, and nothing that was typed is a pattern. */
function beginning(prefix: string | undefined): Condition {
  return prefix === undefined ? null : ["id >= ? AND id < ?", prefix, `${prefix}\u{10ffff}`];
}

function countsOf(rows: readonly Row[], column: string): Record<string, number> {
  return Object.fromEntries(rows.map((row) => [String(row[column]), Number(row["n"])]));
}
