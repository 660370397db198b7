import { expect, test } from "vitest";
import { threadLineMatcher } from "../../../src/adapters/regex/line-matcher.ts";
import { openFilter } from "../../../src/output/filter.ts";
import { planOf } from "../../../src/output/pattern-plan.ts";

const block = (text: string) => new Uint8Array(Buffer.from(text));

test("answers with where matching lines start, case-sensitive", async () => {
  const session = await threadLineMatcher().open("^(err|é)", planOf("^(err|é)"));
  expect(await session.match(block("err 1\nok\nErr\n\nérr\nlast err\nerr"))).toEqual([0, 14, 28]);
  expect(await session.match(block("none\n"))).toEqual([]);
  await session.close();
});

test("a pattern that is none is refused at once", async () => {
  await expect(threadLineMatcher().open("a(", planOf("a("))).rejects.toMatchObject({
    code: "FILTER_INVALID",
  });
});

test("a catastrophic pattern is stopped, and this thread goes on meanwhile", async () => {
  const session = await threadLineMatcher({ blockMs: 300, sessions: 1 }).open(
    "^(a+)+$",
    planOf("^(a+)+$"),
  );
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 10);
  const stopped = session.match(block(`${"a".repeat(40)}!\n`));
  await expect(stopped).rejects.toMatchObject({
    code: "FILTER_INVALID",
    message: expect.stringContaining("took too long"),
  });
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(3);
  await session.close();
});

test("closing gives the place to the next, however often it is done", async () => {
  const matcher = threadLineMatcher({ sessions: 1 });
  const first = await matcher.open("a.", planOf("a."));
  const second = matcher.open("b.", planOf("b."));
  await first.close();
  await first.close();
  const session = await second;
  await expect(first.match(block("ab\n"))).rejects.toMatchObject({ code: "FILTER_INVALID" });
  expect(await session.match(block("ab\nbb\n"))).toEqual([3]);
  await session.close();
});

test("a filter finds its lines by byte, with umlauts before them", async () => {
  const filter = await openFilter("x[12]", threadLineMatcher());
  const bytes = block("äöü\nx1\nß x3\nü x2\n");
  expect(await filter.select(bytes)).toEqual([7, 16]);
  await filter.close();
});
