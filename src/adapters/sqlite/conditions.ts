/** Conditions of a query that come and go with its filters; values are always bound. */
import type { SQLInputValue } from "node:sqlite";

/** A condition with the values for its question marks; null leaves it out. */
export type Condition = readonly [sql: string, ...values: SQLInputValue[]] | null;

/** The column has one of these values; for SQL that binds each. */
export function oneOf(column: string, values: readonly string[]): Condition {
  return [`${column} IN (${values.map(() => "?").join(", ")})`, ...values];
}

/** Conditions that must all hold, as the WHERE of a query. */
export function joined(conditions: readonly Condition[]): {
  readonly where: string;
  readonly values: readonly SQLInputValue[];
} {
  const given = conditions.filter((condition) => condition !== null);
  const sql = given.map(([text]) => text).join(" AND ");
  return {
    where: sql === "" ? "" : ` WHERE ${sql}`,
    values: given.flatMap(([, ...values]) => values),
  };
}
