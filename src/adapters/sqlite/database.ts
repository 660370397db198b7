/** Opening the database: durability, migrations, and a clear word for a newer one. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { asFault, Fault, messageOf } from "../../kernel/fault.ts";
import { isCopyOnWrite } from "./copy-on-write.ts";
import { MIGRATIONS } from "./migrations.ts";

/** Prepared statements by their text, so that each is compiled once. */
export interface Database {
  run(sql: string, ...values: SQLInputValue[]): { readonly changes: number; readonly id: number };
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: SQLInputValue[]): readonly Row[];
  /** One immediate transaction; nested calls join the outer one. Rolls back when `work` throws. */
  transaction<T>(work: () => T): T;
  /**
   * As `transaction`, for what may be lost in a power cut because it is only done again: its commit
   * waits for no disk. Not inside another one.
   */
  lazily<T>(work: () => T): T;
  /**
   * An answer that is worked out anew only after something was written: as long as nothing is, whoever
   * asks again gets the same one. Nobody else writes to this file.
   */
  keptUntilWritten<T>(work: () => T): () => T;
  close(): void;
}

export type Row = Readonly<Record<string, unknown>>;

/**
 * Opens (and makes, and migrates) the database. Call it only with the state lock held. On a file
 * system that copies on write nobody else can read it meanwhile.
 *
 * @throws {Fault} STATE_NEWER for a database of a newer Corral, which is left untouched;
 *                 STATE_UNUSABLE when it cannot be opened; DISK_FULL.
 */
export function openDatabase(path: string): Database {
  const connection = connect(path);
  try {
    migrate(connection);
  } catch (error) {
    connection.close();
    throw unusable("opened", error);
  }
  return database(connection);
}

/**
 * Opens an existing database for reading only, beside its owner, who may be of another version.
 * @throws {Fault} as {@link openDatabase}; STATE_LOCKED where the owner keeps it for itself; its questions STATE_UNUSABLE, where it lacks what they ask for.
 */
export function openDatabaseToRead(path: string): Database {
  const reader = database(connect(path, true));
  const told = <T>(ask: () => T): T => {
    try {
      return ask();
    } catch (error) {
      throw unusable("read", error);
    }
  };
  return {
    ...reader,
    get: (sql, ...values) => told(() => reader.get(sql, ...values)),
    all: (sql, ...values) => told(() => reader.all(sql, ...values)),
  };
}

function connect(path: string, readOnly = false): DatabaseSync {
  let connection: DatabaseSync | null = null;
  try {
    const isExclusive = isCopyOnWrite(path);
    connection = new DatabaseSync(path, {
      readOnly,
      timeout: readOnly && isExclusive ? TAKEN_AFTER_MS : 5_000,
    });
    // Before anything is read: SQLite then keeps the index of its log to itself, instead of in a mapped
    // file whose pages can find no room on a full disk, which would end us with SIGBUS.
    if (isExclusive && !readOnly) connection.exec("PRAGMA locking_mode = EXCLUSIVE");
    // Before anything is set: the journal mode is a change to the file, too.
    refuseNewer(versionOf(connection), path);
    if (!readOnly) letShrink(connection);
    // FULL: an intent is on the disk before its thing is made, power cut or not.
    connection.exec(
      readOnly
        ? "PRAGMA query_only = ON"
        : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 8388608; PRAGMA temp_store = MEMORY",
    );
    return connection;
  } catch (error) {
    connection?.close();
    if (readOnly && isBusy(error)) throw taken();
    throw unusable("opened", error);
  }
}

/** Where its owner keeps a database for itself there is nothing to wait for. */
const TAKEN_AFTER_MS = 200;
const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

function taken(): Fault {
  return new Fault(
    "STATE_LOCKED",
    "The daemon keeps the database for itself on this file system.",
    {
      hint: 'Ask the daemon, or run "corral detach" first: its agents go on.',
    },
  );
}

/** A full disk and a newer version say so themselves; anything else means that this file does not serve. */
function unusable(what: string, error: unknown): Fault {
  const fault = asFault(error);
  if (fault.code !== "INTERNAL") return fault;
  return new Fault("STATE_UNUSABLE", `The database cannot be ${what}: ${messageOf(error)}.`, {
    hint: 'Check the state directory ("corral doctor" prints it); if the file is damaged, move it away and keep it.',
    cause: error,
  });
}

/** Up to here an old file is written anew at once when it is opened; a larger one uses its free pages again instead. */
const REWRITE_MOST_BYTES = 33_554_432;

/** Free pages can be given back in small pieces only when the file was made, or written anew, for that. */
function letShrink(connection: DatabaseSync): void {
  const numberOf = (pragma: string): number =>
    Number(Object.values(connection.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
  if (numberOf("auto_vacuum") === AUTO_VACUUM_INCREMENTAL) return;
  if (numberOf("page_count") * numberOf("page_size") > REWRITE_MOST_BYTES) return;
  connection.exec("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
}

const AUTO_VACUUM_INCREMENTAL = 2;

function migrate(connection: DatabaseSync): void {
  const version = versionOf(connection);
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < version) continue;
    try {
      connection.exec("BEGIN IMMEDIATE");
      connection.exec(step);
      connection.exec(`PRAGMA user_version = ${index + 1}`);
      connection.exec("COMMIT");
    } catch (error) {
      // A full or broken disk has rolled it back already, and that is not the failure to tell of.
      if (connection.isTransaction) connection.exec("ROLLBACK");
      throw unusable(`brought from version ${index} to ${index + 1}`, error);
    }
  }
}

function versionOf(connection: DatabaseSync): number {
  return Number(connection.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
}

function refuseNewer(version: number, path: string): void {
  if (version <= MIGRATIONS.length) return;
  throw new Fault(
    "STATE_NEWER",
    `The database has version ${version} and this Corral knows ${MIGRATIONS.length}.`,
    {
      hint: "Use the newer Corral, or set CORRAL_STATE_DIR to another directory.",
      details: { version, known: MIGRATIONS.length, file: path.split("/").at(-1) ?? path },
    },
  );
}

function database(connection: DatabaseSync): Database {
  const statements = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    let prepared = statements.get(sql);
    if (prepared === undefined) {
      prepared = connection.prepare(sql);
      statements.set(sql, prepared);
    }
    return prepared;
  };
  let depth = 0;
  const transaction = <T>(work: () => T): T => {
    if (depth > 0) return work();
    connection.exec("BEGIN IMMEDIATE");
    depth += 1;
    try {
      const answer = work();
      connection.exec("COMMIT");
      return answer;
    } catch (error) {
      // A full disk may already have rolled it back; saying so twice is no failure.
      if (connection.isTransaction) connection.exec("ROLLBACK");
      throw error;
    } finally {
      depth -= 1;
    }
  };
  return {
    run(sql, ...values) {
      const { changes, lastInsertRowid } = statement(sql).run(...values);
      return { changes: Number(changes), id: Number(lastInsertRowid) };
    },
    get: (sql, ...values) => statement(sql).get(...values),
    all: (sql, ...values) => statement(sql).all(...values),
    transaction,
    lazily(work) {
      connection.exec("PRAGMA synchronous = NORMAL");
      try {
        return transaction(work);
      } finally {
        connection.exec("PRAGMA synchronous = FULL");
      }
    },
    keptUntilWritten(work) {
      let kept: { readonly answer: ReturnType<typeof work>; readonly at: unknown } | null = null;
      return () => {
        // Rows written so far, those of triggers and of transactions that came to nothing among them.
        const at = statement("SELECT total_changes() AS n").get()?.["n"];
        if (kept !== null && kept.at === at) return kept.answer;
        const answer = work();
        // Inside a transaction it may yet come to nothing, and then no count tells.
        kept = depth === 0 ? { answer, at } : null;
        return answer;
      };
    },
    close: () => connection.close(),
  };
}
