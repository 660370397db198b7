import { describe, expect, test } from "vitest";
import type { Usage } from "../../../src/contract/agent.ts";
import type { StreamEvent, StreamOutcome } from "../../../src/harness/harness.ts";
import { foldEvent, NO_OUTCOME } from "../../../src/output/outcome.ts";
import { ownUsage, toldTotal } from "../../../src/output/own-usage.ts";

const used = (input: number, output: number, cost: number | null = null): Usage => ({
  input_tokens: input,
  cached_tokens: null,
  output_tokens: output,
  cost_usd: cost,
  turns: 1,
});
const answer = (turn: string): StreamEvent => ({ type: "usage", turn, usage: used(100, 20) });
const total = (usage: Usage): StreamEvent => ({
  type: "result",
  isError: false,
  text: "",
  usage,
  permissionDenials: null,
});
const of = (...events: readonly StreamEvent[]): StreamOutcome =>
  events.reduce(foldEvent, NO_OUTCOME.outcome);

describe("a CLI that keeps the totals of runs that ended by themselves", () => {
  const counts = "finished-runs";
  const before = used(300, 60, 0.0024);

  test("what was told to the run before is not counted again", () => {
    const own = ownUsage(of(answer("a"), total(used(400, 80, 0.0032))), counts, before);
    expect(own).toMatchObject({ input_tokens: 100, output_tokens: 20 });
    expect(own?.cost_usd).toBeCloseTo(0.0008, 9);
  });

  test("a total that cannot hold it began anew", () => {
    const told = of(answer("a"), total(used(100, 20, 0.0008)));
    expect(ownUsage(told, counts, before)).toEqual(told.usage);
    const more = of(...["a", "b", "c"].map(answer), total(used(310, 62, 0.003)));
    expect(ownUsage(more, counts, before), "its answers alone are 300").toEqual(more.usage);
  });

  test("its answers are its own while it has told no total", () => {
    const told = of(answer("a"), answer("b"));
    expect(ownUsage(told, counts, before)).toMatchObject({ input_tokens: 200 });
    expect(toldTotal(told, counts)).toBeNull();
    expect(toldTotal(of(total(before)), counts)).toEqual(before);
  });
});

describe("a CLI whose totals are those of the conversation", () => {
  test("the first run is all of it, the next one the rest", () => {
    const told = of({ type: "usage", usage: used(300, 60) });
    expect(ownUsage(told, "conversation", null)).toEqual(told.usage);
    expect(ownUsage(told, "conversation", used(200, 40))).toMatchObject({
      input_tokens: 100,
      output_tokens: 20,
      turns: 1,
    });
    expect(toldTotal(told, "conversation")).toEqual(told.usage);
  });
});

test("a CLI that counts the run is taken at its word, and so is one that cannot resume", () => {
  const told = of({ type: "usage", usage: used(100, 20) });
  for (const counts of ["run", undefined] as const) {
    expect(ownUsage(told, counts, used(300, 60))).toEqual(told.usage);
    expect(toldTotal(told, counts)).toBeNull();
  }
  expect(ownUsage(of(), "conversation", used(1, 1))).toBeNull();
});
