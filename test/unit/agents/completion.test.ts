import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { validateCompletion, type CompletionEvidence } from "../../../src/agents/completion.ts";
import { admittedPlaceholders } from "../../../src/agents/placeholders.ts";
import { MINUTE_MS, SECOND_MS } from "../../../src/kernel/units.ts";

const GOOD: CompletionEvidence = {
  agentType: "builder",
  message: "Implemented the parser in src/parser.ts and verified it: all 42 tests pass.",
  filesChanged: 3,
  findings: 0,
  reports: [
    { status: "working", at: MINUTE_MS, progress: 10 },
    { status: "completed", at: 8 * MINUTE_MS, progress: 100 },
  ],
  startedAt: 0,
  now: 8 * MINUTE_MS,
};
const judge = (over: Partial<CompletionEvidence>, mode: "warn" | "strict" = "strict") =>
  validateCompletion({ ...GOOD, ...over }, mode);

test("good work is accepted without a word", () => {
  expect(judge({})).toEqual({
    accepted: true,
    mode: "strict",
    confidence: 1,
    warnings: [],
    blockers: [],
  });
});

test("one word from a builder that changed nothing is not", () => {
  const claim = {
    message: "done",
    filesChanged: 0,
    reports: [{ status: "completed", at: 60_000, progress: 100 }],
    now: 60_000,
  };
  const strict = judge(claim);
  expect(strict.accepted).toBe(false);
  expect(strict.blockers).toHaveLength(2);
  expect(strict.confidence).toBeLessThanOrEqual(0.2);
  expect(judge(claim, "warn")).toEqual({ ...strict, mode: "warn", accepted: true });
});

describe("evidence", () => {
  test("a builder or fixer without a changed file is blocked, others are warned", () => {
    expect(judge({ filesChanged: 0 }).blockers).toHaveLength(1);
    expect(judge({ filesChanged: 0, agentType: "test-fixer" }).blockers).toHaveLength(1);
    expect(judge({ filesChanged: 0, agentType: "poet" })).toMatchObject({
      accepted: true,
      confidence: 0.9,
    });
    expect(judge({ filesChanged: 0, agentType: "poet", findings: 1 }).warnings).toEqual([]);
  });
  test("what could not be looked at is no evidence against", () => {
    expect(judge({ filesChanged: null })).toMatchObject({
      accepted: true,
      blockers: [],
      confidence: 0.9,
    });
  });
});

describe("type", () => {
  test("an investigator reports what it found", () => {
    const base = { agentType: "investigator", filesChanged: 0 };
    expect(judge({ ...base, findings: 0 }).blockers).toEqual([
      expect.stringContaining("no finding"),
    ]);
    expect(judge({ ...base, findings: 1 })).toMatchObject({ accepted: true, warnings: [] });
  });
  test("a maker says how it verified", () => {
    const message = "Added the new parser and wired it into the command line as agreed.";
    expect(judge({ message }).warnings).toEqual([expect.stringContaining("verified")]);
    expect(judge({ message, agentType: "writer" }).warnings).toEqual([]);
  });
});

describe("pattern", () => {
  test("a short run is charged once", () => {
    const { warnings } = judge({
      startedAt: 0,
      now: 20 * SECOND_MS,
      reports: [{ status: "completed", at: 20 * SECOND_MS, progress: 100 }],
    });
    expect(warnings).toEqual(["It claims to be done 20.0 s after its start."]);
  });
  test("a long run without a report is one remark", () => {
    expect(
      judge({ reports: [{ status: "completed", at: GOOD.now, progress: 100 }] }).warnings,
    ).toHaveLength(1);
  });
  test("working comes before completed", () => {
    const reports = [{ status: "blocked", at: MINUTE_MS, progress: 5 }, ...GOOD.reports.slice(1)];
    expect(judge({ reports }).warnings).toEqual([expect.stringContaining('"working"')]);
  });
  test("a long silence is told", () => {
    const now = 60 * MINUTE_MS;
    expect(
      judge({ now, reports: [GOOD.reports[0]!, { status: "completed", at: now, progress: 100 }] })
        .warnings,
    ).toEqual(["It said nothing for 59 min 0 s on the way."]);
  });
});

describe("placeholders", () => {
  test.for([
    ["Removed the mock and the TODO.", []],
    ["Removed the mock but left a TODO in parser.ts", ["TODO"]],
    ["The parser is still a mock.", ["mock"]],
    ["Replaced all dummy data with real queries; no TODO left.", []],
    ["Tests use a mock server and a fake clock.", []],
    ["Built the TODO app with a todo list.", []],
    ["Export is not yet implemented.", ["not yet implemented"]],
    ["Added placeholder text to the search field.", []],
    ["The footer is a placeholder for now.", ["placeholder"]],
    ["Fixed src/mock/server.ts and todo-list.tsx, see fake_clock.py", []],
    ["Mockingbird and stubborn bugs are fixed.", []],
    ["There are no stubs, mocks or placeholders left.", []],
    ["The retry logic is stubbed out.", ["stubbed out"]],
    ["Searched for FIXME: found none.", []],
    ["Done. FIXME: handle errors", ["FIXME"]],
  ] as const)("%j admits %j", ([message, words]) => {
    expect(admittedPlaceholders(message)).toEqual(words);
  });

  test("an admission blocks a strict claim", () => {
    const message = `${GOOD.message} The export is not implemented.`;
    expect(judge({ message }).blockers).toEqual([
      'The message admits unfinished work: "not implemented".',
    ]);
  });
});

test("any evidence gets an answer, and confidence stays between 0 and 1", () => {
  const anyEvidence = fc.record({
    agentType: fc.oneof(fc.constantFrom("builder", "fixer", "investigator"), fc.string()),
    message: fc.string({ unit: "grapheme" }),
    filesChanged: fc.option(fc.nat()),
    findings: fc.nat(),
    reports: fc.array(
      fc.record({
        status: fc.constantFrom("working", "completed", "blocked"),
        at: fc.integer(),
        progress: fc.nat(100),
      }),
    ),
    startedAt: fc.integer(),
    now: fc.integer(),
  });
  fc.assert(
    fc.property(anyEvidence, (evidence) => {
      const strict = validateCompletion(evidence, "strict");
      expect(strict.confidence).toBeGreaterThanOrEqual(0);
      expect(strict.confidence).toBeLessThanOrEqual(1);
      expect(strict.accepted).toBe(strict.blockers.length === 0);
      expect(validateCompletion(evidence, "warn")).toEqual({
        ...strict,
        mode: "warn",
        accepted: true,
      });
    }),
  );
});
