/**
 * The schema, as the steps that lead to it. A released step is never edited: a change is a
 * new step. `user_version` of the database is the number of steps that it has taken.
 */

export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE world (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    priority TEXT NOT NULL,
    workspace TEXT NOT NULL,
    client_cwd TEXT,
    limits TEXT NOT NULL,
    context TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    type TEXT NOT NULL,
    harness TEXT NOT NULL,
    permission TEXT NOT NULL,
    parent TEXT NOT NULL,
    depth INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    status TEXT NOT NULL,
    host TEXT NOT NULL,
    session TEXT NOT NULL,
    containment TEXT NOT NULL,
    directory TEXT NOT NULL,
    cwd TEXT NOT NULL,
    idempotency_key TEXT,
    token_hash TEXT UNIQUE,
    warnings TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    wall_until INTEGER NOT NULL,
    linger_until INTEGER,
    stop TEXT,
    exit_code INTEGER,
    signal TEXT,
    reason TEXT,
    reported TEXT,
    activity TEXT,
    usage TEXT,
    cli_session TEXT,
    UNIQUE (task_id, idempotency_key)
  ) STRICT;
  CREATE INDEX agents_by_task ON agents (task_id, created_at);
  CREATE INDEX agents_live ON agents (status) WHERE ended_at IS NULL;

  CREATE TABLE resources (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    locator TEXT NOT NULL,
    identity TEXT,
    retain INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    seen TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    retain_until INTEGER,
    UNIQUE (owner, kind, locator)
  ) STRICT;
  CREATE INDEX resources_held ON resources (owner) WHERE state IN ('intended', 'held', 'releasing');
  CREATE INDEX resources_retained ON resources (retain_until) WHERE state = 'retained';

  CREATE TABLE progress (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    status TEXT NOT NULL,
    message TEXT NOT NULL,
    progress INTEGER NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX progress_by_task ON progress (task_id, seq);
  CREATE INDEX progress_by_agent ON progress (agent_id, seq);

  CREATE TABLE findings (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    finding_type TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    details TEXT,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX findings_by_task ON findings (task_id, seq);
  CREATE INDEX findings_by_agent ON findings (agent_id, seq);

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    task_id TEXT,
    agent_id TEXT,
    facts TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE sweep_plans (
    id TEXT PRIMARY KEY,
    made INTEGER NOT NULL,
    targets TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // What a runner does when its daemon is gone: seconds until it stops the agent; NULL keeps it.
  "ALTER TABLE agents ADD COLUMN daemon_gone_stop_s INTEGER;",
];
