import * as fc from "fast-check";
import { expect, test } from "vitest";
import { claudeHarness } from "../../../src/harness/claude.ts";
import { NO_OUTCOME, streamOutcome } from "../../../src/output/outcome.ts";
import { captured } from "../harness/streams.ts";

const { textOf: readText } = captured("claude");
import { memoryFile, TINY } from "./memory-file.ts";

test("read in any pieces, the outcome is that of the whole", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("happy", "sig-INT", "f429", "noperm"),
      fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 12 }),
      async (name, pieces) => {
        const content = readText(name);
        const file = memoryFile();
        let state = NO_OUTCOME;
        let at = 0;
        for (const piece of pieces) {
          file.append(content.slice(at, at + piece));
          at += piece;
          state = await streamOutcome(state, file, claudeHarness, false);
        }
        file.append(content.slice(at));
        state = await streamOutcome(state, file, claudeHarness, true);
        const whole = await streamOutcome(NO_OUTCOME, memoryFile(content), claudeHarness, true);
        expect(state).toEqual(whole);
        expect(state.cursor).toBe(Buffer.byteLength(content));
      },
    ),
  );
});

test("a byte is judged once: reading on costs what is new", async () => {
  const content = readText("happy");
  const file = memoryFile(content);
  const state = await streamOutcome(NO_OUTCOME, file, claudeHarness, false);
  const before = file.bytesRead();
  file.append('{"type":"system","subtype":"api_retry","error":"rate_limit","attempt":1}\n');
  const next = await streamOutcome(state, file, claudeHarness, false);
  expect(file.bytesRead() - before).toBeLessThan(200);
  expect(next.outcome.lastError).toBe("rate_limit");
  expect(next.activity).toBe("rate_limited");
  const idle = file.bytesRead();
  expect(await streamOutcome(next, file, claudeHarness, false)).toEqual(next);
  expect(file.bytesRead()).toBe(idle);
});

test("a line that never ends is not searched again and again", async () => {
  const file = memoryFile("x".repeat(1_000));
  let state = NO_OUTCOME;
  for (let round = 0; round < 100; round += 1) {
    state = await streamOutcome(state, file, claudeHarness, false, TINY);
    file.append("x".repeat(1_000));
  }
  expect(state).toMatchObject({ cursor: 0, scanned: 100_000 });
  expect(file.bytesRead()).toBe(100_000);
});

test("a result without an exit is seen", async () => {
  const state = await streamOutcome(
    NO_OUTCOME,
    memoryFile(readText("bgexit2")),
    claudeHarness,
    false,
  );
  expect(state.activity).toBe("result_but_not_exited");
});

test("of several turns in one run the totals are the last result's, and the turns are added up", async () => {
  // As Claude Code 2.1.330 tells them, where a message by its input begins a second turn.
  const result = (text: string, cost: number, tokens: number, turns: number): string =>
    JSON.stringify({
      type: "result",
      subtype: "success",
      is_error: false,
      result: text,
      num_turns: turns,
      total_cost_usd: cost,
      usage: { input_tokens: 100, output_tokens: 20 },
      modelUsage: { m: { inputTokens: tokens, outputTokens: tokens / 5, costUSD: cost } },
    });
  const lines = [result("One.", 0.0024, 300, 3), result("Two.", 0.0032, 400, 1)];
  const file = memoryFile(`${lines.join("\n")}\n`);
  const { outcome } = await streamOutcome(NO_OUTCOME, file, claudeHarness, true);
  expect(outcome.result?.text).toBe("Two.");
  expect(outcome.usage).toEqual({
    input_tokens: 400,
    cached_tokens: null,
    output_tokens: 80,
    cost_usd: 0.0032,
    turns: 4,
  });
  expect(outcome.result?.usage).toEqual(outcome.usage);
});
