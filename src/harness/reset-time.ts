/**
 * When a refusal ends, as far as its words say: a date, an epoch, a wait, or a time on somebody's wall.
 *
 *   resets at 2026-11-25T23:00:00Z · usage limit reached|1795370000 · try again in 2h15m
 *   resets 3pm (Europe/Berlin) · resets Oct 9 at 5am · try again at Aug 20, 2026, 7:38 AM · resets at 10:57 PM GMT-3
 *
 * Pure. What cannot be read for certain is not read: a guess that is said to be one is better than a wrong day.
 */
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from "../kernel/units.ts";

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  mil: 1,
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
};
const AMOUNT = String.raw`\d+(?:\.\d+)? ?(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])`;
/** `try again in 3 days 4 hours 9 minutes`, `reset after 2h15m3s`, `Retry-After: 30`, `"resets_in_seconds":13872`. */
const WAITS = new RegExp(
  String.raw`(?:try again|retry|reset\w*|available)[ a-z]{0,12}\b(?:in|after):? (${AMOUNT}(?:,? ?(?:and )?${AMOUNT})*)|(?:retry[-_ ]?(?:after|delay)|reset\w*_in_seconds)["':= ]+(\d+(?:\.\d+)? ?(?:ms|s|sec|m|min|h)?)\b`,
  "i",
);
const UNTIL =
  /(?:reset\w*|until|again|after|at)["':= a-z]{1,8}(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))/i;
/** `Claude AI usage limit reached|1795370000`, `"resets_at":1795370000`. */
const EPOCH = /(?:reached\||reset\w*["': =]+)(\d{10})\b/i;

/** When a refusal ends, as far as its text says whenever it is read. */
export interface ResetTime {
  /** Epoch milliseconds; null when no moment is named. */
  readonly until: EpochMs | null;
  /** Milliseconds from when it was said; null when no wait is named. */
  readonly waitMs: number | null;
}

/** The reset that a text names without leaning on when and where it was said: a date with its zone, an epoch, or a wait. */
export function resetOf(text: string): ResetTime {
  const date = Date.parse(UNTIL.exec(text)?.[1] ?? "");
  if (!Number.isNaN(date)) return { until: date, waitMs: null };
  const epoch = EPOCH.exec(text)?.[1];
  if (epoch !== undefined) return { until: Number(epoch) * SECOND_MS, waitMs: null };
  const wait = WAITS.exec(text);
  const amounts = wait?.[1] ?? wait?.[2];
  return { until: null, waitMs: amounts === undefined ? null : waitOf(amounts) };
}

/**
 * The reset that a text names, times of the day too.
 * @param at    When it was said.
 * @param zone  IANA name of the zone that a time without one is in. Default: this process's own, which its
 *              CLIs have as well.
 * @returns     Epoch milliseconds; null when none is named, or none that could be read.
 */
export function resetAt(text: string, at: EpochMs, zone: string = ownZone()): EpochMs | null {
  const { until, waitMs } = resetOf(text);
  return until ?? (waitMs === null ? wallTime(text, at, zone) : at + waitMs);
}

function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** `3 days 4 hours` in milliseconds; a number alone is seconds. */
function waitOf(amounts: string): number {
  const parts = [...amounts.matchAll(/(\d+(?:\.\d+)?) ?(ms|mil|[smhd])?[a-z]*/gi)];
  return parts.reduce(
    (sum, [, amount, unit = "s"]) => sum + Number(amount) * (UNITS_MS[unit.toLowerCase()] ?? 0),
    0,
  );
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH = `(?<month>${MONTHS.join("|")})[a-z]*\\.?`;
/** `Oct 9,`, `Nov 7th, 2025`, `9 October 2026 at`. */
const DAY = String.raw`(?:${MONTH} (?<day>\d{1,2})(?:st|nd|rd|th)?|(?<day>\d{1,2}) ${MONTH})(?:,? (?<year>\d{4}))?(?:,| at|, at)? `;
const HOUR = String.raw`(?:(?<hour>\d{1,2})(?::(?<minute>\d\d)(?::\d\d)?)? ?(?<half>[ap])\.?m\b\.?|(?<hour>\d{1,2}):(?<minute>\d\d)\b(?! ?[ap]m))`;
/** `(Europe/Berlin)`, `GMT-3`, `PST`. */
const ZONE = String.raw`(?: ?\((?<zone>[^)]{1,40})\)| (?<zone>(?-i:[A-Z]{2,5})(?:[+-]\d{1,2}(?::?\d\d)?)?)\b)?`;
const LEAD = "(?:reset\\w*|try again|again|until|available)(?: (?:at|on|until))?:? ";
const WALL = new RegExp(`${LEAD}(?:${DAY})?${HOUR}${ZONE}`, "i");

/** A limit of the month is back within that; what lies further away was read wrongly. */
const FAR_MS = 32 * DAY_MS;
/** A time of the day that has just passed is a word that comes late, and not tomorrow's. */
const LATE_MS = 15 * MINUTE_MS;

function wallTime(text: string, at: EpochMs, ownZoneName: string): EpochMs | null {
  const { day, half, hour = "", minute = "0", month, year, zone } = WALL.exec(text)?.groups ?? {};
  const time = timeOf(Number(hour), Number(minute), half);
  const offset = offsetIn(zone ?? ownZoneName);
  if (hour === "" || time === null || offset === null) return null;
  const today = new Date(at + offset(at));
  if (month === undefined || day === undefined) {
    const of = (days: number): EpochMs =>
      epochOf(
        Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate() + days) + time,
        offset,
      );
    const next = [0, 1].map(of).find((found) => found > at - LATE_MS) ?? at;
    return next > at ? next : null;
  }
  const index = MONTHS.indexOf(month.toLowerCase());
  // A date without a year is the one that is next to when it was said.
  const near = [-1, 0, 1].map((more) => today.getUTCFullYear() + more);
  const found = (year === undefined ? near : [Number(year)])
    .filter((of) => new Date(Date.UTC(of, index, Number(day))).getUTCDate() === Number(day))
    .map((of) => epochOf(Date.UTC(of, index, Number(day)) + time, offset))
    .toSorted((one, other) => Math.abs(one - at) - Math.abs(other - at))[0];
  return found === undefined || found <= at || found - at > FAR_MS ? null : found;
}

/** Milliseconds since midnight; null for what no clock shows. */
function timeOf(hour: number, minute: number, half: string | undefined): number | null {
  const isRight = minute < 60 && (half === undefined ? hour < 24 : hour >= 1 && hour <= 12);
  if (!isRight) return null;
  const of24 = half === undefined ? hour : (hour % 12) + (half.toLowerCase() === "p" ? 12 : 0);
  return of24 * HOUR_MS + minute * MINUTE_MS;
}

type Offset = (at: EpochMs) => number;

/** Names that `Intl` writes in English; all others of it are `GMT+1`. Hours. */
const SHORT_NAMES: Readonly<Record<string, number>> = {
  UTC: 0,
  GMT: 0,
  HST: -10,
  AKST: -9,
  AKDT: -8,
  PST: -8,
  PDT: -7,
  MST: -7,
  MDT: -6,
  CST: -6,
  CDT: -5,
  EST: -5,
  EDT: -4,
};

/** What a zone's clocks are ahead of UTC at a moment, in milliseconds; null for what is no zone. */
function offsetIn(zone: string): Offset | null {
  const fixed = /^(?:GMT|UTC)([+-])(\d{1,2})(?::?(\d\d))?$/i.exec(zone);
  if (fixed !== null) {
    const [, sign, hours, minutes = "0"] = fixed;
    const ms = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS;
    return () => (sign === "-" ? -ms : ms);
  }
  const hours = SHORT_NAMES[zone.toUpperCase()];
  if (hours !== undefined) return () => hours * HOUR_MS;
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    return (at) => longOffset(format.format(at));
  } catch {
    return null;
  }
}

/** `11/26/2026, GMT+01:00` in milliseconds. */
function longOffset(text: string): number {
  const [, sign, hours = "0", minutes = "0"] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(text) ?? [];
  const ms = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS;
  return sign === "-" ? -ms : ms;
}

/**
 * The moment at which a zone's clocks show that time. Shown twice, when clocks go back: the first; never, when
 * they go forward: as much later as they went.
 */
function epochOf(wall: number, offset: Offset): EpochMs {
  const early = wall - offset(wall - DAY_MS);
  const late = wall - offset(wall + DAY_MS);
  return [early, late].find((at) => at + offset(at) === wall) ?? early;
}
