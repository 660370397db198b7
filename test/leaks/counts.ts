/** How often each test of the suite does its thing: CORRAL_LEAKS=short (the default) or long. */

const isLong = process.env["CORRAL_LEAKS"] === "long";

/** The form that runs. */
export const FORM: "short" | "long" = isLong ? "long" : "short";

export const COUNTS = {
  /** Hydras per rung of containment. */
  hydras: isLong ? 1_000 : 20,
  /** Hydras per rival way of ending a tree. */
  rivals: isLong ? 20 : 3,
  /** Rounds of every failpoint; the first is part of `npm test`. */
  failpointRounds: isLong ? 20 : 0,
  stormKills: isLong ? 1_000 : 100,
  soakAgents: isLong ? 10_000 : 200,
  /** Kills of each kind that the counting writer goes through. */
  logKills: isLong ? 100 : 10,
  /** How many failing calls of each port method: the first, or every one. */
  failingCalls: isLong ? Infinity : 1,
  acquisitions: isLong ? 10_000 : 200,
} as const;
