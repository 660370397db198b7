/**
 * Agents that wait for the quota of their account: `queued`, durable, started one after another when the
 * circuit lets them, and ended when they have waited too long.
 *
 * Level-driven: a look asks the store who waits and the circuits who may go; an event only makes it sooner.
 */
import { quotaAdmission } from "../agents/quota.ts";
import { asFault, Fault, messageOf } from "../kernel/fault.ts";
import { type EpochMs, humanDuration, SECOND_MS } from "../kernel/units.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { Deploys } from "./deploy.ts";
import type { DeployRequest } from "./plan-run.ts";
import type { Setting } from "./setting.ts";
import type { NewAgent, QueuedAgent } from "./store.ts";

/** While anybody waits; a reset that is nearer is looked at when it comes. */
const LOOK_MS = 5 * SECOND_MS;

export interface QuotaQueue {
  /** Looks now, and from now on while anybody waits. */
  start(): void;
  /** Looks now: a quota may be there again. May be called at any time. */
  wake(): void;
  /** Starts nobody more, and waits for a start that is under way. May be called twice. */
  close(): Promise<void>;
}

export function quotaQueue(
  setting: Setting,
  loops: Pick<AgentLoops, "stop">,
  deploys: Pick<Deploys, "startQueued">,
): QuotaQueue {
  const { clock, log, store, timers } = setting;
  let looking: Promise<void> | null = null;
  let isClosed = false;
  let cancel = (): void => undefined;
  let forget = (): void => undefined;

  const look = async (): Promise<void> => {
    for (const queued of store.queuedAgents()) {
      if (isClosed) return;
      const { agent, until } = queued;
      const now = clock.now();
      if (now >= until) {
        const waited = humanDuration(now - agent.createdAt);
        const reason = `The quota of its account did not come back in ${waited}.`;
        loops.stop(agent.id, { cause: "rate_limited", reason, graceMs: 0 });
      } else if (mayGo(agent.quotaKey, now)) await startOne(queued);
    }
  };
  const mayGo = (key: string | null, now: EpochMs): boolean =>
    quotaAdmission(key === null ? null : store.circuit(key), now).go !== "wait";
  const startOne = async (queued: QueuedAgent): Promise<void> => {
    try {
      await deploys.startQueued(queued);
    } catch (error) {
      const { code } = asFault(error);
      log.info("queue.not_started", { agentId: queued.agent.id, code, cause: messageOf(error) });
    }
  };
  const wake = (): void => {
    cancel();
    if (isClosed || looking !== null) return;
    looking = look()
      .catch((error: unknown) => log.warn("queue.failed", { cause: messageOf(error) }))
      .finally(() => {
        looking = null;
        arm();
      });
  };
  const arm = (): void => {
    cancel();
    const now = clock.now();
    const queued = isClosed ? [] : store.queuedAgents();
    if (queued.length === 0) return;
    const resets = queued.map(({ agent }) => store.circuit(agent.quotaKey ?? "")?.until ?? now);
    const soon = Math.min(...resets.map((at) => at - now).filter((ms) => ms > 0), LOOK_MS);
    cancel = timers.after(soon, wake);
  };

  return {
    start() {
      forget = store.onEvent(({ kind }) => {
        if (kind === "agent.queued") arm();
      });
      wake();
    },
    wake,
    async close() {
      isClosed = true;
      cancel();
      forget();
      await looking;
    },
  };
}

/**
 * How an agent waits that was refused so.
 * @throws what it was refused with when that is no quota, or the agent cannot wait: longer than it may, or
 *         with secrets in its options, which Corral does not keep.
 */
export function waitFor(
  { clock, configuration }: Pick<Setting, "clock" | "configuration">,
  { prompt }: DeployRequest,
  { options, resumedFrom }: Pick<NewAgent, "options" | "resumedFrom">,
  error: unknown,
): NonNullable<NewAgent["waits"]> {
  if (!(error instanceof Fault) || error.code !== "QUOTA_EXHAUSTED") throw error;
  const longestMs = configuration().quota_wait_ms;
  const until = clock.now() + longestMs;
  const withheld = options?.withheld ?? [];
  const why =
    Date.parse(String(error.details["until"])) > until
      ? `It would wait longer than ${humanDuration(longestMs)} (setting quota_wait_ms).`
      : withheld.length > 0
        ? `It cannot wait: Corral keeps no secrets, and it has some in ${withheld.join(", ")}.`
        : resumedFrom === null
          ? null
          : "A conversation that goes on cannot wait.";
  if (why === null) return { prompt, until };
  throw new Fault("QUOTA_EXHAUSTED", `${error.message} ${why}`, {
    hint: error.hint,
    details: error.details,
  });
}
