import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  AGGRESSIVE_LIMITS,
  cutText,
  grouped,
  LINE_LIMITS,
  truncateLine,
} from "../../../src/output/truncate.ts";

const bytes = (text: string) => Buffer.byteLength(text);
const toolResult = (text: string) =>
  JSON.stringify({
    type: "user",
    message: { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: text }] },
    tool_use_result: { stdout: text },
  });

test("a line within the limit is left as it is, whatever is in it", () => {
  const line = toolResult("x".repeat(2_500));
  expect(truncateLine(line, LINE_LIMITS)).toEqual({ text: line, isCut: false });
});

test("a long tool result keeps 2 048 bytes and says what is missing", () => {
  const { text, isCut } = truncateLine(toolResult("x".repeat(50_000)), LINE_LIMITS);
  const line = JSON.parse(text);
  expect(isCut).toBe(true);
  expect(line.type).toBe("user");
  expect(line.message.content[0].tool_use_id).toBe("t1");
  const kept = line.message.content[0].content;
  expect(bytes(kept)).toBeLessThanOrEqual(2_048);
  expect(kept).toMatch(/^x{2000,}…\[truncated 47 9\d\d bytes\]$/);
});

test("a tool's result is held shorter than other text, though both would fit", () => {
  const content = [{ type: "tool_result", tool_use_id: "t", content: "x".repeat(9_000) }];
  const { text } = truncateLine(
    JSON.stringify({ type: "user", message: { content } }),
    LINE_LIMITS,
  );
  expect(bytes(JSON.parse(text).message.content[0].content)).toBeLessThanOrEqual(2_048);
});

test("an assistant's long text keeps 4 096 bytes", () => {
  const line = JSON.stringify({
    type: "assistant",
    message: { content: [{ type: "text", text: "y".repeat(20_000) }] },
  });
  const kept = JSON.parse(truncateLine(line, LINE_LIMITS).text).message.content[0].text;
  expect(bytes(kept)).toBeGreaterThan(4_000);
  expect(bytes(kept)).toBeLessThanOrEqual(4_096);
});

test("the aggressive limit of 512 bytes is applied: a result of 1.5 KB is shortened, not replaced", () => {
  const { text } = truncateLine(toolResult("z".repeat(1_500)), AGGRESSIVE_LIMITS);
  const kept = JSON.parse(text).message.content[0].content;
  expect(bytes(text)).toBeLessThanOrEqual(1_024);
  expect(kept).toMatch(/^z{100,}…\[truncated 1 \d\d\d bytes\]$/);
});

test("what cannot be shortened says at least what it was", () => {
  const line = JSON.stringify({
    type: "system",
    subtype: "init",
    tools: Array.from({ length: 5_000 }, (_, index) => index),
  });
  const { text } = truncateLine(line, { lineBytes: 100, resultBytes: 50, textBytes: 50 });
  expect(JSON.parse(text)).toMatchObject({ type: "system", subtype: "init" });
});

test("plain text is cut between characters, and the mark counts what is gone", () => {
  expect(cutText("😀".repeat(20), 50)).toBe(`${"😀".repeat(6)}…[truncated 56 bytes]`);
  expect(grouped(12_345)).toBe("12 345");
  expect(grouped(1_234_567)).toBe("1 234 567");
  expect(truncateLine("start of a giant", LINE_LIMITS, 5_000).text).toBe(
    "start of a giant…[truncated 5 000 bytes]",
  );
});

test("JSON stays JSON, and nothing is longer than its limit", () => {
  const limits = fc.record({
    lineBytes: fc.integer({ min: 80, max: 2_000 }),
    resultBytes: fc.integer({ min: 40, max: 500 }),
    textBytes: fc.integer({ min: 40, max: 500 }),
  });
  const long = fc.string({ unit: "binary", minLength: 100, maxLength: 3_000 });
  const value = fc.oneof(
    fc.array(fc.jsonValue(), { minLength: 5 }),
    fc.dictionary(fc.string(), fc.oneof(long, fc.jsonValue({ maxDepth: 6 }))),
    long.map((text) => ({ type: "tool_result", content: [{ type: "text", text }] })),
  );
  fc.assert(
    fc.property(value, limits, (json, wanted) => {
      const { text } = truncateLine(JSON.stringify(json), wanted);
      expect(() => JSON.parse(text)).not.toThrow();
      expect(bytes(text)).toBeLessThanOrEqual(wanted.lineBytes);
    }),
    { numRuns: 300 },
  );
});

test("any text is cut to its limit and stays well-formed", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 400 }),
      fc.integer({ min: 80, max: 300 }),
      (text, lineBytes) => {
        const cut = truncateLine(text, { ...LINE_LIMITS, lineBytes }).text;
        expect(bytes(cut)).toBeLessThanOrEqual(lineBytes);
        expect(cut.isWellFormed()).toBe(true);
      },
    ),
  );
});

test("JSON nested beyond the stack is cut, not thrown at", () => {
  const line = `{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  expect(bytes(truncateLine(line, LINE_LIMITS).text)).toBeLessThanOrEqual(8_192);
});
