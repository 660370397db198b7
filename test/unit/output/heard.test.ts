/** Which messages a model has read, as the streams of the four CLIs show it. */
import { describe, expect, test } from "vitest";
import { claudeHarness } from "../../../src/harness/claude.ts";
import { codexHarness } from "../../../src/harness/codex.ts";
import { geminiHarness } from "../../../src/harness/gemini.ts";
import type { Harness, StreamEvent } from "../../../src/harness/harness.ts";
import { opencodeHarness } from "../../../src/harness/opencode.ts";
import { heardAfter, NOTHING_HEARD } from "../../../src/output/heard.ts";
import { captured } from "../harness/streams.ts";

const ID = "MSG-0123456789ab";
const RESULT: StreamEvent = { type: "tool_result", id: "1", text: `${ID} from …`, isError: false };
const TEXT: StreamEvent = { type: "text", text: "Well." };

const heard = (...events: readonly StreamEvent[]) => events.reduce(heardAfter, NOTHING_HEARD);

test("an answer alone is no proof; what the model says after it is", () => {
  expect(heard(TEXT, RESULT)).toMatchObject({ before: [ID], read: [] });
  expect(heard(TEXT, RESULT, TEXT)).toMatchObject({ before: [], read: [ID] });
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
