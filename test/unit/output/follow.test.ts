import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FOLLOW_START, followStep, STEP_BYTES } from "../../../src/output/follow.ts";

const fileOf = (bytes: Uint8Array) => ({
  read: async (from: number, length: number) => bytes.subarray(from, from + length),
});

/** Follows a text that appears in pieces of these sizes. */
async function follow(text: string, sizes: readonly number[]): Promise<readonly string[]> {
  const bytes = new TextEncoder().encode(text);
  const lines: string[] = [];
  let state = FOLLOW_START;
  for (const size of [...sizes, bytes.length]) {
    const seen = Math.min(size, bytes.length);
    for (let hasMore = true; hasMore;) {
      const step = await followStep(state, fileOf(bytes.subarray(0, seen)), seen);
      lines.push(...step.lines);
      state = step.followed;
      hasMore = step.hasMore;
    }
  }
  return lines;
}

test("every whole line is read once, however the text arrives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "grapheme" }).map((line) => line.replaceAll("\n", ""))),
      fc.array(fc.nat(400)).map((sizes) => sizes.toSorted((a, b) => a - b)),
      async (lines, sizes) => {
        const text = lines.map((line) => `${line}\n`).join("");
        expect(await follow(`${text}unfinished`, sizes)).toEqual(lines);
      },
    ),
  );
});

test("a line longer than a step is read whole, one longer than can be held is passed over", async () => {
  const long = "x".repeat(STEP_BYTES * 3);
  const endless = "y".repeat(6 * 1_024 * 1_024);
  expect(await follow(`a\n${long}\n${endless}\nb\n`, [])).toEqual(["a", long, "b"]);
});

test("a step reads no more than a step", async () => {
  const bytes = new TextEncoder().encode("line\n".repeat(200_000));
  const step = await followStep(FOLLOW_START, fileOf(bytes), bytes.length);
  expect(step.followed.cursor).toBeLessThanOrEqual(STEP_BYTES);
  expect(step.hasMore).toBe(true);
});
