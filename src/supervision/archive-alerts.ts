/**
 * Which agents cannot be archived, as conditions of the alert `archive_failed`: it holds after
 * several failures in a row, and no more when it has worked, or when there is nothing of the
 * agent's to archive any more.
 */
import type { AgentRecord } from "../agents/record.ts";
import { asFault, messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import type { Condition } from "./alerts/judge.ts";
import type { Setting } from "./setting.ts";

/** Tries in a row that fail before it holds: with a minute between them, what passes by itself has passed. */
export const FAILURES_TOLD = 3;

interface Failing {
  readonly failures: number;
  readonly evidence: string;
  readonly nextStep: string;
}

export interface ArchiveAlerts {
  /** One more try has failed. */
  failed(agent: Pick<AgentRecord, "id" | "directory">, error: unknown): void;
  /** A try has worked. */
  worked(agentId: AgentId): void;
  /** Everybody of whom something is known; costs a question to the store for each alert that stands. */
  conditions(): readonly Condition[];
}

export function archiveAlerts({
  store,
  streams,
}: Pick<Setting, "store" | "streams">): ArchiveAlerts {
  const failing = new Map<AgentId, Failing>();
  const isToArchive = (id: AgentId): boolean =>
    store.resourcesOf(id).some(({ kind, state }) => kind === "stream_log" && state === "retained");

  return {
    failed({ id, directory }, error) {
      const fault = asFault(error);
      // The floors of the disk tell of that, once for all agents.
      if (fault.code === "DISK_FULL") return;
      const failures = (failing.get(id)?.failures ?? 0) + 1;
      const why = fault.code === "INTERNAL" ? `${messageOf(error)}.` : fault.message;
      failing.set(id, {
        failures,
        evidence: `${failures} tries in a row to archive ${directory} to ${streams.archiveOf(id)} have failed: ${why}`,
        nextStep: `${fault.hint} Its files stay where they are meanwhile.`,
      });
    },
    worked: (id) => void failing.delete(id),
    conditions() {
      for (const id of failing.keys()) if (!isToArchive(id)) failing.delete(id);
      const known = [...failing].map(([id, { evidence, failures, nextStep }]) =>
        conditionOf(id, failures >= FAILURES_TOLD ? "yes" : "between", evidence, nextStep),
      );
      // One that an earlier daemon raised stands until its turn comes again, or nothing is left to archive.
      const others = store
        .standingAlerts()
        .filter(({ rule, subject }) => rule === "archive_failed" && !failing.has(subject.id))
        .map(({ evidence, nextStep, subject: { id } }) =>
          isToArchive(id)
            ? conditionOf(id, "between", evidence, nextStep)
            : conditionOf(id, "no", OVER, nextStep),
        );
      return [...known, ...others];
    },
  };
}

const OVER = "It is archived, or nothing of it is left to archive.";

function conditionOf(
  id: AgentId,
  holds: Condition["holds"],
  evidence: string,
  nextStep: string,
): Condition {
  return {
    key: `archive_failed:${id}`,
    rule: "archive_failed",
    severity: "warning",
    subject: { kind: "agent", id },
    holds,
    evidence,
    nextStep,
    holdMs: 0,
    clearMs: 0,
  };
}
