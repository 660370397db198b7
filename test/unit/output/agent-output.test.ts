import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AgentOutputInput } from "../../../src/contract/tools.ts";
import { claudeHarness } from "../../../src/harness/claude.ts";
import { codexHarness } from "../../../src/harness/codex.ts";
import { commandHarness } from "../../../src/harness/command.ts";
import { geminiHarness } from "../../../src/harness/gemini.ts";
import { opencodeHarness } from "../../../src/harness/opencode.ts";
import { agentOutput } from "../../../src/output/agent-output.ts";
import type { OutputContext } from "../../../src/output/reading.ts";
import { captured } from "../harness/streams.ts";

const { cases: CLAUDE_CASES, linesOf: linesOfCase, textOf: readText } = captured("claude");
import { directMatcher, memoryFile, TINY } from "./memory-file.ts";

type Input = Partial<AgentOutputInput>;

function ask(content: string, input: Input = {}, over: Partial<OutputContext> = {}) {
  const request = AgentOutputInput.parse({ task_id: "t", agent_id: "a", ...input });
  return agentOutput(request, {
    file: memoryFile(content),
    harness: claudeHarness,
    matcher: directMatcher,
    ended: true,
    path: "agents/a/stream.jsonl",
    ...over,
  });
}
const text = async (content: string, input: Input = {}) =>
  String((await ask(content, input)).output);

const assistant = (content: object) =>
  JSON.stringify({ type: "assistant", message: { content: [content] } });
const toolUse = (name: string, input: object) =>
  assistant({ type: "tool_use", id: "t1", name, input });

describe("what the original got wrong", () => {
  test("1: the filter comes before the tail", async () => {
    const content = "match 1\nmatch 2\n" + "other\n".repeat(500);
    expect(await text(content, { filter: "match", tail: 2 })).toBe("match 1\nmatch 2");
    expect(await text(content, { filter: "m.tch", tail: 1 })).toBe("match 2");
  });

  test("2: a tail of long lines has all its lines, and the first one is whole", async () => {
    const content = Array.from(
      { length: 500 },
      (_, index) => `${index} ${"x".repeat(3_000)}\n`,
    ).join("");
    const lines = (await text(content, { tail: 20 })).split("\n");
    expect(lines).toHaveLength(20);
    expect(lines[0]).toBe(`480 ${"x".repeat(3_000)}`);
  });

  test("3: aggressive truncation shortens a result of 1.5 KB and keeps what it is", async () => {
    const line = JSON.stringify({
      type: "user",
      message: {
        content: [{ type: "tool_result", tool_use_id: "t1", content: "r".repeat(1_500) }],
      },
    });
    const [kept] = (await ask(`${line}\n`, { format: "parsed", aggressive_truncate: true }))
      .output as [{ message: { content: [{ tool_use_id: string; content: string }] } }];
    expect(kept.message.content[0].tool_use_id).toBe("t1");
    expect(kept.message.content[0].content).toMatch(/^r{300,}…\[truncated/);
  });

  test("4: gap markers count towards max_bytes", async () => {
    const content = Array.from(
      { length: 400 },
      (_, index) => `${index % 7 === 0 ? "error" : "line"} ${index}\n`,
    ).join("");
    const answer = await ask(content, { max_bytes: 1_000 }, { harness: commandHarness });
    const shown = String(answer.output);
    expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(1_000);
    expect(shown.startsWith("error 0\n")).toBe(true);
    expect(shown.endsWith("error 399")).toBe(true);
    expect(shown).toMatch(/…\[\d+ lines, [\d ]+ bytes left out\]/);
    expect(answer.truncated).toBe(true);
    const left = [...shown.matchAll(/…\[(\d+) lines/g)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
    expect(left + shown.split("\n").filter((line) => !line.startsWith("…")).length).toBe(400);
  });

  test("5: the summary reads what Claude's stream really holds", async () => {
    const summary = await text(readText("happy"), { response_format: "summary" });
    expect(summary).toContain("Result: success — All scripted work is done.");
    expect(summary).toContain("600 tokens in, 120 out, $0.0036, 6 turns");
    expect(summary).toContain("corral update_agent_progress".replace("corral", "feas"));
    expect(summary).toContain("Files changed: /home/dev/claude-happy/work/written.txt");
    expect(summary).toContain("Duration: 334 ms");
    expect(await text(readText("sig-INT"), { response_format: "summary" })).toContain(
      "Result: failed — interrupted",
    );
    expect(await text(readText("f429"), { response_format: "summary" })).toContain(
      "Result: none yet\nRetries: 7",
    );
  });

  test.for([
    ["codex", codexHarness],
    ["gemini", geminiHarness],
    ["opencode", opencodeHarness],
  ] as const)("5: and what the stream of %s holds", async ([cli, harness]) => {
    const answer = await ask(
      captured(cli).textOf("happy"),
      { response_format: "summary" },
      { harness, ranMs: 61_000 },
    );
    const summary = String(answer.output);
    expect(summary).toMatch(/(?:Result: success —|Last words:) All scripted work is done\./);
    expect(summary).toMatch(/Tools: .*update_agent_progress/);
    expect(summary).toMatch(/Usage: .*tokens in/);
    expect(summary).toMatch(/Duration: \S+/);
  });

  test("5: the files of a patch are changed files", async () => {
    const item = {
      id: "i1",
      type: "file_change",
      changes: [
        { path: "/p/a.ts", kind: "update" },
        { path: "/p/b.ts", kind: "add" },
      ],
      status: "completed",
    };
    const lines = [
      { type: "item.started", item },
      { type: "item.completed", item },
    ].map((line) => JSON.stringify(line));
    const answer = await ask(
      `${lines.join("\n")}\n`,
      { response_format: "summary" },
      { harness: codexHarness },
    );
    expect(answer.output).toContain("Files changed: /p/a.ts, /p/b.ts");
  });

  test("6: recent shows a large Write and the words of the result", async () => {
    const write = toolUse("Write", { file_path: "/home/dev/a.ts", content: "c".repeat(20_000) });
    const recent = await text(`${write}\n${linesOfCase("happy").at(-1)}\n`, {
      response_format: "recent",
    });
    expect(recent).toBe(
      "[Write] /home/dev/a.ts\n[result] 600 tokens in, 120 out, $0.0036, 6 turns — All scripted work is done.",
    );
  });

  test("7: text and jsonl differ where a line is no JSON, and parsed says so in its output", async () => {
    const content = 'npm warn old\n{"type":"x"}\n{"type":"ha';
    expect(await text(content)).toBe(content);
    expect(await text(content, { format: "jsonl" })).toBe(
      '{"type":"plain","line":"npm warn old"}\n{"type":"x"}\n{"type":"plain","line":"{\\"type\\":\\"ha"}',
    );
    const parsed = await ask(content, { format: "parsed", include_metadata: true });
    expect(parsed.output).toEqual([
      { type: "plain", line: "npm warn old" },
      { type: "x" },
      { type: "plain", line: '{"type":"ha' },
    ]);
    expect(parsed.metadata?.parse_errors).toBe(2);
  });
});

describe("pages", () => {
  test("cursors concatenate to the stream, whatever the page size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ maxLength: 60 }).map((line) => line.replaceAll("\n", " ").toWellFormed()),
          { maxLength: 40 },
        ),
        fc.integer({ min: 256, max: 600 }),
        async (lines, max_bytes) => {
          const content = lines.map((line) => `${line}\n`).join("");
          let cursor = 0;
          let whole = "";
          for (let more = true; more;) {
            const page = await ask(content, { cursor, max_bytes });
            expect(Buffer.byteLength(String(page.output))).toBeLessThanOrEqual(max_bytes);
            if (page.next_cursor > cursor) whole += `${String(page.output)}\n`;
            more = page.next_cursor > cursor;
            cursor = page.next_cursor;
          }
          expect(whole).toBe(content);
        },
      ),
    );
  });

  test("cursors lead back to the beginning, line by line the same, whatever the page size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ maxLength: 60 }).map((line) => line.replaceAll("\n", " ").toWellFormed()),
          { minLength: 1, maxLength: 40 },
        ),
        fc.integer({ min: 256, max: 600 }),
        async (lines, max_bytes) => {
          const content = lines.map((line) => `${line}\n`).join("");
          const first = await ask(content, { tail: 1 });
          const pages = [`${String(first.output)}\n`];
          for (let before = first.prev_cursor; before !== null;) {
            const page = await ask(content, { before, max_bytes });
            expect(Buffer.byteLength(String(page.output))).toBeLessThanOrEqual(max_bytes);
            expect(page.next_cursor).toBe(before);
            pages.unshift(`${String(page.output)}\n`);
            before = page.prev_cursor;
          }
          expect(pages.join("")).toBe(content);
        },
      ),
    );
  });

  test("back works with a filter, with tail, as a range, and from within a line", async () => {
    const content = Array.from(
      { length: 100 },
      (_, index) => `${index % 2 === 0 ? "even" : "odd"} ${index}\n`,
    ).join("");
    const last = await ask(content, { filter: "even", tail: 2 });
    expect(last.output).toBe("even 96\neven 98");
    const back = await ask(content, { filter: "even", tail: 2, before: last.prev_cursor! });
    expect(back.output).toBe("even 92\neven 94");
    const from = content.indexOf("odd 11");
    const range = { cursor: from, before: content.indexOf("odd 13") };
    expect((await ask(content, range)).output).toBe("odd 11\neven 12");
    expect((await ask(content, { before: from + 3, tail: 1 })).output).toBe("even 10");
    expect(await ask(content, { before: 0 })).toMatchObject({ output: "", prev_cursor: null });
    const long = `${"x".repeat(5_000)}\nnext\n`;
    expect(await ask(long, { before: 5_001, max_bytes: 256 })).toMatchObject({
      prev_cursor: null,
      truncated: true,
    });
  });

  test("an unfinished line waits for its end, and is shown once", async () => {
    const file = memoryFile("one\ntw");
    const running = { file, ended: false };
    const first = await ask("", {}, running);
    expect(first).toMatchObject({ output: "one", next_cursor: 4, truncated: false });
    file.append("o\nthr");
    expect(await ask("", { cursor: 4 }, running)).toMatchObject({ output: "two", next_cursor: 8 });
    expect(await ask("", { cursor: 8 }, running)).toMatchObject({ output: "", next_cursor: 8 });
    expect(await ask("", { cursor: 8 }, { file })).toMatchObject({
      output: "thr",
      next_cursor: 11,
    });
    expect(await ask("", { cursor: 99 }, { file })).toMatchObject({ output: "", next_cursor: 11 });
  });

  test("a line that is longer than the page is shortened, and the page goes on", async () => {
    const page = await ask(`${"x".repeat(5_000)}\nnext\n`, { cursor: 0, max_bytes: 256 });
    expect(String(page.output)).toMatch(/^x+…\[truncated [\d ]+ bytes\]$/);
    expect(page).toMatchObject({ next_cursor: 5_001, truncated: true });
    expect((await ask(`${"x".repeat(5_000)}\nnext\n`, { cursor: 5_001 })).output).toBe("next");
  });

  test("an empty stream is an empty answer", async () => {
    expect(await ask("", { include_metadata: true })).toEqual({
      output: "",
      next_cursor: 0,
      prev_cursor: null,
      truncated: false,
      metadata: {
        size_bytes: 0,
        lines_read: 0,
        lines_matched: 0,
        lines_returned: 0,
        lines_truncated: 0,
        parse_errors: 0,
        path: "agents/a/stream.jsonl",
      },
    });
    expect((await ask("", { format: "parsed" })).output).toEqual([]);
  });
});

describe("budgets", () => {
  const anyInput = fc.record({
    max_bytes: fc.integer({ min: 256, max: 5_000 }),
    format: fc.constantFrom("text" as const, "jsonl" as const, "parsed" as const),
    response_format: fc.constantFrom(
      "full" as const,
      "compact" as const,
      "recent" as const,
      "summary" as const,
    ),
    aggressive_truncate: fc.boolean(),
    tail: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
    cursor: fc.option(fc.integer({ min: 0, max: 9_000 }), { nil: undefined }),
  });

  test("hold for every captured stream and every way to ask; jsonl is JSON by line", async () => {
    const names = CLAUDE_CASES.map(({ case: name }) => name);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), anyInput, async (name, input) => {
        const { output } = await ask(readText(name), input);
        const bytes = Buffer.byteLength(
          typeof output === "string" ? output : JSON.stringify(output),
        );
        expect(bytes).toBeLessThanOrEqual(input.max_bytes);
        if (input.format === "parsed") expect(Array.isArray(output)).toBe(true);
        if (input.format === "jsonl" && output !== "") {
          for (const line of String(output).split("\n"))
            expect(() => JSON.parse(line)).not.toThrow();
        }
      }),
      { numRuns: 200 },
    );
  });

  test("keep errors, the result, the first and the last line", async () => {
    const noise = Array.from({ length: 200 }, (_, index) =>
      toolUse("Read", { file_path: `/home/dev/${index}` }),
    );
    const failure = JSON.stringify({
      type: "user",
      message: {
        content: [{ type: "tool_result", tool_use_id: "t", content: "boom", is_error: true }],
      },
    });
    const result = JSON.stringify({
      type: "result",
      subtype: "success",
      is_error: false,
      result: "fine",
    });
    const lines = [
      '{"type":"system","subtype":"init"}',
      ...noise,
      failure,
      ...noise,
      result,
      ...noise,
      '{"type":"bye"}',
    ];
    const shown = await text(`${lines.join("\n")}\n`, { max_bytes: 1_500 });
    for (const kept of [lines[0], failure, result, '{"type":"bye"}']) expect(shown).toContain(kept);
    expect(Buffer.byteLength(shown)).toBeGreaterThan(1_200);
  });

  test("a stream too long to hold is sampled from its ends, and the hole is told", async () => {
    const content = `first\n${"middle\n".repeat(500_000)}error last\n`;
    const shown = await text(content, { max_bytes: 2_000 });
    expect(shown).toMatch(/^first\n/);
    expect(shown).toMatch(/error last$/);
    expect(shown).toMatch(/…\[\d+ bytes in the middle not read/);
    expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(2_000);
  });

  test("a summary reads a stream of many steps whole", async () => {
    const content = `${`${toolUse("Bash", { command: "x".repeat(900) })}\n`.repeat(4_000)}${linesOfCase("happy").at(-1)}\n`;
    const summary = await ask(content, { response_format: "summary", include_metadata: true });
    expect(summary.output).toContain("Tools: Bash ×4000");
    expect(summary.truncated).toBe(false);
    expect(summary.metadata?.lines_read).toBe(4_001);
  });

  test("metadata counts what was done", async () => {
    const { metadata } = await ask(`a1\nb\na2\n${"a".repeat(9_000)}\n`, {
      filter: "a",
      tail: 2,
      include_metadata: true,
    });
    expect(metadata).toMatchObject({
      size_bytes: 9_009,
      lines_read: 3,
      lines_matched: 2,
      lines_returned: 2,
      lines_truncated: 1,
    });
  });
});

describe("every captured stream", () => {
  test.for(CLAUDE_CASES)("$case renders compactly, one line an event", async ({ case: name }) => {
    const compact = await text(readText(name), { response_format: "compact" });
    const events = linesOfCase(name).flatMap((line) => claudeHarness.events(line));
    expect(compact === "" ? 0 : compact.split("\n").length).toBe(events.length);
  });
});

test("an oversized line is shown by its beginning in every format", async () => {
  const content = `{"type":"x","text":"${"y".repeat(500)}"}\n{"type":"z"}\n`;
  for (const format of ["text", "jsonl", "parsed"] as const) {
    const { output, truncated } = await ask(content, { format }, { sizes: TINY });
    expect(truncated).toBe(true);
    expect(JSON.stringify(output)).toContain("…[truncated 507 bytes]");
    expect(JSON.stringify(output)).toMatch(/z/);
  }
});

test("an answer cannot steer the terminal that shows it compactly", async () => {
  const hostile = assistant({ type: "text", text: "\u001b]0;owned\u0007\u001b[2Jhi\u202egnp" });
  expect(await text(`${hostile}\n`, { response_format: "compact" })).toBe(
    "[text] ]0;owned[2Jhignp",
  );
});
