/**
 * Reading what a caller gave: one schema per tool or route, one fault for everything wrong.
 *
 * The reader of the fault is mostly a model that must do better on its next call, so it
 * names the parameter, shows what was given and says what is allowed.
 */
import type { z } from "zod";
import { Fault } from "../../kernel/fault.ts";
import { formRedactor } from "../../output/redact.ts";

const GIVEN_MAX_CHARS = 60;
const ISSUES_NAMED = 3;
/** What a caller sent in the wrong place may still be a key of theirs, and failures are passed on. */
const REDACTOR = formRedactor();
/** Parameters whose values may be secrets: they are named and never shown again. */
const NEVER_SHOWN: ReadonlySet<PropertyKey> = new Set(["env"]);

/**
 * Parses input with its schema, filling in defaults.
 *
 * @param schema  The contract's schema.
 * @param input   Whatever arrived; undefined counts as an empty object.
 * @param target  What was called, for the hint: a tool's name or `POST /api/…`.
 * @throws {Fault} INPUT_INVALID, naming up to three parameters.
 */
export function parseInput<S extends z.ZodType>(
  schema: S,
  input: unknown,
  target: string,
): z.output<S> {
  const given = input === undefined ? {} : input;
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw inputFault(parsed.error.issues, given, target);
}

/**
 * A value as one short printable line: JSON, cut, with everything invisible escaped.
 * Safe for terminals and logs.
 */
export function shownValue(value: unknown): string {
  if (value === undefined) return "nothing";
  // Cut before rendering, so that a value of megabytes costs nothing to refuse.
  const json = JSON.stringify(typeof value === "string" ? value.slice(0, 200) : value) ?? "nothing";
  const printable = REDACTOR.text(json).replaceAll(/\p{C}/gu, escaped);
  if (printable.length <= GIVEN_MAX_CHARS && !(typeof value === "string" && value.length > 200)) {
    return printable;
  }
  const length = typeof value === "string" ? ` (${value.length} characters)` : "";
  return `${cut(printable)}…${length}`;
}

/** Never ends in half a character. */
function cut(text: string): string {
  return text.slice(0, GIVEN_MAX_CHARS).replace(/[\uD800-\uDBFF]$/, "");
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function inputFault(issues: readonly z.core.$ZodIssue[], given: unknown, target: string): Fault {
  const named = issues.slice(0, ISSUES_NAMED).map((issue) => explain(issue, given));
  const more = issues.length > named.length ? ` And ${issues.length - named.length} more.` : "";
  const [first] = named;
  const parameters = named.map(({ parameter }) => `"${parameter}"`).join(", ");
  return new Fault(
    "INPUT_INVALID",
    named.map((one) => `"${one.parameter}" is ${one.given}: ${one.allowed}.`).join(" ") + more,
    {
      hint: `Correct ${parameters} and call ${target} again.`,
      details: {
        parameter: first?.parameter ?? "",
        given: first?.given ?? "",
        allowed: first?.allowed ?? "",
        problems: issues.length,
      },
    },
  );
}

interface Explained {
  readonly parameter: string;
  readonly given: string;
  readonly allowed: string;
}

function explain(issue: z.core.$ZodIssue, given: unknown): Explained {
  if (issue.code === "unrecognized_keys") {
    const path = [...issue.path, issue.keys[0] ?? ""];
    return {
      parameter: pathOf(path),
      given: "not a parameter here",
      allowed: "leave it out, or check its spelling",
    };
  }
  const secret = issue.path.some((part) => NEVER_SHOWN.has(part));
  return {
    parameter: pathOf(issue.path),
    given: secret ? "not usable" : shownValue(valueAt(given, issue.path)),
    allowed: allowedBy(issue),
  };
}

function allowedBy(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_value") {
    return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
  }
  if (issue.code === "invalid_union") {
    const expected = issue.errors.flat().map((inner) => allowedBy(inner));
    return expected.length > 0 ? [...new Set(expected)].join(", or ") : lower(issue.message);
  }
  return lower(issue.message);
}

function lower(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "input";
  // A key may be anything the caller sent, so it is made as safe as a value.
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${shownKey(part)}`))
    .join("")
    .replace(/^\./, "");
}

function shownKey(part: PropertyKey): string {
  return String(part).slice(0, GIVEN_MAX_CHARS).replaceAll(/\p{C}/gu, escaped);
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  let value = given;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
