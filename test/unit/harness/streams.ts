/** The captured streams of real agent CLIs, with what the process that printed them did. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import type { HarnessRequest, Harness, StreamOutcome } from "../../../src/harness/harness.ts";
import { foldEvent, NO_OUTCOME } from "../../../src/output/outcome.ts";

export interface CapturedCase {
  readonly case: string;
  readonly exit: {
    readonly code?: number | null;
    readonly signal?: string | null;
    /** The observer gave up waiting: it had not ended. */
    readonly limit?: boolean;
    /** It had not ended long after a signal. */
    readonly stillAlive?: boolean;
  };
}

export interface Captured {
  readonly cases: readonly CapturedCase[];
  /** The whole stdout of a case. */
  textOf(name: string): string;
  /** Its whole lines. */
  linesOf(name: string): readonly string[];
  /** The whole lines of its stderr; empty where none was kept. */
  stderrLinesOf(name: string): readonly string[];
}

/** Everything that was captured of one CLI. */
export function captured(cli: string): Captured {
  const folder = new URL(`../../fixtures/streams/${cli}/`, import.meta.url);
  const there = new Set(readdirSync(folder));
  const lines = (file: string) =>
    readFileSync(new URL(file, folder), "utf8").split("\n").slice(0, -1);
  return {
    cases: lines("cases.jsonl")
      .map((line) => JSON.parse(line) as CapturedCase)
      .filter(({ case: name }) => there.has(`${name}.jsonl`)),
    textOf: (name) => readFileSync(new URL(`${name}.jsonl`, folder), "utf8"),
    linesOf: (name) => lines(`${name}.jsonl`),
    stderrLinesOf(name) {
      const file = `${name}.stderr.txt`;
      return existsSync(new URL(file, folder)) ? lines(file) : [];
    },
  };
}

/** What the lines of a stream come to. */
export function outcomeOf(
  harness: Pick<Harness, "events">,
  lines: readonly string[],
): StreamOutcome {
  return lines.flatMap((line) => harness.events(line)).reduce(foldEvent, NO_OUTCOME.outcome);
}

/** A request with nothing special in it. */
export const REQUEST: HarnessRequest = {
  taskId: "TASK-20261122-120000-00000000",
  agentId: "builder-120000-000000",
  agentType: "builder",
  prompt: "Do it.\n'quoted' $HOME `id`",
  model: null,
  effort: null,
  command: null,
  permissionMode: "default",
  maxCostUsd: null,
  directory: "/home/dev/agents/a",
  mcp: { url: "http://127.0.0.1:4100/mcp", token: "s3cr3t-token" },
  mcpServers: {},
  environment: { HOME: "/home/dev" },
  userFiles: {},
  isRoot: false,
  endInput: "end-input",
};

/** One server of each kind, with a secret each. */
export const SERVERS: HarnessRequest["mcpServers"] = {
  files: { command: "files-mcp", args: ["--root", "."], env: { FILES_KEY: "s3cr3t-env" } },
  web: { url: "https://mcp.example.com/mcp", headers: { "X-Key": "s3cr3t-header" } },
};

/**
 * Every captured stream of a harness is judged as its observer saw it, and holds nothing unknown.
 *
 * @param failed    Names of the cases that ended badly; frozen by hand.
 * @param moreThan  So many cases there must be, or the folder was not found.
 */
export function judgedAsSeen(harness: Harness, failed: RegExp, moreThan: number): void {
  const { cases, linesOf } = captured(harness.name);

  test("there are many", () => expect(cases.length).toBeGreaterThan(moreThan));

  test.for(cases)("$case is judged as it was seen", ({ case: name, exit }) => {
    const code = exit.code ?? (name === "tmux-happy" ? 0 : null);
    const signal = exit.signal ?? (code === null ? "SIGKILL" : null);
    const verdict = harness.judge({ code, signal }, outcomeOf(harness, linesOf(name)));
    expect(verdict.ok, verdict.reason).toBe(!failed.test(name));
    expect(verdict.reason).not.toBe("");
  });

  test("nothing in them is unknown", () => {
    for (const { case: name } of cases) {
      expect(outcomeOf(harness, linesOf(name)).unknown, name).toBe(0);
    }
  });
}
