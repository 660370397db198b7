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
  s: SECOND_MS,
  sec: SECOND_MS,
  m: 60 * SECOND_MS,
  min: 60 * SECOND_MS,
  h: 3_600 * SECOND_MS,
};
const WAITS =
  /(?:try again|retry|reset\w*|available)[ a-z]{0,12}\bin:? (\d+(?:\.\d+)?) ?(ms|s|sec|m|min|h)\w*\b|retry[-_ ]?(?:after|delay)["':= ]+(\d+(?:\.\d+)?) ?(ms|s|sec|m|min|h)?\b/i;
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
  const amount = wait?.[1] ?? wait?.[3];
  if (amount === undefined) return { until: null, waitMs: null };
  const unit = (wait?.[2] ?? wait?.[4] ?? "s").toLowerCase();
  return { until: null, waitMs: Number(amount) * (UNITS_MS[unit] ?? SECOND_MS) };
}
