/**
 * What providers and CLIs say when they cannot go on, in a few words that can be acted on.
 *
 * Every CLI words the same failure differently, and most hand on what the provider said. So the
 * text is judged here, once, for the reason of an end and for what a running agent is stuck in.
 */
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";

export type Trouble =
  | "auth_failed"
  | "rate_limited"
  | "model_unknown"
  | "context_full"
  | "overloaded"
  | "no_answer";

/** The first that fits names it: a 429 is often wrapped into words about retries and streams. */
const SIGNS: readonly (readonly [Trouble, RegExp])[] = [
  [
    "auth_failed",
    /authentication_(?:failed|error)|invalid (?:api key|bearer token|authentication)|incorrect api key|api key (?:not valid|not found)|please run \/login|not logged in|\blog ?in required|unauthorized|unauthenticated|invalid_api_key|\b401\b|oauth token (?:has )?expired|refresh token|must specify the GEMINI_API_KEY|set an auth method/i,
  ],
  [
    "rate_limited",
    /rate[_ -]?limit|\b429\b|too many requests|usage limit|hit your limit|quota|resource_exhausted|insufficient_quota/i,
  ],
  [
    "context_full",
    /context (?:window|length)|context_length_exceeded|prompt is too long|maximum context|input is too long|too many tokens|input token count/i,
  ],
  [
    "model_unknown",
    /model[_ ]not[_ ]found|unknown model|no such model|invalid model|model\b.{0,120}(?:does not exist|not found|not supported|is not available|may not exist)|not_found_error/i,
  ],
  ["overloaded", /overloaded|\b529\b|\b503\b|service unavailable|high demand/i],
  [
    "no_answer",
    /connection (?:failed|refused|error|reset|closed)|error sending request|fetch failed|econn\w+|etimedout|enotfound|eai_again|waiting for network|stream disconnected|unable to connect|timed? ?out|socket hang up|api error: terminated|network error|cannot connect to api/i,
  ],
];

/** What a failure's text amounts to; null when it is none of these. */
export function troubleOf(text: string): Trouble | null {
  return SIGNS.find(([, sign]) => sign.test(text))?.[0] ?? null;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  mil: 1,
  s: SECOND_MS,
  m: 60 * SECOND_MS,
  h: 3_600 * SECOND_MS,
  d: 86_400 * SECOND_MS,
};
const AMOUNT = String.raw`\d+(?:\.\d+)? ?(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)\b`;
/** `try again in 3 days 4 hours 9 minutes`, `Retry-After: 30`. */
const WAITS = new RegExp(
  String.raw`(?:try again|retry|reset\w*|available)[ a-z]{0,12}\bin:? (${AMOUNT}(?:,? (?:and )?${AMOUNT})*)|retry[-_ ]?(?:after|delay)["':= ]+(\d+(?:\.\d+)? ?(?:ms|s|sec|m|min|h)?)\b`,
  "i",
);
const UNTIL =
  /(?:reset\w*|until|again|after|at)["':= a-z]{1,8}(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))/i;
/** `Claude AI usage limit reached|1795370000`, `"resets_at":1795370000`. */
const EPOCH = /(?:reached\||reset\w*["': =]+)(\d{10})\b/i;

/** When a refusal ends, as far as its text says. */
export interface ResetTime {
  /** Epoch milliseconds; null when no date is named. */
  readonly until: EpochMs | null;
  /** Milliseconds from when it was said; null when no wait is named. */
  readonly waitMs: number | null;
}

/** The reset that a text names: a date, an epoch, or a wait. */
export function resetOf(text: string): ResetTime {
  const date = Date.parse(UNTIL.exec(text)?.[1] ?? "");
  if (!Number.isNaN(date)) return { until: date, waitMs: null };
  const epoch = EPOCH.exec(text)?.[1];
  if (epoch !== undefined) return { until: Number(epoch) * SECOND_MS, waitMs: null };
  const wait = WAITS.exec(text);
  const amounts = wait?.[1] ?? wait?.[2];
  return { until: null, waitMs: amounts === undefined ? null : waitOf(amounts) };
}

/** `3 days 4 hours` in milliseconds; a number alone is seconds. */
function waitOf(amounts: string): number {
  const parts = [...amounts.matchAll(/(\d+(?:\.\d+)?) ?(ms|mil|[smhd])?[a-z]*/gi)];
  return parts.reduce(
    (sum, [, amount, unit = "s"]) => sum + Number(amount) * (UNITS_MS[unit.toLowerCase()] ?? 0),
    0,
  );
}

/** A wait that is shorter is a rate's, not a quota's: the CLI sits it out. */
const QUOTA_LEAST_MS = 60 * SECOND_MS;
/** What is used up, and not only asked for too fast. */
const QUOTA =
  /quota|usage limit|hit your limit|limit (?:has been )?reached|resource_exhausted|out of (?:extra )?usage/i;

/**
 * What a refusal says of a quota that is used up, and when it comes back; null when it is none, or a
 * rate that is over in a moment.
 * @param at  When it was said.
 */
export function quotaRefusalOf(
  text: string,
  at: EpochMs,
): { readonly until: EpochMs | null } | null {
  if (troubleOf(text) !== "rate_limited") return null;
  const { until, waitMs } = resetOf(text);
  const named = until ?? (waitMs === null ? null : at + waitMs);
  if (named !== null) return named - at >= QUOTA_LEAST_MS ? { until: named } : null;
  return QUOTA.test(text) ? { until: null } : null;
}
