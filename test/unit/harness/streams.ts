/** The captured streams of real agent CLIs, with what the process that printed them did. */
import { readFileSync, readdirSync } from "node:fs";

export interface CapturedCase {
  readonly case: string;
  readonly exit: {
    readonly code?: number | null;
    readonly signal?: string | null;
    /** The observer gave up waiting: it had not ended. */
    readonly limit?: boolean;
  };
}

const FOLDER = new URL("../../fixtures/streams/claude/", import.meta.url);

export const CLAUDE_CASES: readonly CapturedCase[] = readText("cases")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as CapturedCase)
  .filter(({ case: name }) => readdirSync(FOLDER).includes(`${name}.jsonl`));

/** The whole stream of a case. */
export function readText(name: string): string {
  return readFileSync(new URL(`${name}.jsonl`, FOLDER), "utf8");
}

export function linesOfCase(name: string): readonly string[] {
  return readText(name).split("\n").slice(0, -1);
}
