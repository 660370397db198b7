import { expect, test } from "vitest";
import { refuseSlowPatterns } from "../../../src/adapters/regex/linear-time.ts";

test.for(["a(", "(a)\\1", "(?=a)b", "a{5000}"])("%s is refused by name", (pattern) => {
  expect(() => refuseSlowPatterns(["fine", pattern])).toThrow(pattern);
});

test("what could backtrack for years comes back, because it need not backtrack", () => {
  const patterns = ["(a+)+$", "(x+x+)+y", "(?<secret>(.*)*)!", "INTERNAL-[0-9]+"];
  expect(() => refuseSlowPatterns(patterns)).not.toThrow();
  for (const pattern of patterns.slice(0, 2)) {
    expect(new RegExp(pattern, "g").test(`${"a".repeat(60)}${"x".repeat(60)}!`)).toBe(false);
  }
});
