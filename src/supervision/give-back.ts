/** The end of a deploy that failed. */
import type { AgentRecord } from "../agents/record.ts";
import { asFault, errnoOf, Fault, messageOf } from "../kernel/fault.ts";
import { SECOND_MS } from "../kernel/units.ts";
import { newStop } from "./stops.ts";
import type { Setting } from "./setting.ts";
import { isCleanOrStuck, waitUntil } from "./waiting.ts";

const STDERR_IN_ERROR_BYTES = 2_048;
/** How long a failed deploy waits for its release before it answers; the release goes on in any case. */
const RELEASE_MS = 5 * SECOND_MS;

/** Releases what a failed deploy had made, and says what failed with the agent's own stderr. */
export async function giveBack(
  setting: Setting,
  agent: AgentRecord,
  error: unknown,
  handOver: () => void,
): Promise<Fault> {
  const stderr = setting.files.stderrTail(agent.directory, STDERR_IN_ERROR_BYTES).trim();
  const fault = launchFault(error, stderr);
  setting.log.warn("deploy.failed", {
    agentId: agent.id,
    code: fault.code,
    cause: messageOf(error),
  });
  const now = setting.clock.now();
  const reason = `Its deploy failed: ${fault.message}`;
  setting.store.atomically(() => {
    const stop = newStop({ cause: "launch_failed", reason, graceMs: 0 }, now);
    setting.store.recordStop(agent.id, stop);
    setting.store.settle(agent.id, {
      status: "failed",
      exitCode: null,
      signal: null,
      reason,
      endedAt: now,
      usage: null,
      cliSession: null,
    });
    setting.store.revokeToken(agent.id);
  });
  handOver();
  const isClean = await waitUntil(setting, () => isCleanOrStuck(setting, agent.id), RELEASE_MS);
  setting.log.info("deploy.given_back", { agentId: agent.id, isClean });
  return fault;
}

function launchFault(error: unknown, stderr: string): Fault {
  const known = asFault(error);
  if (known.code !== "INTERNAL" && known.code !== "LAUNCH_FAILED") return known;
  const errno = errnoOf(error);
  const what =
    known.code === "LAUNCH_FAILED"
      ? known.message
      : `The agent could not be made: ${messageOf(error)}.`;
  const said = stderr === "" ? "" : ` Its stderr: ${stderr}`;
  return new Fault("LAUNCH_FAILED", `${what}${said}`, {
    hint:
      known.code === "LAUNCH_FAILED"
        ? known.hint
        : "Everything that had been made was released; correct the cause, then deploy again.",
    details: { ...known.details, ...(errno === undefined ? {} : { errno }), stderr },
    cause: error,
  });
}
