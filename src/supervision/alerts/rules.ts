/** The rules: from what was seen to conditions. Pure. */
import type { AlertView } from "../../contract/alerts.ts";
import type { TroubleKind } from "../../contract/agent.ts";
import {
  type EpochMs,
  humanBytes,
  humanDuration,
  MINUTE_MS,
  SECOND_MS,
} from "../../kernel/units.ts";
import type { Condition } from "./judge.ts";

/** Shares of a limit: raised from the first on, cleared below the second. */
const NEAR = { raise: 0.9, clear: 0.8 } as const;
const REACHED = { raise: 1, clear: 0.95 } as const;
const FILES = { raise: 0.8, clear: 0.7 } as const;
/** Less is doing nothing. */
const SILENT_CPU_MS_PER_S = 20;
/** A peak of a moment is no news. */
const HOLD_MS = 20 * SECOND_MS;
const CLEAR_MS = 30 * SECOND_MS;
const TROUBLE_HOLD_MS = MINUTE_MS;
/** So long after the last stray there is nothing to look at any more. */
const STRAY_MS = 30 * MINUTE_MS;

type Subject = AlertView["subject"];

/** A limit, and what is used of it. */
export interface LimitFact {
  readonly subject: Subject;
  readonly name: string;
  readonly used: number;
  readonly limit: number;
  readonly unit: "bytes" | "ms" | "usd" | "count";
  /** False for a limit that is there to be used up: only reaching it is told. */
  readonly tellsNear: boolean;
  readonly nextStep: string;
}

const SHOWN: { readonly [U in LimitFact["unit"]]: (value: number) => string } = {
  bytes: humanBytes,
  ms: humanDuration,
  usd: (value) => `${value.toFixed(2)} US dollars`,
  count: String,
};

/** Too little is used of a limit for any alert: who has none yet needs no condition. */
export function isFar({ limit, used }: Pick<LimitFact, "limit" | "used">): boolean {
  return used / limit < NEAR.clear;
}

export function limitConditions(fact: LimitFact): readonly Condition[] {
  const { limit, name, nextStep, subject, tellsNear, unit, used } = fact;
  if (limit <= 0) return [];
  const shown = (value: number): string => SHOWN[unit](value);
  const evidence = `${name} is at ${shown(used)} of ${shown(limit)} (${Math.floor((used / limit) * 100)} %).`;
  const common = { subject, evidence, nextStep, holdMs: HOLD_MS, clearMs: CLEAR_MS };
  const of = (
    rule: "limit_near" | "limit_reached",
    share: typeof NEAR | typeof REACHED,
  ): Condition => ({
    ...common,
    key: `${rule}:${name}:${subject.id}`,
    rule,
    severity: rule === "limit_near" || !tellsNear ? "warning" : "critical",
    holds: holdsAt(used / limit, share),
  });
  return [...(tellsNear ? [of("limit_near", NEAR)] : []), of("limit_reached", REACHED)];
}

/**
 * The kernel has killed processes of an agent because no more memory was allowed. What they held is free again at once, so no share of
 * a limit tells of it: the count does, which never falls; it holds until the agent ends.
 */
export function killedCondition(agentId: string, kills: number): Condition {
  return {
    key: `out_of_memory:${agentId}`,
    rule: "out_of_memory",
    severity: "critical",
    subject: { kind: "agent", id: agentId },
    holds: "yes",
    evidence: `The kernel has killed ${kills} of its processes: the memory that it may have, or that of all agents together, was used up.`,
    nextStep: `Give the next one more with limits.memory_mb, or raise limit_all_memory_mb; "corral logs ${agentId}" shows what it ran.`,
    holdMs: 0,
    clearMs: 0,
  };
}

/** Corral has ended an agent by itself. @param why  One sentence: which limit, or what it waited for in vain. */
export function stoppedCondition(agentId: string, why: string): Condition {
  return {
    key: `agent_stopped:${agentId}`,
    rule: "agent_stopped",
    severity: "critical",
    subject: { kind: "agent", id: agentId },
    holds: "yes",
    evidence: `It was stopped before its result. ${why}`,
    nextStep: `Look at what it has done with "corral logs ${agentId}"; "corral resume ${agentId}" goes on where its CLI can.`,
    holdMs: 0,
    clearMs: 0,
  };
}

function holdsAt(
  share: number,
  { clear, raise }: { readonly raise: number; readonly clear: number },
): Condition["holds"] {
  if (share >= raise) return "yes";
  return share < clear ? "no" : "between";
}

/** Open files of the daemon itself: when they are used up it can serve nobody. */
export function fileCondition(fds: number, limit: number): Condition {
  return {
    key: "daemon_files:daemon",
    rule: "daemon_files",
    severity: "critical",
    subject: { kind: "daemon", id: "daemon" },
    holds: holdsAt(fds / limit, FILES),
    evidence: `The daemon has ${fds} of ${limit} files open.`,
    nextStep:
      'Start the daemon anew with "corral detach" and "corral up", with a higher "ulimit -n"; agents run on.',
    holdMs: HOLD_MS,
    clearMs: CLEAR_MS,
  };
}

/** The watch over the disk has its own hysteresis, and tells the event itself. */
export function diskCondition(
  path: string,
  isShort: boolean,
  level: string,
  freeBytes: number,
): Condition {
  return {
    key: `disk_floor:${path}`,
    rule: "disk_floor",
    severity: level === "warn" ? "warning" : "critical",
    subject: { kind: "disk", id: path },
    holds: isShort ? "yes" : "no",
    evidence: `${humanBytes(freeBytes)} are free on the disk of ${path}: level ${level}.`,
    nextStep: 'Free some space, or lower the floor; "corral doctor" says what Corral holds.',
    holdMs: 0,
    clearMs: 0,
  };
}

/** What a live agent's stream and processes show. */
export interface AgentFact {
  readonly agentId: string;
  readonly trouble: {
    readonly kind: TroubleKind;
    readonly message: string;
    readonly attempts: number;
  } | null;
  /** Null for a program that need not print, and where nothing is known. */
  readonly quiet: { readonly cpuMsPerS: number; readonly outputBytesPerS: number } | null;
}

/** @param silentMs  After how long without a word or work it is told; 0: never. */
export function agentConditions(
  { agentId, quiet, trouble }: AgentFact,
  silentMs: number,
): readonly Condition[] {
  const subject = { kind: "agent", id: agentId } as const;
  const troubled: Condition = {
    key: `agent_trouble:${agentId}`,
    rule: "agent_trouble",
    severity: trouble?.kind === "auth_failed" ? "critical" : "warning",
    subject,
    holds: trouble === null ? "no" : "yes",
    evidence:
      trouble === null
        ? "It reaches its model again."
        : `It cannot reach its model: ${trouble.kind.replaceAll("_", " ")}, ${trouble.attempts} attempts. ${trouble.message}`.trim(),
    nextStep: `Look at its output with "corral logs ${agentId}"; "corral kill ${agentId}" ends it.`,
    holdMs: TROUBLE_HOLD_MS,
    clearMs: 0,
  };
  if (silentMs === 0 || quiet === null) return [troubled];
  const isSilent = quiet.outputBytesPerS === 0 && quiet.cpuMsPerS < SILENT_CPU_MS_PER_S;
  const silent: Condition = {
    key: `agent_silent:${agentId}`,
    rule: "agent_silent",
    severity: "warning",
    subject,
    holds: isSilent ? "yes" : "no",
    evidence: isSilent
      ? `It has printed nothing and used ${quiet.cpuMsPerS / 10} % of a core for ${humanDuration(silentMs)} or longer.`
      : "It prints or works again.",
    nextStep: `Look at its last output with "corral logs ${agentId}" and at its processes; "corral kill ${agentId}" ends it.`,
    holdMs: silentMs,
    clearMs: 0,
  };
  return [troubled, silent];
}

/** What an ended agent, or the daemon, could not give back. */
export function stuckCondition(subject: Subject, held: number, error: string): Condition {
  const owner = subject.id;
  return {
    key: `cleanup_stuck:${owner}`,
    rule: "cleanup_stuck",
    severity: "critical",
    subject,
    holds: held > 0 ? "yes" : "no",
    evidence: held > 0 ? `${held} cannot be released: ${error}` : "Everything is released.",
    nextStep: `See "corral ledger ${owner}"; it is tried again by itself, and "corral sweep --apply" tries at once.`,
    holdMs: 0,
    clearMs: 0,
  };
}

export function mismatchCondition(agentId: string, processes: string, isOver: boolean): Condition {
  return {
    key: `witness_mismatch:${agentId}`,
    rule: "witness_mismatch",
    severity: "critical",
    subject: { kind: "agent", id: agentId },
    holds: isOver ? "no" : "yes",
    evidence: isOver
      ? "Everything of it is gone."
      : `Only one witness sees ${processes}: it has left its group or changed its mark.`,
    nextStep: `It is ended with its agent; "corral kill ${agentId}" ends it now. Look at what the agent ran.`,
    holdMs: 0,
    clearMs: 0,
  };
}

export function strayCondition(what: string, lastAt: EpochMs, now: EpochMs): Condition {
  return {
    key: "stray_found:daemon",
    rule: "stray_found",
    severity: "warning",
    subject: { kind: "daemon", id: "daemon" },
    holds: now - lastAt < STRAY_MS ? "yes" : "no",
    evidence: `A sweep released what nobody held: ${what}`,
    nextStep: "Nothing is to be done for it; when it comes again, look at what its agent runs.",
    holdMs: 0,
    clearMs: 0,
  };
}
