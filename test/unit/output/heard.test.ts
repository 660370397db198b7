/** Which messages a model has read, as the streams of the four CLIs show it. */
import { describe, expect, test } from "vitest";
import { claudeHarness } from "../../../src/harness/claude.ts";
import { codexHarness } from "../../../src/harness/codex.ts";
import { geminiHarness } from "../../../src/harness/gemini.ts";
import type { Harness, StreamEvent } from "../../../src/harness/harness.ts";
import { opencodeHarness } from "../../../src/harness/opencode.ts";
import { heardAfter, NOTHING_HEARD } from "../../../src/output/heard.ts";
import { renderLine } from "../../../src/output/render.ts";
import { captured } from "../harness/streams.ts";

const ID = "MSG-0123456789ab";
const RESULT: StreamEvent = { type: "tool_result", id: "1", text: `${ID} from …`, isError: false };
const TEXT: StreamEvent = { type: "text", text: "Well." };

const heard = (...events: readonly StreamEvent[]) => events.reduce(heardAfter, NOTHING_HEARD);

test("an answer alone is no proof; what the model says after it is", () => {
  expect(heard(TEXT, RESULT)).toMatchObject({ before: [ID], read: [] });
  expect(heard(TEXT, RESULT, TEXT)).toMatchObject({ before: [], read: [ID] });
});

test("what its CLI has taken from its input is read when its model goes on after it was told", () => {
  const taken: StreamEvent = { type: "input", id: ID, isTold: false, text: "" };
  const told: StreamEvent = { ...taken, isTold: true };
  expect(heard(TEXT, taken)).toMatchObject({ taken: [ID], before: [], read: [] });
  expect(heard(taken, TEXT), "it may not stand before its model yet").toMatchObject({ read: [] });
  expect(heard(taken, told, told)).toMatchObject({ taken: [ID], before: [ID], read: [] });
  expect(heard(taken, told, TEXT)).toMatchObject({ taken: [ID], before: [], read: [ID] });
  expect(heard(told, TEXT, told, TEXT).read, "told twice, read once").toEqual([ID]);
  expect(heard({ ...told, id: null }, TEXT)).toMatchObject({ taken: [], read: [] });
});

test("the lines of Claude Code 2.1.330 about a message in the middle of a turn", () => {
  const uuid = "4d534700-0000-4000-8000-0123456789ab";
  const lines = [
    { type: "command_lifecycle", command_uuid: uuid, state: "queued" },
    {
      type: "user",
      message: { role: "user", content: [{ type: "text", text: "A message to you:\n| Stop." }] },
      uuid,
      isReplay: true,
    },
    { type: "command_lifecycle", command_uuid: uuid, state: "started" },
    {
      type: "assistant",
      message: { id: "msg_1", role: "assistant", content: [{ type: "text", text: "I stop." }] },
    },
    { type: "command_lifecycle", command_uuid: uuid, state: "completed" },
  ].map((line) => JSON.stringify(line));
  const after = (count: number) =>
    lines
      .slice(0, count)
      .flatMap((line) => claudeHarness.events(line))
      .reduce(heardAfter, NOTHING_HEARD);
  expect(after(1)).toMatchObject({ taken: [ID], before: [], read: [] });
  expect(after(2)).toMatchObject({ before: [ID], read: [] });
  expect(after(3)).toMatchObject({ before: [ID], read: [] });
  expect(after(5)).toMatchObject({ taken: [ID], before: [], read: [ID] });
  const shown = claudeHarness.events(lines[1] ?? "").map(renderLine);
  expect(shown).toEqual(["[message] A message to you: | Stop."]);
});

test("its prompt, which is said again as well, is no message and is shown nowhere", () => {
  const prompt = { role: "user", content: [{ type: "text", text: `Do it. ${ID}` }] };
  const line = { type: "user", message: prompt, uuid: "25d0a6a5-0000-4000-8000-0123456789ab" };
  const events = claudeHarness.events(JSON.stringify({ ...line, isReplay: true }));
  expect(events).toEqual([{ type: "input", id: null, isTold: true, text: "" }]);
});

test.for([
  ["a thought", { type: "thinking", text: "Hm." }],
  ["a call", { type: "tool_call", id: "2", name: "Bash", input: null }],
  [
    "a good result",
    { type: "result", isError: false, text: "", usage: null, permissionDenials: null },
  ],
] as const)("%s is a sign of life", ([, event]) => {
  expect(heard(event)).toMatchObject({ hasSpoken: true });
  expect(heard(RESULT, event).read).toEqual([ID]);
});

test.for([
  ["a start", { type: "started", sessionId: "s", model: null }],
  [
    "usage",
    {
      type: "usage",
      usage: {
        input_tokens: 1,
        cached_tokens: null,
        output_tokens: 1,
        cost_usd: null,
        turns: null,
      },
    },
  ],
  ["an unknown event", { type: "unknown", raw: {} }],
  ["plain output", { type: "plain", line: ID }],
  [
    "a failed result",
    { type: "result", isError: true, text: "", usage: null, permissionDenials: null },
  ],
] as const)("%s is none", ([, event]) => {
  expect(heard(RESULT, event)).toMatchObject({ hasSpoken: false, read: [] });
});

test("the text of a failure stands in the model's place and is not its word", () => {
  const error: StreamEvent = { type: "error", message: "authentication_failed" };
  const said: StreamEvent = { type: "text", text: "Invalid API key" };
  expect(heard(error, said)).toMatchObject({ hasSpoken: false });
  expect(heard(RESULT, error, said).read).toEqual([]);
  const call: StreamEvent = { type: "tool_call", id: "2", name: "Bash", input: null };
  expect(heard(RESULT, error, said, call).read, "it got over it").toEqual([ID]);
});

test("an id that is longer, or named by the model itself, is none", () => {
  const longer: StreamEvent = { ...RESULT, text: `${ID}0` };
  const own: StreamEvent = { type: "text", text: ID };
  expect(heard(longer, TEXT).read).toEqual([]);
  expect(heard(own, TEXT).read).toEqual([]);
});

test("a stream that names ids without end is kept short, and an event that says nothing changes nothing", () => {
  const many = Array.from({ length: 2_000 }, (_, n): StreamEvent => {
    return { ...RESULT, text: `MSG-${n.toString(16).padStart(12, "0")}` };
  });
  expect(heard(...many, TEXT).read.length).toBeLessThanOrEqual(500);
  const before = heard(TEXT);
  expect(heardAfter(before, TEXT)).toBe(before);
});

describe.for([
  ["claude", claudeHarness],
  ["codex", codexHarness],
  ["gemini", geminiHarness],
  ["opencode", opencodeHarness],
] as const)("%s", ([name, harness]) => {
  const { textOf } = captured(name);
  const read = (text: string, by: Harness) =>
    text
      .split("\n")
      .flatMap((line) => by.events(line))
      .reduce(heardAfter, NOTHING_HEARD);

  test("the first answer of a captured run, with a message in it, is read; the last word has none after it", () => {
    const text = textOf("http");
    const marked = text.replace("recorded working 10%", `${ID} recorded working 10%`);
    expect(marked).not.toBe(text);
    expect(read(text, harness)).toMatchObject({ hasSpoken: true, before: [], read: [] });
    expect(read(marked, harness).read).toEqual([ID]);
    const cut = marked.slice(0, marked.indexOf("\n", marked.lastIndexOf(ID)) + 1);
    expect(read(cut, harness)).toMatchObject({ before: [ID], read: [] });
  });

  test("a run whose key is refused has read nothing", () => {
    expect(read(textOf("f401"), harness)).toMatchObject({ hasSpoken: false, read: [] });
  });
});
