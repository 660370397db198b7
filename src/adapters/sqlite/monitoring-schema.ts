/** Steps of the schema for samples and alerts; `migrations.ts` says when each is taken. */

/**
 * What agents used, as rows of bytes (src/supervision/sampling/points.ts), and what they take in
 * all: a row of its own, with its index entries, takes some hundred bytes besides.
 */
export const SAMPLES = `
  CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    step_s INTEGER NOT NULL,
    begun INTEGER NOT NULL,
    until INTEGER NOT NULL,
    points BLOB NOT NULL,
    size INTEGER GENERATED ALWAYS AS (length(points) + 2 * length(subject) + 100) VIRTUAL,
    UNIQUE (subject, step_s, begun)
  ) STRICT;
  CREATE INDEX samples_by_age ON samples (step_s, until);
  CREATE INDEX samples_by_end ON samples (until * step_s, id);
  CREATE TABLE sample_bytes (bytes INTEGER NOT NULL) STRICT;
  INSERT INTO sample_bytes VALUES (0);
  CREATE TRIGGER samples_added AFTER INSERT ON samples BEGIN
    UPDATE sample_bytes SET bytes = bytes + NEW.size;
  END;
  CREATE TRIGGER samples_grown AFTER UPDATE OF points ON samples BEGIN
    UPDATE sample_bytes SET bytes = bytes + NEW.size - OLD.size;
  END;
  CREATE TRIGGER samples_deleted AFTER DELETE ON samples BEGIN
    UPDATE sample_bytes SET bytes = bytes - OLD.size;
  END;
`;

/** Alerts, and the notices of them that nobody has accepted yet. */
export const ALERTS = `
  CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    since INTEGER NOT NULL,
    raised_at INTEGER NOT NULL,
    cleared_at INTEGER,
    evidence TEXT NOT NULL,
    next_step TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX alerts_standing ON alerts (key) WHERE cleared_at IS NULL;
  CREATE INDEX alerts_cleared ON alerts (cleared_at, id) WHERE cleared_at IS NOT NULL;
  CREATE TABLE alert_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX alert_deliveries_due ON alert_deliveries (next_at);
  CREATE INDEX alert_deliveries_of ON alert_deliveries (alert_id);
`;
