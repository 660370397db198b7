/** The circuits of providers' quotas in the store: opened, tried, closed, and asked by each deploy. */
import type { AgentRecord } from "../agents/record.ts";
import {
  afterRefusal,
  type Circuit,
  isClosedBy,
  quotaAdmission,
  type QuotaRefusal,
} from "../agents/quota.ts";
import type { QuotaResetAnswer, QuotaResetInput, QuotaView } from "../contract/quota.ts";
import type { Credential } from "../harness/credential.ts";
import type { StreamOutcome } from "../harness/harness.ts";
import { quotaRefusalOf } from "../harness/troubles.ts";
import { Fault } from "../kernel/fault.ts";
import { type EpochMs, humanDuration, isoTime, SECOND_MS } from "../kernel/units.ts";
import type { Condition } from "./alerts/judge.ts";
import type { Setting } from "./setting.ts";

const MESSAGE_CHARS = 500;

type QuotaSetting = Pick<Setting, "store" | "clock">;
type Refused = Pick<AgentRecord, "id" | "harness" | "quotaKey" | "quotaLabel">;

/**
 * Asks the circuit of an account on behalf of a deploy, in the transaction that admits it. The first one
 * after the reset is the one that tries.
 * @throws {Fault} QUOTA_EXHAUSTED with the time.
 */
export function admitByQuota(
  setting: QuotaSetting,
  credential: Credential | null,
  agentId: string,
): void {
  if (credential === null) return;
  const { clock, store } = setting;
  const circuit = store.circuit(credential.key);
  const now = clock.now();
  const admission = quotaAdmission(circuit, now);
  if (circuit === null || circuit.closedAt !== null) return;
  if (admission.go === "wait") throw exhausted(circuit, admission.until, now);
  if (admission.go === "probe") store.keepCircuit({ ...circuit, probe: { agentId, at: now } });
  else close(setting, circuit, "the one that tried was not refused");
}

function exhausted(circuit: Circuit, until: EpochMs, now: EpochMs): Fault {
  const { credential, harness, message, probe } = circuit;
  const seconds = Math.max(1, Math.ceil((until - now) / SECOND_MS));
  const what =
    probe === null
      ? `The quota of ${harness} (${credential}) is used up until ${isoTime(until)}${guessWords(circuit)}: ${message}.`
      : `The quota of ${harness} (${credential}) may be there again; ${probe.agentId} is trying it.`;
  return new Fault("QUOTA_EXHAUSTED", what, {
    hint: `Deploy again in ${humanDuration(until - now)}, deploy with another harness or account, or end the wait with "corral quota reset ${harness}".`,
    details: {
      harness,
      credential,
      until: isoTime(until),
      retry_after_s: seconds,
      trying: probe?.agentId ?? null,
    },
  });
}

/** A time that its words did not name, or not so that it could be read, is said to be ours. */
function guessWords({ isNamed }: Circuit): string {
  return isNamed ? "" : " (a guess: no reset could be read)";
}

/** Opens the circuit of an agent that was refused for its quota; other refusals change nothing. */
export function noteRefusal(
  { clock, store }: QuotaSetting,
  { harness, id, quotaKey, quotaLabel }: Refused,
  text: string,
  at: EpochMs,
): void {
  if (quotaKey === null) return;
  const refusal = quotaRefusalOf(text, at);
  if (refusal === null) return;
  const before = store.circuit(quotaKey);
  const about = { key: quotaKey, harness, credential: quotaLabel ?? "unknown", agentId: id };
  const said: QuotaRefusal = {
    ...refusal,
    message: text.slice(0, MESSAGE_CHARS).toWellFormed(),
    at,
  };
  const circuit = afterRefusal(before, about, said, clock.now());
  if (circuit === null || circuit === before) return;
  store.keepCircuit(circuit);
}

/** What the stream of an agent shows of its quota. @param answeredAt  See {@link isClosedBy}. */
export function noteAnswer(
  setting: QuotaSetting,
  { id, quotaKey }: Refused,
  answeredAt: EpochMs | null,
): void {
  if (quotaKey === null || answeredAt === null) return;
  const circuit = setting.store.circuit(quotaKey);
  if (circuit === null || !isClosedBy(circuit, id, answeredAt)) return;
  close(setting, circuit, `${id} was answered`);
}

/**
 * What the end of an agent shows: CLIs that end at once when they are refused say it there and nowhere else.
 * One that tried and was not refused has shown that the quota is there.
 */
export function noteEnd(
  setting: QuotaSetting,
  agent: Refused,
  { lastError, result }: StreamOutcome,
  endedAt: EpochMs,
): void {
  if (agent.quotaKey === null) return;
  const texts = [result?.isError === true ? result.text : "", lastError ?? ""];
  const isOver = result !== null && !result.isError;
  if (!isOver) for (const text of texts) noteRefusal(setting, agent, text, endedAt);
  const circuit = setting.store.circuit(agent.quotaKey);
  if (circuit !== null && isClosedBy(circuit, agent.id, isOver ? endedAt : null)) {
    close(setting, circuit, `${agent.id} was answered`);
  }
}

function close({ clock, store }: QuotaSetting, circuit: Circuit, why: string): void {
  store.keepCircuit({ ...circuit, closedAt: clock.now(), closedBy: why, probe: null });
}

/** What stands as an alert while a circuit is not closed. */
export function quotaConditions({ store }: Pick<Setting, "store">): readonly Condition[] {
  return store.circuits().map((circuit) => {
    const { closedAt, closedBy, credential, harness, key, message, until } = circuit;
    return {
      key: `quota_circuit:${key}`,
      rule: "quota_circuit",
      severity: "warning",
      subject: { kind: "daemon", id: "daemon" },
      holds: closedAt === null ? "yes" : "no",
      evidence:
        closedAt === null
          ? `${harness} (${credential}) takes no requests until ${isoTime(until)}${guessWords(circuit)}: ${message}`
          : `${harness} (${credential}) takes requests again: ${closedBy ?? "it is closed"}.`,
      nextStep: `Use another harness or account until then; "corral quota reset ${harness}" lets the next deploy try.`,
      holdMs: 0,
      clearMs: 0,
    };
  });
}

/** Closes circuits by hand. */
export function resetQuota(setting: QuotaSetting, { harness }: QuotaResetInput): QuotaResetAnswer {
  const all = openCircuits(setting).filter((circuit) => circuit.harness === harness);
  for (const circuit of all) close(setting, circuit, "closed by hand");
  return { closed: all.map(({ credential }) => ({ harness, credential })) };
}

function openCircuits({ store }: QuotaSetting): readonly Circuit[] {
  return store.circuits().filter(({ closedAt }) => closedAt === null);
}

/** The circuits that are not closed, as every surface shows them. */
export function quotaViews(setting: QuotaSetting): QuotaView[] {
  const now = setting.clock.now();
  return openCircuits(setting).map((circuit) => {
    const { credential, harness, isNamed, message, openedAt, openedBy, probe, until } = circuit;
    return {
      harness,
      credential,
      state: now < until ? "open" : "half_open",
      until: isoTime(until),
      named: isNamed,
      message,
      since: isoTime(openedAt),
      opened_by: openedBy,
      trying: probe?.agentId ?? null,
    };
  });
}
