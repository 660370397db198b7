/**
 * The schema, as the steps that lead to it. A released step is never edited: a change is a
 * new step. `user_version` of the database is the number of steps that it has taken.
 */

import { ALERTS, SAMPLES } from "./monitoring-schema.ts";

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
  `
  ALTER TABLE tasks ADD COLUMN status TEXT NOT NULL DEFAULT 'open';
  ALTER TABLE tasks ADD COLUMN closed_at INTEGER;
  ALTER TABLE tasks ADD COLUMN close_reason TEXT;
  CREATE INDEX tasks_by_time ON tasks (created_at, id);
  CREATE INDEX tasks_by_status ON tasks (status, created_at, id);
  CREATE INDEX agents_counted ON agents (task_id, status, depth);
  CREATE INDEX agents_live_by_task ON agents (task_id) WHERE ended_at IS NULL;
  CREATE INDEX events_by_task ON events (task_id, seq);
  ALTER TABLE progress ADD COLUMN validation TEXT;

  CREATE TABLE results (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;

  -- One number over all kinds of record, in the order of time: what a page of hits ends with.
  CREATE TABLE search_rows (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    seq INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (kind, seq)
  ) STRICT;
  CREATE VIRTUAL TABLE search_text USING fts5 (
    body, scope, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
  );

  CREATE TRIGGER findings_searched AFTER INSERT ON findings BEGIN
    INSERT INTO search_rows (kind, seq, task_id, agent_id, at)
      VALUES ('finding', new.seq, new.task_id, new.agent_id, new.at);
    INSERT INTO search_text (rowid, body, scope) SELECT id,
      new.finding_type || ' ' || new.message || ' ' || coalesce(new.details, ''),
      new.task_id || ' ' || new.agent_id FROM search_rows WHERE kind = 'finding' AND seq = new.seq;
  END;
  CREATE TRIGGER findings_forgotten AFTER DELETE ON findings BEGIN
    DELETE FROM search_text WHERE rowid IN (SELECT id FROM search_rows WHERE kind = 'finding' AND seq = old.seq);
    DELETE FROM search_rows WHERE kind = 'finding' AND seq = old.seq;
  END;
  CREATE TRIGGER progress_searched AFTER INSERT ON progress BEGIN
    INSERT INTO search_rows (kind, seq, task_id, agent_id, at)
      VALUES ('progress', new.seq, new.task_id, new.agent_id, new.at);
    INSERT INTO search_text (rowid, body, scope) SELECT id, new.status || ' ' || new.message,
      new.task_id || ' ' || new.agent_id FROM search_rows WHERE kind = 'progress' AND seq = new.seq;
  END;
  CREATE TRIGGER progress_forgotten AFTER DELETE ON progress BEGIN
    DELETE FROM search_text WHERE rowid IN (SELECT id FROM search_rows WHERE kind = 'progress' AND seq = old.seq);
    DELETE FROM search_rows WHERE kind = 'progress' AND seq = old.seq;
  END;
  CREATE TRIGGER results_searched AFTER INSERT ON results BEGIN
    INSERT INTO search_rows (kind, seq, task_id, agent_id, at)
      VALUES ('result', new.seq, new.task_id, new.agent_id, new.at);
    INSERT INTO search_text (rowid, body, scope) SELECT id, new.status || ' ' || new.text,
      new.task_id || ' ' || new.agent_id FROM search_rows WHERE kind = 'result' AND seq = new.seq;
  END;
  CREATE TRIGGER results_forgotten AFTER DELETE ON results BEGIN
    DELETE FROM search_text WHERE rowid IN (SELECT id FROM search_rows WHERE kind = 'result' AND seq = old.seq);
    DELETE FROM search_rows WHERE kind = 'result' AND seq = old.seq;
  END;

  -- What was recorded before. Of results only the reasons are left: their words were never kept.
  INSERT INTO results (task_id, agent_id, status, text, at)
    SELECT task_id, id, status, reason, ended_at FROM agents
    WHERE ended_at IS NOT NULL AND reason IS NOT NULL ORDER BY ended_at, rowid;
  DELETE FROM search_text;
  DELETE FROM search_rows;
  INSERT INTO search_rows (kind, seq, task_id, agent_id, at)
    SELECT * FROM (
      SELECT 'finding', seq, task_id, agent_id, at FROM findings
      UNION ALL SELECT 'progress', seq, task_id, agent_id, at FROM progress
      UNION ALL SELECT 'result', seq, task_id, agent_id, at FROM results
    ) ORDER BY 5, 1, 2;
  INSERT INTO search_text (rowid, body, scope)
    SELECT search_rows.id, finding_type || ' ' || message || ' ' || coalesce(details, ''),
      search_rows.task_id || ' ' || search_rows.agent_id
    FROM search_rows JOIN findings ON findings.seq = search_rows.seq WHERE kind = 'finding';
  INSERT INTO search_text (rowid, body, scope)
    SELECT search_rows.id, status || ' ' || message, search_rows.task_id || ' ' || search_rows.agent_id
    FROM search_rows JOIN progress ON progress.seq = search_rows.seq WHERE kind = 'progress';
  INSERT INTO search_text (rowid, body, scope)
    SELECT search_rows.id, status || ' ' || text, search_rows.task_id || ' ' || search_rows.agent_id
    FROM search_rows JOIN results ON results.seq = search_rows.seq WHERE kind = 'result';
  `,
  // Which agents are to be archived, and which archives there are, among a hundred thousand agents.
  `
  CREATE INDEX resources_kept ON resources (kind, changed_at, id) WHERE state = 'retained';
  `,
  // What agents take on the disk. Sums are kept by the database itself, whoever changes or
  // deletes an agent; what the ledger gives back or retains makes its owner due for a new look.
  `
  ALTER TABLE agents ADD COLUMN output_bytes INTEGER;
  ALTER TABLE agents ADD COLUMN disk_bytes INTEGER;
  ALTER TABLE agents ADD COLUMN disk_due INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE agents ADD COLUMN output_limit INTEGER;
  ALTER TABLE agents ADD COLUMN disk_limit INTEGER;
  CREATE INDEX agents_disk_due ON agents (id) WHERE disk_due = 1 AND ended_at IS NOT NULL;

  CREATE TABLE task_disk (
    task_id TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER agents_disk_changed AFTER UPDATE OF disk_bytes ON agents
  WHEN coalesce(NEW.disk_bytes, 0) <> coalesce(OLD.disk_bytes, 0) BEGIN
    INSERT INTO task_disk VALUES (NEW.task_id, coalesce(NEW.disk_bytes, 0) - coalesce(OLD.disk_bytes, 0))
    ON CONFLICT (task_id) DO UPDATE SET bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER agents_disk_deleted AFTER DELETE ON agents BEGIN
    UPDATE task_disk SET bytes = bytes - coalesce(OLD.disk_bytes, 0) WHERE task_id = OLD.task_id;
  END;
  CREATE TRIGGER tasks_disk_deleted AFTER DELETE ON tasks BEGIN
    DELETE FROM task_disk WHERE task_id = OLD.id;
  END;
  CREATE TRIGGER resources_disk_due AFTER UPDATE OF state ON resources
  WHEN NEW.state IN ('released', 'retained') AND NEW.state <> OLD.state BEGIN
    UPDATE agents SET disk_due = 1 WHERE id = NEW.owner AND disk_due = 0;
  END;
  `,
  // Secrets by their fingerprints, never themselves: see src/output/fingerprints.ts.
  `
  CREATE TABLE secrets (
    digest TEXT PRIMARY KEY,
    length INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    prefix INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // Since when only the outcome of an agent is kept, and how many outcomes a task has lost.
  `
  ALTER TABLE agents ADD COLUMN forgotten_at INTEGER;
  ALTER TABLE tasks ADD COLUMN forgotten_agents INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX agents_to_forget ON agents (ended_at) WHERE ended_at IS NOT NULL AND forgotten_at IS NULL;
  CREATE INDEX agents_forgotten ON agents (ended_at) WHERE forgotten_at IS NOT NULL;
  CREATE INDEX tasks_closed ON tasks (closed_at, id) WHERE closed_at IS NOT NULL;
  `,
  // What keeps a running agent from its model, and after how long without doing anything it is stopped.
  `
  ALTER TABLE agents ADD COLUMN trouble TEXT;
  ALTER TABLE agents ADD COLUMN idle_ms INTEGER;
  `,
  // Always empty: what was in it for a moment left free pages behind.
  "CREATE TABLE room (pages BLOB NOT NULL) STRICT;",
  // How long streams were at which time: see src/supervision/stream-times.ts.
  `
  CREATE TABLE stream_times (
    agent_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (agent_id, at)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER stream_times_forgotten AFTER DELETE ON agents BEGIN
    DELETE FROM stream_times WHERE agent_id = OLD.id;
  END;
  `,
  SAMPLES,
  // What agents may spend, and what a task has spent: its sum follows each agent's usage, whoever
  // writes it, and outlives the agent's own row. Cost in millionths of a dollar, so that sums are exact.
  `
  ALTER TABLE agents ADD COLUMN token_limit INTEGER;
  ALTER TABLE agents ADD COLUMN cost_limit REAL;
  CREATE TABLE task_spent (
    task_id TEXT PRIMARY KEY,
    tokens INTEGER NOT NULL,
    microusd INTEGER NOT NULL,
    untold INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE VIEW agent_spent AS SELECT id, task_id,
    coalesce(json_extract(usage, '$.input_tokens'), 0) + coalesce(json_extract(usage, '$.output_tokens'), 0) AS tokens,
    CAST(round(coalesce(json_extract(usage, '$.cost_usd'), 0) * 1000000) AS INTEGER) AS microusd,
    json_extract(usage, '$.cost_usd') IS NULL
      AND coalesce(json_extract(usage, '$.input_tokens'), json_extract(usage, '$.output_tokens'), 0) > 0 AS untold
  FROM agents;
  INSERT INTO task_spent SELECT task_id, sum(tokens), sum(microusd), sum(untold) FROM agent_spent GROUP BY task_id;
  CREATE TRIGGER agents_spend BEFORE UPDATE OF usage ON agents WHEN NEW.usage IS NOT OLD.usage BEGIN
    UPDATE task_spent SET
      tokens = tokens - (SELECT tokens FROM agent_spent WHERE id = OLD.id),
      microusd = microusd - (SELECT microusd FROM agent_spent WHERE id = OLD.id),
      untold = untold - (SELECT untold FROM agent_spent WHERE id = OLD.id)
    WHERE task_id = OLD.task_id;
  END;
  CREATE TRIGGER agents_spent AFTER UPDATE OF usage ON agents WHEN NEW.usage IS NOT OLD.usage BEGIN
    INSERT INTO task_spent SELECT task_id, tokens, microusd, untold FROM agent_spent WHERE id = NEW.id
    ON CONFLICT (task_id) DO UPDATE SET
      tokens = tokens + excluded.tokens, microusd = microusd + excluded.microusd, untold = untold + excluded.untold;
  END;
  CREATE TRIGGER tasks_spent_deleted AFTER DELETE ON tasks BEGIN
    DELETE FROM task_spent WHERE task_id = OLD.id;
  END;
  `,
  // Whose conversation an agent goes on with, what it was deployed with, and messages to agents.
  // How many messages an agent may have is bounded where they are added.
  `
  ALTER TABLE agents ADD COLUMN resumed_from TEXT;
  ALTER TABLE agents ADD COLUMN resumed_as TEXT;
  ALTER TABLE agents ADD COLUMN options TEXT;

  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    relation TEXT NOT NULL,
    text TEXT NOT NULL,
    idempotency_key TEXT,
    sent_at INTEGER NOT NULL,
    offers INTEGER NOT NULL DEFAULT 0,
    carrier TEXT,
    way TEXT,
    delivered_at INTEGER,
    consumed_at INTEGER,
    evidence TEXT
  ) STRICT;
  CREATE INDEX messages_of ON messages (agent_id, seq);
  CREATE INDEX messages_open ON messages (agent_id) WHERE consumed_at IS NULL;
  CREATE INDEX messages_carried ON messages (carrier) WHERE consumed_at IS NULL;
  CREATE UNIQUE INDEX messages_once ON messages (agent_id, sender, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
  CREATE TRIGGER messages_forgotten AFTER UPDATE OF forgotten_at ON agents
  WHEN NEW.forgotten_at IS NOT NULL BEGIN
    DELETE FROM messages WHERE agent_id = NEW.id;
  END;
  CREATE TRIGGER messages_dropped AFTER DELETE ON agents BEGIN
    DELETE FROM messages WHERE agent_id = OLD.id;
  END;
  `,
  ALERTS,
  // What the CLI of a conversation last said that the whole of it had used.
  "ALTER TABLE agents ADD COLUMN usage_told TEXT;",
  // Accounts whose quota was used up, and whose account an agent uses: see src/agents/quota.ts.
  `
  ALTER TABLE agents ADD COLUMN quota_key TEXT;
  ALTER TABLE agents ADD COLUMN quota_label TEXT;
  CREATE TABLE circuits (
    key TEXT PRIMARY KEY,
    facts TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // Agents that wait for the quota of their account, until they are started or ended.
  `
  CREATE TABLE queued_agents (
    agent_id TEXT PRIMARY KEY,
    prompt TEXT NOT NULL,
    until INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER queued_agents_gone AFTER UPDATE OF status ON agents
  WHEN OLD.status = 'queued' AND NEW.status <> 'queued' BEGIN
    DELETE FROM queued_agents WHERE agent_id = NEW.id;
  END;
  `,
  // The words with which an alert was raised, for a notice of it that arrives when it is over.
  `
  ALTER TABLE alerts ADD COLUMN raised_evidence TEXT NOT NULL DEFAULT '';
  UPDATE alerts SET raised_evidence = evidence;
  `,
];
