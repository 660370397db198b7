/**
 * What providers and CLIs say when they cannot go on, in a few words that can be acted on.
 *
 * Every CLI words the same failure differently, and most hand on what the provider said. So the
 * text is judged here, once, for the reason of an end and for what a running agent is stuck in.
 */
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import { resetAt } from "./reset-time.ts";

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
    /rate[_ -]?limit|\b429\b|too many requests|usage limit|hit your (?:[\w-]+ ){0,2}limit|(?:session|weekly|daily|monthly|hour|opus|sonnet) limit (?:has been )?reached|quota|resource_exhausted|insufficient_quota/i,
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

/** A wait that is shorter is a rate's, not a quota's: the CLI sits it out. */
const QUOTA_LEAST_MS = 60 * SECOND_MS;
/** What is used up, and not only asked for too fast. */
const QUOTA =
  /quota|usage limit|hit your (?:[\w-]+ ){0,2}limit|limit (?:has been )?reached|resource_exhausted|out of (?:extra )?usage/i;

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
  const named = resetAt(text, at);
  if (named !== null) return named - at >= QUOTA_LEAST_MS ? { until: named } : null;
  return QUOTA.test(text) ? { until: null } : null;
}
