/** Parsers for what people type after an option. */
import { InvalidArgumentError } from "commander";
import { OnDaemonGone } from "../../contract/agent.ts";

/** A whole number of at least `min`; commander prints the sentence otherwise. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min)) throw new InvalidArgumentError(`must be a whole number, ${min} or more.`);
    return value;
  };
}

/** `keep`, or the seconds after which a runner without a daemon stops its agent. */
export function keepOrSeconds(text: string): OnDaemonGone {
  const given = /^\d{1,9}$/.test(text) ? { stop_after_s: Number(text) } : text;
  const parsed = OnDaemonGone.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('must be "keep" or seconds, 1 to 604800.');
}

/** A number of seconds, fractions allowed, 0 or more. */
export function secondsOf(text: string): number {
  const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new InvalidArgumentError("must be seconds, 0 or more.");
  return value;
}

/** US dollars, more than 0. */
export function dollarsOf(text: string): number {
  const value = /^\$?\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text.replace("$", "")) : Number.NaN;
  if (!(value > 0)) throw new InvalidArgumentError("must be US dollars, like 2.50.");
  return value;
}

/** A number of days, fractions allowed, 0 or more. */
export function daysOf(text: string): number {
  const value = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new InvalidArgumentError("must be days, 0 or more.");
  return value;
}

/** A number of bytes; K, M, G and T stand for powers of 1024. */
export function bytesOf(text: string): number {
  const [, digits, unit = ""] = /^(\d{1,12})([KMGT]?)$/i.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError("must be bytes, like 500M or 10G.");
  const power = unit === "" ? 0 : " KMGT".indexOf(unit.toUpperCase());
  return Number(digits) * 1_024 ** power;
}

/** Adds one `KEY=VALUE`; the value may be empty and may hold further equal signs. */
export function addVariable(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const [, key, value] = /^([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw new InvalidArgumentError("must be KEY=VALUE.");
  }
  return { ...before, [key]: value };
}
