/**
 * Alerts about agents that cannot be archived: told once when it has failed several times in a row, and
 * taken back once when it has worked, or when there is nothing of the agent's to archive any more.
 *
 * Who was told of is read back from the events, so a daemon that starts anew takes back what the
 * last one told.
 */
import type { AgentRecord } from "../agents/record.ts";
import { asFault, messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type EpochMs, isoTime } from "../kernel/units.ts";
import type { Setting } from "./setting.ts";

/** Tries in a row that fail before it is told: with a minute between them, what passes by itself has passed. */
export const FAILURES_TOLD = 3;
/** Alerts looked through for those of an earlier daemon. */
const LOOKED_THROUGH = 1_000;

interface Failing {
  readonly failures: number;
  readonly since: EpochMs;
  readonly isTold: boolean;
}

type Subject = Pick<AgentRecord, "id" | "taskId" | "directory">;

export interface ArchiveAlerts {
  /** One more try has failed. Never throws: an alert that cannot be written is told at the next failure. */
  failed(agent: Subject, error: unknown): void;
  /** A try has worked. Never throws. */
  worked(agent: Subject): void;
  /** Takes back what was told of agents that have nothing to archive any more; cheap while nobody is told of. */
  forgetGone(): void;
}

/** Asks the store only when something of it is called. */
export function archiveAlerts({
  clock,
  log,
  store,
  streams,
}: Pick<Setting, "clock" | "log" | "store" | "streams">): ArchiveAlerts {
  let known: Map<AgentId, Failing> | null = null;
  const failing = (): Map<AgentId, Failing> => (known ??= toldBefore(store));

  const tell = (agent: Pick<AgentRecord, "id" | "taskId">, facts: object): boolean => {
    try {
      const all = { alert: "archive", ...facts };
      store.addEvent({ kind: "alert", taskId: agent.taskId, agentId: agent.id, facts: all });
      return true;
    } catch (error) {
      log.warn("archive.alert_not_recorded", { agentId: agent.id, cause: messageOf(error) });
      return false;
    }
  };

  const takeBack = (agent: Pick<AgentRecord, "id" | "taskId">, message: string): void => {
    const before = failing().get(agent.id);
    const isDone = before?.isTold !== true || tell(agent, { ...FINE, message });
    if (isDone) failing().delete(agent.id);
  };

  return {
    failed(agent, error) {
      const fault = asFault(error);
      // The floors of the disk tell of that, once for all agents.
      if (fault.code === "DISK_FULL") return;
      const { failures, since, isTold } = failing().get(agent.id) ?? {
        failures: 0,
        since: clock.now(),
        isTold: false,
      };
      const next = { failures: failures + 1, since, isTold };
      const isNews = !isTold && next.failures >= FAILURES_TOLD;
      const facts = {
        level: "failing",
        severity: "high",
        message: `The output of ${agent.id} cannot be archived: ${wordsOf(error)}`,
        failures: next.failures,
        since: isoTime(since),
        code: fault.code,
        directory: agent.directory,
        archive: streams.archiveOf(agent.id),
        next_step: `${fault.hint} Its files stay where they are meanwhile, and nothing of them is lost.`,
      };
      failing().set(agent.id, isNews ? { ...next, isTold: tell(agent, facts) } : next);
    },
    worked: (agent) => takeBack(agent, `The output of ${agent.id} is archived.`),
    forgetGone() {
      for (const id of failing().keys()) {
        if (store.resourcesOf(id).some(isToArchive)) continue;
        const agent = store.agent(id);
        if (agent === null) failing().delete(id);
        else takeBack(agent, `Of ${id} nothing is kept any more that was to be archived.`);
      }
    },
  };
}

const FINE = { level: "fine", severity: "low", next_step: "Nothing is to be done." } as const;

function isToArchive({ kind, state }: { readonly kind: string; readonly state: string }): boolean {
  return kind === "stream_log" && state === "retained";
}

/** What the system said, where it was no fault of ours. */
function wordsOf(error: unknown): string {
  const fault = asFault(error);
  return fault.code === "INTERNAL" ? `${messageOf(error)}.` : fault.message;
}

/** Those of whom the last that was told is that it fails. */
function toldBefore(store: Setting["store"]): Map<AgentId, Failing> {
  const told = new Map<AgentId, Failing>();
  for (const { agent_id: id, at, facts } of store.latestEvents(LOOKED_THROUGH, ["alert"])) {
    if (id === null || facts["alert"] !== "archive") continue;
    if (facts["level"] === "fine") told.delete(id);
    else told.set(id, { failures: FAILURES_TOLD, since: Date.parse(at), isTold: true });
  }
  return told;
}
