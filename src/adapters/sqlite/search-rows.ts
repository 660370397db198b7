/**
 * Full-text search with FTS5. Triggers of the schema keep the index in the transaction of the
 * record, so that what is recorded is found, whatever dies when.
 */
import type { SearchTerm } from "../../output/search-query.ts";
import type {
  HistoryStore,
  SearchFilter,
  SearchHit,
  SearchKind,
} from "../../supervision/history.ts";
import { joined, oneOf } from "./conditions.ts";
import type { Database, Row } from "./database.ts";

export function searchRows(database: Database): Pick<HistoryStore, "search"> {
  return {
    search(filter) {
      const words = expressionOf(filter);
      if (words === null) return [];
      const { taskId, agentId, kinds, since, before } = filter;
      const { where, values } = joined([
        ["search_text MATCH ?", words],
        oneOf("kind", kinds),
        taskId === undefined ? null : ["task_id = ?", taskId],
        agentId === undefined ? null : ["agent_id = ?", agentId],
        since === undefined ? null : ["at >= ?", since],
        before === undefined ? null : ["search_text.rowid < ?", before],
      ]);
      return database
        .all(`${FOUND}${where} ORDER BY search_text.rowid DESC LIMIT ?`, ...values, filter.limit)
        .map((row) => hitOf(row, database.get(RECORD[kindOf(row)], Number(row["seq"])) ?? {}));
    },
  };
}

const FOUND = `SELECT search_rows.* FROM search_text
  JOIN search_rows ON search_rows.id = search_text.rowid`;

/** By kind: where a hit's own words are. */
const RECORD: Readonly<Record<SearchKind, string>> = {
  finding: `SELECT severity || ' ' || finding_type AS what,
      message || coalesce(' ' || details, '') AS text FROM findings WHERE seq = ?`,
  progress: `SELECT status || ' ' || progress || ' %' AS what, message AS text FROM progress WHERE seq = ?`,
  result: "SELECT status AS what, text FROM results WHERE seq = ?",
};

function hitOf(row: Row, record: Row): SearchHit {
  return {
    id: Number(row["id"]),
    kind: kindOf(row),
    seq: Number(row["seq"]),
    taskId: textOf(row["task_id"]),
    agentId: textOf(row["agent_id"]),
    at: Number(row["at"]),
    what: textOf(record["what"]),
    text: textOf(record["text"]),
  };
}

function kindOf(row: Row): SearchKind {
  return row["kind"] as SearchKind;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The terms in FTS5's own syntax, each quoted, so that no text is an operator; null when nothing is wanted. */
function expressionOf({ terms, taskId, agentId }: SearchFilter): string | null {
  if (terms.wanted.length === 0) return null;
  const wanted = terms.wanted.map((term) => `body : ${quoted(term)}`);
  // The index knows where a record belongs: a search in one task does not walk the others' hits.
  const scope = [taskId, agentId]
    .filter((id) => id !== undefined)
    .map((id) => `scope : ${quoted({ text: id, isPrefix: false })}`);
  const unwanted = terms.unwanted.map((term) => `body : ${quoted(term)}`);
  const all = `(${[...wanted, ...scope].join(" AND ")})`;
  return unwanted.length === 0 ? all : `${all} NOT (${unwanted.join(" OR ")})`;
}

function quoted({ text, isPrefix }: SearchTerm): string {
  return `"${text.replaceAll('"', '""')}"${isPrefix ? " *" : ""}`;
}
