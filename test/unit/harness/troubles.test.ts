import { expect, test } from "vitest";
import { quotaRefusalOf, troubleOf } from "../../../src/harness/troubles.ts";

test.for([
  ["unexpected status 401 Unauthorized: bad key", "auth_failed"],
  ['[API Error: {"error":{"type":"authentication_error","code":401}}]', "auth_failed"],
  ["API key not valid. Please pass a valid API key.", "auth_failed"],
  ["exceeded retry limit, last status: 429 Too Many Requests", "rate_limited"],
  ["You've hit your limit · resets 3pm", "rate_limited"],
  ["You've hit your session limit · resets 8:30pm (Asia/Tokyo)", "rate_limited"],
  ["5-hour limit reached · resets 3pm", "rate_limited"],
  ["Weekly limit reached · resets 10am (Asia/Seoul) · /upgrade to Max", "rate_limited"],
  ["Claude AI usage limit reached|1795370000", "rate_limited"],
  ['{"error":{"status":"RESOURCE_EXHAUSTED"}}', "rate_limited"],
  ["Prompt is too long", "context_full"],
  ["Your input exceeds the context window of this model", "context_full"],
  ["The model `gpt-9` does not exist or you do not have access to it", "model_unknown"],
  ["API Error: 404 model: claude-nine not found", "model_unknown"],
  ["overloaded", "overloaded"],
  ["Connection failed: error sending request", "no_answer"],
  ["stream disconnected before completion", "no_answer"],
  ["[API Error: terminated]", "no_answer"],
  ["exception TypeError: fetch failed sending request", "no_answer"],
  ["the tests failed", null],
] as const)('"%s" is %s', ([text, trouble]) => {
  expect(troubleOf(text)).toBe(trouble);
});

test.for([
  ["You've hit your usage limit. Try again in 2 hours.", 7_200_000],
  ["usage limit, resets at 1970-01-02T00:00:00.000Z", 86_400_000],
  ["exceeded your current quota", null],
  ["RESOURCE_EXHAUSTED", null],
  ["You've hit your session limit · resets 3pm (UTC)", 15 * 3_600_000],
  ["Weekly limit reached · resets Jan 3 at 5am (UTC)", (2 * 24 + 5) * 3_600_000],
  ["You've hit your weekly limit · resets 25pm (Nowhere/Land)", null],
] as const)('"%s" is a quota that is used up', ([text, until]) => {
  expect(quotaRefusalOf(text, 0)).toEqual({ until });
});

test.for([
  "429 Too Many Requests",
  "rate limit reached for requests per min, try again in 20s",
  "exceeded your current quota, please retry in 14.2s",
  "overloaded",
])('"%s" is none', (text) => {
  expect(quotaRefusalOf(text, 0)).toBeNull();
});
