/**
 * What a resumed run used itself. Some CLIs tell what the whole conversation has used, in every run of
 * it: what the runs before were told is then not counted again. Pure.
 */
import type { Usage } from "../contract/agent.ts";
import type { ResumeRoad, StreamOutcome } from "../harness/harness.ts";

const COUNTED = ["input_tokens", "cached_tokens", "output_tokens", "cost_usd"] as const;

/**
 * @param counts  What the CLI's totals count; absent means the run.
 * @param before  The last total that an earlier run of the conversation was told; null for none.
 * @returns       What is to be counted for this run; null while nothing was told.
 */
export function ownUsage(
  outcome: Pick<StreamOutcome, "usage" | "answers" | "result">,
  counts: ResumeRoad["counts"] | undefined,
  before: Usage | null,
): Usage | null {
  const { answers, usage } = outcome;
  if (usage === null || before === null || counts === undefined || counts === "run") return usage;
  if (counts === "conversation") return lessBefore(usage, before, null) ?? usage;
  // Its answers alone are the run's own; its total may begin where the last finished run ended.
  if (outcome.result?.usage == null) return usage;
  return lessBefore(usage, before, answers) ?? usage;
}

/** The last total of the conversation that this run told; null when it told none. */
export function toldTotal(
  { result, usage }: Pick<StreamOutcome, "usage" | "result">,
  counts: ResumeRoad["counts"] | undefined,
): Usage | null {
  if (counts === undefined || counts === "run") return null;
  return counts === "conversation" ? usage : (result?.usage ?? null);
}

/** The difference; null when the total cannot hold what came before and what is certainly the run's own. */
function lessBefore(total: Usage, before: Usage, least: Usage | null): Usage | null {
  const own: Usage = { ...total };
  for (const key of COUNTED) {
    const told = total[key];
    if (told === null) continue;
    const rest = told - (before[key] ?? 0);
    // Sums of fractions of a cent are off by less than that.
    if (rest < (key === "cost_usd" ? -1e-9 : (least?.[key] ?? 0))) return null;
    own[key] = Math.max(0, rest);
  }
  return own;
}
