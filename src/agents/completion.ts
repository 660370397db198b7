/**
 * The four layers that a claimed completion is held against.
 *
 *   1 evidence   files changed in the agent's folder since it started
 *   2 type       what its kind of agent promises: findings, verification
 *   3 message    long enough, says what was done, admits no unfinished work
 *   4 pattern    reports: `working` before `completed`, no long silence, time enough
 *
 * A blocker is what no reading of the claim explains; everything else is a warning. The
 * layers never judge the same fact twice: a short run is charged once, in layer 4.
 */
import type { Validation } from "../contract/agent.ts";
import { MINUTE_MS, SECOND_MS, humanDuration, type EpochMs } from "../kernel/units.ts";
import { admittedPlaceholders } from "./placeholders.ts";

/** What others gathered about the claim. */
export interface CompletionEvidence {
  readonly agentType: string;
  /** The message of the claim. */
  readonly message: string;
  /** Files in the agent's folder changed since it started, without our own records; null when unknown. */
  readonly filesChanged: number | null;
  readonly findings: number;
  /** The agent's reports, oldest first, with the claim itself as the last. */
  readonly reports: readonly {
    readonly status: string;
    readonly at: EpochMs;
    readonly progress: number;
  }[];
  readonly startedAt: EpochMs;
  readonly now: EpochMs;
}

interface Remarks {
  readonly warnings: readonly string[];
  readonly blockers: readonly string[];
}

const WARNING_COST = 0.1;
const BLOCKER_COST = 0.3;

const MESSAGE_MIN_CHARS = 50;
/** A claim this short ("done") says nothing at all. */
const MESSAGE_EMPTY_CHARS = 10;
/** Faster than this, few reports are natural and the haste itself is the remark. */
const SHORT_RUN_MS = 60 * SECOND_MS;
const SILENCE_MS = 20 * MINUTE_MS;

const DID =
  /\b(?:add|analy[sz]|build|built|chang|clean|complet|configur|creat|debug|delet|deploy|document|extend|fix|found|generat|identif|implement|improv|inspect|install|investigat|measur|merg|migrat|mov|port|rais|ran\b|read\b|refactor|remov|renam|repair|replac|report|research|resolv|review|rewr|ship|split|test|trac|updat|upgrad|verif|wr[io]t)\w*/i;
const VERIFIED =
  /\b(?:test|pass|verif|check|confirm|assert|reproduc|built|build|compil|lint|typecheck|ran\b|green)\w*/i;

const JUDGES = [evidenceLayer, typeLayer, messageLayer, patternLayer] as const;

/**
 * Judges a claimed completion.
 *
 * Pure and total: any evidence gets an answer. Mode `warn` accepts every claim and records
 * what it found; `strict` accepts a claim without blockers.
 *
 * @returns `confidence` is 1 less 0.1 per warning and 0.3 per blocker, never below 0.
 */
export function validateCompletion(
  evidence: CompletionEvidence,
  mode: Validation["mode"],
): Validation {
  const layers = JUDGES.map((judge) => judge(evidence));
  const warnings = layers.flatMap((layer) => layer.warnings);
  const blockers = layers.flatMap((layer) => layer.blockers);
  const cost = warnings.length * WARNING_COST + blockers.length * BLOCKER_COST;
  return {
    accepted: mode === "warn" || blockers.length === 0,
    mode,
    confidence: Math.max(0, Math.round((1 - cost) * 100) / 100),
    warnings,
    blockers,
  };
}

type Kind = "investigator" | "maker" | "other";

/** "test-fixer" and "api.builder" promise what their last word says. */
function kindOf(agentType: string): Kind {
  const words = agentType.toLowerCase().split(/[._-]/);
  if (words.some((word) => /^(?:investigator|researcher|reviewer|auditor|analyst)$/.test(word))) {
    return "investigator";
  }
  return words.some((word) => /^(?:builder|fixer|implementer|developer)$/.test(word))
    ? "maker"
    : "other";
}

function evidenceLayer({ agentType, filesChanged, findings }: CompletionEvidence): Remarks {
  if (filesChanged === null) {
    return remarks(["The agent's folder could not be looked at, so nothing shows its work."]);
  }
  if (filesChanged > 0) return remarks([]);
  if (kindOf(agentType) === "maker") {
    return remarks(
      [],
      [`No file changed in the agent's folder, and a ${agentType} changes files.`],
    );
  }
  return remarks(
    findings > 0 ? [] : ["No file changed in the agent's folder and no finding was reported."],
  );
}

function typeLayer({ agentType, findings, message }: CompletionEvidence): Remarks {
  const kind = kindOf(agentType);
  if (kind === "investigator" && findings === 0) {
    return remarks(
      [],
      [`A ${agentType} reports what it finds, and no finding was reported (report_agent_finding).`],
    );
  }
  if (kind === "maker" && !VERIFIED.test(message)) {
    return remarks([`The message of a ${agentType} does not say how the work was verified.`]);
  }
  return remarks([]);
}

function messageLayer({ message }: CompletionEvidence): Remarks {
  const text = message.trim();
  if (text.length < MESSAGE_EMPTY_CHARS) {
    return remarks([], [`The message "${text}" does not say what was done.`]);
  }
  const placeholders = admittedPlaceholders(text);
  const warnings = [
    text.length < MESSAGE_MIN_CHARS
      ? `The message has ${text.length} characters; ${MESSAGE_MIN_CHARS} is the least that says what was done and how it was checked.`
      : null,
    DID.test(text) ? null : "The message names nothing that was done.",
  ].filter((warning) => warning !== null);
  const unfinished = placeholders.map((word) => `The message admits unfinished work: "${word}".`);
  return remarks(warnings, unfinished);
}

function patternLayer({ reports, startedAt, now }: CompletionEvidence): Remarks {
  const ranMs = Math.max(0, now - startedAt);
  if (ranMs < SHORT_RUN_MS) {
    return remarks([`It claims to be done ${humanDuration(ranMs)} after its start.`]);
  }
  const earlier = reports.filter(({ status }) => status !== "completed");
  if (earlier.length === 0) return remarks(["It reported nothing before it claimed to be done."]);
  const warnings: string[] = [];
  if (!earlier.some(({ status }) => status === "working" || status === "reviewing")) {
    warnings.push('It never reported "working" before it claimed to be done.');
  }
  const silenceMs = longestSilence([startedAt, ...reports.map(({ at }) => at), now]);
  if (silenceMs > SILENCE_MS) {
    warnings.push(`It said nothing for ${humanDuration(silenceMs)} on the way.`);
  }
  return remarks(warnings);
}

function longestSilence(times: readonly EpochMs[]): number {
  const inOrder = times.toSorted((a, b) => a - b);
  return inOrder.reduce(
    (longest, at, index) => Math.max(longest, at - (inOrder[index - 1] ?? at)),
    0,
  );
}

function remarks(warnings: readonly string[], blockers: readonly string[] = []): Remarks {
  return { warnings, blockers };
}
