/**
 * The circuit of a provider's quota: closed, open until its reset, or half open while one agent tries.
 *
 *   closed      a refusal that is a quota's  → open until the reset that was named, else for a while
 *   open        its time is over; a deploy   → half open: that agent tries, others wait for it
 *   half open   the one that tries is answered, or ends unrefused, or takes too long  → closed
 *               it is refused                → open, for longer where no reset is named
 *
 * Pure. There is no timer in it: what the time is decides when somebody asks.
 */
import type { HarnessName } from "../contract/agent.ts";
import type { AgentId } from "../kernel/ids.ts";
import { DAY_MS, type EpochMs, MINUTE_MS } from "../kernel/units.ts";

/** One account of one provider that took no requests. */
export interface Circuit {
  /** Harness and account; see `credentialOf`. */
  readonly key: string;
  readonly harness: HarnessName;
  /** The account for people: names of variables, or the file of a login. Never a secret. */
  readonly credential: string;
  /** When the provider takes requests again, as it said, or as we guess. */
  readonly until: EpochMs;
  /** True when its provider named that time. */
  readonly isNamed: boolean;
  /** Refusals in a row, this one included; >= 1. */
  readonly failures: number;
  readonly message: string;
  readonly openedAt: EpochMs;
  readonly openedBy: AgentId;
  /** Who tries since when, once it is half open. */
  readonly probe: { readonly agentId: AgentId; readonly at: EpochMs } | null;
  /** What was said before that opens it no more; null while it is not closed. */
  readonly closedAt: EpochMs | null;
  /** What closed it, in words; null while nothing has. */
  readonly closedBy: string | null;
}

/** A refusal by a provider: until when, where that was named. */
export interface QuotaRefusal {
  readonly message: string;
  readonly at: EpochMs;
  readonly until: EpochMs | null;
}

/** Limits by the month come again after 31 days; a later date is a mistake. */
const OPEN_MOST_MS = 31 * DAY_MS;
/** Where no reset is named: at first, and doubled with each refusal in a row up to the most. */
const GUESS_FIRST_MS = MINUTE_MS;
const GUESS_MOST_MS = 30 * MINUTE_MS;
/** An agent that tries and says nothing for so long keeps nobody else back. */
export const PROBE_MOST_MS = MINUTE_MS;

/**
 * The circuit after a refusal; the one of before itself when that changes nothing: it was said before the
 * circuit was closed or tried, or is over already, or is one more of the same.
 */
export function afterRefusal(
  before: Circuit | null,
  about: Pick<Circuit, "key" | "harness" | "credential"> & { readonly agentId: AgentId },
  refusal: QuotaRefusal,
  now: EpochMs,
): Circuit | null {
  if (before !== null && refusal.at <= lastKnown(before)) return before;
  const named = refusal.until === null ? null : Math.min(refusal.until, now + OPEN_MOST_MS);
  const isOpen = before !== null && before.closedAt === null;
  if (isOpen && before.probe === null && now < before.until) {
    // All agents of an account are refused at once, and each again and again.
    const isNews = named !== null && (!before.isNamed || named - before.until >= GUESS_FIRST_MS);
    return isNews ? { ...before, until: named, isNamed: true, message: refusal.message } : before;
  }
  const failures = isOpen ? before.failures + 1 : 1;
  const guess = Math.min(GUESS_FIRST_MS * 2 ** (failures - 1), GUESS_MOST_MS);
  const until = named ?? refusal.at + guess;
  if (until <= now) return before;
  const { agentId, ...account } = about;
  return {
    ...account,
    until,
    isNamed: named !== null,
    failures,
    message: refusal.message,
    openedAt: refusal.at,
    openedBy: agentId,
    probe: null,
    closedAt: null,
    closedBy: null,
  };
}

/** What was said until then is known. */
function lastKnown({ closedAt, probe }: Circuit): EpochMs {
  return closedAt ?? probe?.at ?? 0;
}

/** Whether a deploy may go on: freely, as the one that tries, or not before a time. */
export type QuotaAdmission =
  | { readonly go: "free" | "probe" }
  | { readonly go: "wait"; readonly until: EpochMs };

/** Judges a deploy at that moment. */
export function quotaAdmission(circuit: Circuit | null, now: EpochMs): QuotaAdmission {
  if (circuit === null || circuit.closedAt !== null) return { go: "free" };
  if (now < circuit.until) return { go: "wait", until: circuit.until };
  if (circuit.probe === null) return { go: "probe" };
  const late = circuit.probe.at + PROBE_MOST_MS;
  return now < late ? { go: "wait", until: late } : { go: "free" };
}

/**
 * True when what an agent has done since closes the circuit: the one that opened it, or that tries, has
 * been answered.
 * @param answeredAt  When its model last answered; null when its last word is a refusal, or there is none.
 */
export function isClosedBy(
  circuit: Circuit,
  agentId: AgentId,
  answeredAt: EpochMs | null,
): boolean {
  if (answeredAt === null || circuit.closedAt !== null) return false;
  const since =
    circuit.probe?.agentId === agentId
      ? circuit.probe.at
      : circuit.openedBy === agentId
        ? circuit.openedAt
        : null;
  return since !== null && answeredAt > since;
}
