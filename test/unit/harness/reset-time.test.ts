/** Words of real CLIs, and of nobody. */
import { expect, test } from "vitest";
import { resetAt, resetOf } from "../../../src/harness/reset-time.ts";

test("a reset is read as a date, an epoch or a wait", () => {
  const at = Date.parse("2026-11-25T23:00:00Z");
  expect(resetOf("rate limit, resets at 2026-11-25T23:00:00Z")).toEqual({
    until: at,
    waitMs: null,
  });
  expect(resetOf("Claude AI usage limit reached|1795370000")).toEqual({
    until: 1_795_370_000_000,
    waitMs: null,
  });
  expect(resetOf("Please try again in 1.5s.")).toEqual({ until: null, waitMs: 1_500 });
  expect(resetOf("Suggested retry after 3600s.")).toEqual({ until: null, waitMs: 3_600_000 });
  expect(resetOf("try again in 20 minutes")).toEqual({ until: null, waitMs: 1_200_000 });
  expect(resetOf("or try again in 3 days 4 hours 9 minutes.")).toEqual({
    until: null,
    waitMs: ((3 * 24 + 4) * 60 + 9) * 60_000,
  });
  expect(resetOf("retry in 1 hour, and 5 mins")).toEqual({ until: null, waitMs: 3_900_000 });
  expect(resetOf("retry-after: 30")).toEqual({ until: null, waitMs: 30_000 });
  expect(resetOf("slow down")).toEqual({ until: null, waitMs: null });
});

const BERLIN = "Europe/Berlin";
/** Seven in the evening in Berlin. */
const AT = Date.parse("2026-11-26T18:00:00Z");

test.for([
  // Claude Code
  ["You've hit your limit · resets 9pm", "2026-11-26T20:00:00Z"],
  ["You've hit your session limit · resets 8:30pm (Asia/Tokyo)", "2026-11-27T11:30:00Z"],
  ["resets 12:50am (America/Los_Angeles)", "2026-11-27T08:50:00Z"],
  ["Weekly limit reached · resets 10am (Asia/Seoul) · /upgrade to Max", "2026-11-27T01:00:00Z"],
  ["You've hit your weekly limit · resets Dec 9 at 5am", "2026-12-09T04:00:00Z"],
  ["Resets Dec 12, 10:59am (America/New_York)", "2026-12-12T15:59:00Z"],
  ["Your limit will reset at 3:00 PM (Europe/Berlin).", "2026-11-27T14:00:00Z"],
  ["Your limit will reset at 2pm (Etc/GMT+5).", "2026-11-26T19:00:00Z"],
  ["Your limit will reset at 12am.", "2026-11-26T23:00:00Z"],
  // Codex
  ["or try again at Dec 20, 2026, 7:38 AM.", "2026-12-20T06:38:00Z"],
  ["try again at Dec 7th, 2026 1:15 AM.", "2026-12-07T00:15:00Z"],
  ["try again at 9:05 PM or upgrade.", "2026-11-26T20:05:00Z"],
  ["try again in 2h 15m.", "2026-11-26T20:15:00Z"],
  ['{"type":"usage_limit_reached","resets_in_seconds":13872}', "2026-11-26T21:51:12Z"],
  // Gemini CLI
  ["Access resets at 10:57 PM GMT-3.", "2026-11-27T01:57:00Z"],
  ["Access resets at 7:53 PM PST.", "2026-11-27T03:53:00Z"],
  ["Your quota will reset after 2h15m3s.", "2026-11-26T20:15:03Z"],
  // OpenAI, by opencode
  ["Please try again in 6m0s.", "2026-11-26T18:06:00Z"],
  ["resets at 21:30", "2026-11-26T20:30:00Z"],
  ["available on 9 December 2026 at 21:30", "2026-12-09T20:30:00Z"],
] as const)('"%s" ends at %s', ([text, until]) => {
  expect(resetAt(text, AT, BERLIN)).toBe(Date.parse(until));
});

test("a time of the day that is over is tomorrow's, and one that has just passed is a late word", () => {
  const at = Date.parse("2026-11-26T14:10:00Z"); // ten past three in Berlin
  expect(resetAt("resets 3pm", at, BERLIN)).toBeNull();
  expect(resetAt("resets 2:30pm", at, BERLIN)).toBe(Date.parse("2026-11-27T13:30:00Z"));
  expect(resetAt("resets 3:11pm", at, BERLIN)).toBe(Date.parse("2026-11-26T14:11:00Z"));
  // Where it is tomorrow already, today's is tomorrow's as well.
  expect(resetAt("resets 1am (Asia/Tokyo)", at, BERLIN)).toBe(Date.parse("2026-11-26T16:00:00Z"));
});

test("a date without a year is the next one, over the turn of a year too", () => {
  const at = Date.parse("2026-12-30T12:00:00Z");
  expect(resetAt("resets Jan 2 at 5am (UTC)", at, BERLIN)).toBe(Date.parse("2027-01-02T05:00:00Z"));
  expect(resetAt("resets Dec 29 at 5am (UTC)", at, BERLIN)).toBeNull();
});

test("clocks that are changed show a time once, twice or never", () => {
  const spring = Date.parse("2026-03-28T20:00:00Z");
  expect(resetAt("resets 1:30am", spring, BERLIN)).toBe(Date.parse("2026-03-29T00:30:00Z"));
  expect(resetAt("resets 2:30am", spring, BERLIN)).toBe(Date.parse("2026-03-29T01:30:00Z"));
  expect(resetAt("resets 3:30am", spring, BERLIN)).toBe(Date.parse("2026-03-29T01:30:00Z"));
  const autumn = Date.parse("2026-10-24T20:00:00Z");
  expect(resetAt("resets 1:30am", autumn, BERLIN)).toBe(Date.parse("2026-10-24T23:30:00Z"));
  expect(resetAt("resets 2:30am", autumn, BERLIN)).toBe(Date.parse("2026-10-25T00:30:00Z"));
  expect(resetAt("resets 3:30am", autumn, BERLIN)).toBe(Date.parse("2026-10-25T02:30:00Z"));
  expect(resetAt("resets Oct 25 at 5am (America/New_York)", autumn, BERLIN)).toBe(
    Date.parse("2026-10-25T09:00:00Z"),
  );
});

test.for([
  "resets 25pm",
  "resets 3:75pm",
  "resets 0am",
  "resets 24:10",
  "resets Feb 30 at 5am",
  "resets 3pm (Nowhere/Land)",
  "resets 3pm (see the page)",
  "resets 3pm XYZ",
  "resets Aug 20, 2027, 7:38 AM",
  "resets Nov 1 at 5am",
  "try again at 10 de jul. de 2026, 11:52.",
  "wait for limits to reset (every 5h and every week.)",
  "resets soon",
  "resets",
])('"%s" names nothing that can be read', (text) => {
  expect(resetAt(text, AT, BERLIN)).toBeNull();
});

test("without a zone of its own a time is in this process's", () => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  expect(resetAt("resets 9pm", AT)).toBe(resetAt(`resets 9pm (${zone})`, AT, "Asia/Tokyo"));
});
