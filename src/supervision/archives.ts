/**
 * Everything that is done with streams after they were written: rotation while an agent runs, one
 * archive when it has ended, and deletion when its retention is over.
 *
 * Level-driven: every pass looks at sizes, rows and settings as they are, does what is due and
 * forgets nothing by dying. One thing at a time, so that compression takes a bounded part of a machine.
 */
import type { PruneAnswer, PruneInput } from "../contract/archive.ts";
import { agentNotFound } from "../agents/find.ts";
import { asFault, messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { Undos } from "../ledger/ports.ts";
import type { Condition } from "./alerts/judge.ts";
import { archiveAgent } from "./archive-agent.ts";
import { archiveAlerts } from "./archive-alerts.ts";
import { archiveSums, pruner } from "./kept-archives.ts";
import { type ArchiveReader, archiveReader } from "./read-archives.ts";
import type { Setting } from "./setting.ts";
import type { StreamLooks } from "./stream-looks.ts";
import type { RotationReport } from "./streams.ts";

/** Between two passes. */
const LOOK_MS = 2 * SECOND_MS;
/** Agents that one pass archives: a rotation that has become due waits no longer than for these. */
const ARCHIVED_PER_PASS = 8;
/** After a failure the same agent is left alone for so long. */
const RETRY_MS = 60 * SECOND_MS;

export interface Archives extends ArchiveReader {
  /** Rotates an agent's streams whatever their size, so that their disk space is given back. @throws what the system said. */
  rotateNow(agentId: AgentId): Promise<RotationReport>;
  /** Archives every settled agent that is not archived yet, without its delay. @returns how many. */
  compressIdle(): Promise<number>;
  /** Deletes archives, the oldest first, until so many bytes were given back. @returns how many were. */
  free(bytesWanted: number, why: string): Promise<number>;
  /** @throws {Fault} INPUT_INVALID when nothing says which; AGENT_NOT_FOUND, TASK_NOT_FOUND, ARCHIVE_NOT_FOUND. */
  prune(input: PruneInput): Promise<PruneAnswer>;
  /** Who cannot be archived, for the watch over alerts. */
  conditions(): readonly Condition[];
  /** Does what is due now and then, until the returned function is called, which waits for what runs. */
  start(): () => Promise<void>;
}

type Attempted =
  | { readonly did: "work" | "nothing" }
  | { readonly did: "fail"; readonly error: unknown };

/** Makes it; nothing runs before {@link Archives.start}. */
export function archives(setting: Setting, undos: Undos, looks: StreamLooks): Archives {
  const { store, streams, log, clock } = setting;
  /** When the streams of each live agent were last looked at, of those that this daemon has come to. */
  const known = new Map<AgentId, EpochMs>();
  const leftAlone = new Map<AgentId, number>();
  const sums = archiveSums(setting);
  const prune = pruner(setting, undos, sums);
  const alerts = archiveAlerts(setting);

  const attempt = async (
    agentId: AgentId,
    event: string,
    work: () => Promise<unknown>,
  ): Promise<Attempted> => {
    if ((leftAlone.get(agentId) ?? 0) > clock.now()) return { did: "nothing" };
    try {
      await work();
      leftAlone.delete(agentId);
      return { did: "work" };
    } catch (error) {
      leftAlone.set(agentId, clock.now() + RETRY_MS);
      const cause = messageOf(error);
      log.warn(event, { agentId, error: asFault(error).message, cause, retryInMs: RETRY_MS });
      return { did: "fail", error };
    }
  };

  const rotate = async (agentId: AgentId, directory: string, all: boolean) => {
    const { segment_bytes: segmentBytes } = setting.configuration();
    const report = await streams.rotate(directory, { segmentBytes, all });
    if (report.segments > 0) log.info("stream.rotated", { agentId, ...report });
    return report;
  };

  const lookAtLive = async (): Promise<void> => {
    const live = store.liveDisks();
    const ids = new Set(live.map(({ id }) => id));
    for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    for (const agent of live) {
      const last = known.get(agent.id);
      if (last !== undefined && last === looks.lookedAt(agent.id)) continue;
      await attempt(agent.id, "rotation.failed", async () => {
        const seen = looks.of(agent);
        known.set(agent.id, seen.lookedAt);
        const plainBytes = streams.plainBytes(agent.directory, seen);
        // The first look of this daemon also ends what an earlier one left half done.
        if (last === undefined || plainBytes > setting.configuration().segment_bytes) {
          await rotate(agent.id, agent.directory, false);
        }
      });
    }
  };

  const archiveDue = async (dueAt: number, most: number): Promise<number> => {
    let made = 0;
    const seen = new Set<AgentId>();
    for (const { owner } of store.retainedOf("stream_log", dueAt, most + leftAlone.size)) {
      const agent = store.agent(owner);
      if (agent === null || seen.has(owner)) continue;
      seen.add(owner);
      const tried = await attempt(owner, "archive.failed", () => archiveAgent(setting, agent));
      if (tried.did === "work") {
        alerts.worked(owner);
        made += 1;
      } else if (tried.did === "fail") alerts.failed(agent, tried.error);
    }
    for (const [id, until] of leftAlone) if (until <= clock.now() - RETRY_MS) leftAlone.delete(id);
    return made;
  };

  const pass = async (isOver: () => boolean): Promise<void> => {
    await lookAtLive();
    if (isOver()) return;
    const dueAt = clock.now() - setting.configuration().archive_after_ms;
    await archiveDue(dueAt, ARCHIVED_PER_PASS);
    if (!isOver()) await prune.toBounds();
  };

  return {
    async rotateNow(agentId) {
      const agent = store.agent(agentId);
      if (agent === null) throw agentNotFound(agentId);
      if (agent.endedAt !== null) return { segments: 0, bytes: 0 };
      return rotate(agentId, agent.directory, true);
    },
    async compressIdle() {
      let all = 0;
      for (;;) {
        const made = await archiveDue(clock.now(), ARCHIVED_PER_PASS);
        if (made === 0) return all;
        all += made;
      }
    },
    free: prune.oldest,
    ...archiveReader({ store, streams, redactor: setting.secrets }),
    prune: prune.asAsked,
    conditions: () => alerts.conditions(),
    start() {
      let isOver = false;
      let running: Promise<void> = Promise.resolve();
      let cancel = (): void => undefined;
      const next = (delayMs: number): void => {
        cancel = setting.timers.after(delayMs, () => {
          running = pass(() => isOver)
            .catch((error: unknown) => log.warn("archives.failed", { cause: messageOf(error) }))
            .finally(() => (isOver ? undefined : next(LOOK_MS)));
        });
      };
      next(0);
      return async () => {
        isOver = true;
        cancel();
        await running;
      };
    },
  };
}
