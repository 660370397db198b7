/**
 * When streams had grown how far: what `corral logs --since` begins at. Most CLIs put no time into
 * their lines, so the daemon looks now and then how long each stream is, and keeps a sparse list.
 *
 * What was printed before a look lies before the offset that it saw; so an answer begins too early by one look at
 * most (by two where it had printed nothing before, or by as long as no daemon ran), and never too late.
 */
import type { AgentRecord } from "../agents/record.ts";
import { messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { Setting } from "./setting.ts";
import type { LiveDisk, Store, StreamTime } from "./store.ts";
import type { StreamLooks } from "./stream-looks.ts";

/** Between two rounds: the longest that an agent which has grown is not looked at. */
export const LOOK_EVERY_MS = 10 * SECOND_MS;

/**
 * Looks at the streams of all live agents, at once and then periodically: one commit for all that
 * have grown, none when none has.
 * @returns the way to stop.
 */
export function keepStreamTimes(
  { log, store, timers }: Pick<Setting, "log" | "store" | "timers">,
  looks: StreamLooks,
): () => void {
  const known = new Map<AgentId, number>();
  let cancel = (): void => undefined;
  const look = (): void => {
    try {
      lookAtAll(store, looks, known);
    } catch (error) {
      // A full disk has more important things to write down.
      log.warn("stream_times.not_kept", { cause: messageOf(error) });
    }
    cancel = timers.after(LOOK_EVERY_MS, look);
  };
  look();
  return () => cancel();
}

function lookAtAll(store: Store, looks: StreamLooks, known: Map<AgentId, number>): void {
  const live = store.liveDisks();
  const times = live
    .flatMap((agent) => timeOf(looks, agent) ?? [])
    .filter(({ agentId, bytes }) => bytes > (known.get(agentId) ?? 0));
  if (times.length > 0) store.recordStreamTimes(times);
  for (const { agentId, bytes } of times) known.set(agentId, bytes);
  const ids = new Set(live.map(({ id }) => id));
  for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
}

/** Null for a stream that could not be looked at: the watch over the disk tells of it. */
function timeOf(looks: StreamLooks, agent: LiveDisk): StreamTime | null {
  try {
    const { lookedAt: at, stdoutBytes: bytes } = looks.of(agent);
    return { agentId: agent.id, at, bytes };
  } catch {
    return null;
  }
}

/** The offset behind everything that was certainly printed before a time; the end when it had ended by then. */
export function offsetSince(
  store: Pick<Store, "streamLengthAt">,
  { id, endedAt }: Pick<AgentRecord, "id" | "endedAt">,
  since: EpochMs,
): number {
  if (endedAt !== null && endedAt < since) return Number.MAX_SAFE_INTEGER;
  return store.streamLengthAt(id, since);
}
