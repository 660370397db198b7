/** Parsers for what people type after an option. */
import { InvalidArgumentError } from "commander";

/** A whole number of at least `min`; commander prints the sentence otherwise. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min)) throw new InvalidArgumentError(`must be a whole number, ${min} or more.`);
    return value;
  };
}

/** A number of seconds, fractions allowed, 0 or more. */
export function secondsOf(text: string): number {
  const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new InvalidArgumentError("must be seconds, 0 or more.");
  return value;
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
