/**
 * When streams had grown how far: what `corral logs --since` begins at. Most CLIs put no time into
 * their lines, so the daemon looks now and then how long each stream is, and keeps a sparse list.
 *
 * What was printed before a look lies before the offset that it saw; so an answer begins too early by one look at
 * most (or by as long as no daemon ran), and never too late.
 */
import type { AgentRecord } from "../agents/record.ts";
import { messageOf } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { Setting } from "./setting.ts";
import type { Store, StreamTime } from "./store.ts";

/** Between two looks; one stat per live agent. */
export const LOOK_EVERY_MS = 10 * SECOND_MS;

/**
 * Looks at the streams of all live agents, at once and then periodically: one commit for all that
 * have grown, none when none has.
 * @returns the way to stop.
 */
export function keepStreamTimes(setting: Setting): () => void {
  const known = new Map<AgentId, number>();
  let cancel = (): void => undefined;
  const look = (): void => {
    try {
      lookAtAll(setting, known);
    } catch (error) {
      // A full disk has more important things to write down.
      setting.log.warn("stream_times.not_kept", { cause: messageOf(error) });
    }
    cancel = setting.timers.after(LOOK_EVERY_MS, look);
  };
  look();
  return () => cancel();
}

function lookAtAll({ store, clock, tailOf }: Setting, known: Map<AgentId, number>): void {
  const live = store.liveDisks();
  const at = clock.now();
  const times: StreamTime[] = [];
  for (const { id, directory } of live) {
    const bytes = tailOf(directory).sizes(false).stdout;
    if (bytes > (known.get(id) ?? 0)) times.push({ agentId: id, at, bytes });
  }
  if (times.length > 0) store.recordStreamTimes(times);
  for (const { agentId, bytes } of times) known.set(agentId, bytes);
  const ids = new Set(live.map(({ id }) => id));
  for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
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
