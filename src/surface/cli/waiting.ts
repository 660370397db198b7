/** Waiting for agents, for longer than one request may last. */
import type { WaitAnswer, WaitInput } from "../../contract/api.ts";
import { SECOND_MS } from "../../kernel/units.ts";
import { EXIT } from "./exit-codes.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { CliPorts } from "./ports.ts";
import { hasEnded } from "./views.ts";

export interface WaitPlan extends Partial<Omit<WaitInput, "timeout_s">> {
  /** Milliseconds; null waits for ever. */
  readonly timeoutMs: number | null;
}

/** One request stays below the 50 s that the API allows. */
const SLICE_S = 45;

/**
 * Waits, request after request, until the condition holds or the time is up.
 *
 * @returns the last answer; exit 0 when every agent that ended completed, 1 when one did
 *          not, 4 when the time was up.
 */
export async function waitFor(
  ports: Pick<CliPorts, "client" | "now">,
  { timeoutMs, ...condition }: WaitPlan,
): Promise<{ readonly answer: WaitAnswer; readonly exit: ExitCode }> {
  const client = await ports.client();
  const deadline = timeoutMs === null ? Number.POSITIVE_INFINITY : ports.now() + timeoutMs;
  for (;;) {
    const leftS = Math.max(0, (deadline - ports.now()) / SECOND_MS);
    const answer = await client.wait({ ...condition, timeout_s: Math.min(leftS, SLICE_S) });
    if (!answer.timed_out || ports.now() >= deadline) {
      return { answer, exit: exitOf(answer) };
    }
  }
}

/** The exit code of a finished wait. */
function exitOf({ agents, timed_out }: WaitAnswer): ExitCode {
  if (timed_out) return EXIT.busy;
  const ended = agents.filter(hasEnded);
  return ended.every((agent) => agent.status === "completed") ? EXIT.ok : EXIT.notCompleted;
}
