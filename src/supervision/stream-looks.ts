/**
 * One look at the streams of a live agent for everybody who asks: rotation, the watch over the disk, the times of
 * streams, the watch over agents.
 *
 * Each of them asks in his own rhythm and is answered with what was seen last, until a look is due: every 2 s while
 * the agent prints, then every tenth of its silence, and every 10 s in the end. Hundreds of quiet agents cost next to
 * nothing so. Nobody needs to say that an agent lives: a sign of it only brings the next look forward.
 */
import type { AgentId } from "../kernel/ids.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { StreamsSeen } from "./disk-ports.ts";
import type { Setting } from "./setting.ts";
import type { LiveDisk } from "./store.ts";

/** Between two looks at an agent that prints; fewer when the disk is to be looked at more often. */
const LOOK_MS = 2 * SECOND_MS;
const LOOK_LATEST_MS = 10 * SECOND_MS;
const SILENCE_SHARE = 10;
/** Who asks a little early is answered by a look all the same: his next question comes a whole pause later. */
const SLACK_MS = 200;

/** Of whom the streams are. */
type Printer = Pick<LiveDisk, "id" | "directory">;

export interface StreamsLooked extends StreamsSeen {
  readonly lookedAt: EpochMs;
}

export interface StreamLooks {
  /**
   * What an agent's streams are, as of the last look, or of one now when it is due. Agents that have
   * ended are not asked for.
   * @throws what the system said when it could not look: nothing is known then.
   */
  of(agent: Printer): StreamsLooked;
  /** As {@link of}, by a look of now in any case. */
  now(agent: Printer): StreamsLooked;
  /** When an agent was last looked at; null when the next question is answered by a look. Looks at nothing. */
  lookedAt(agentId: AgentId): EpochMs | null;
  /** It has shown a sign of life: whoever asks next is answered by a look. */
  wake(agentId: AgentId): void;
  /** Forgets everybody else. */
  keepOnly(agents: readonly Printer[]): void;
}

interface Last {
  readonly seen: StreamsLooked;
  readonly grewAt: EpochMs;
  readonly lookAt: EpochMs;
}

/** Makes it; nothing is looked at before somebody asks. */
export function streamLooks({
  clock,
  configuration,
  disk,
}: Pick<Setting, "clock" | "configuration" | "disk">): StreamLooks {
  const known = new Map<AgentId, Last>();
  const look = ({ id, directory }: Printer): StreamsLooked => {
    const now = clock.now();
    const last = known.get(id);
    const seen = { ...disk.streamsIn(directory), lookedAt: now };
    const grewAt = last !== undefined && isAsBefore(last.seen, seen) ? last.grewAt : now;
    const leastMs = Math.min(LOOK_MS, configuration().disk_look_ms);
    known.set(id, { seen, grewAt, lookAt: now + pauseAfter(now - grewAt, leastMs) });
    return seen;
  };
  return {
    now: look,
    of(agent) {
      const last = known.get(agent.id);
      return last === undefined || isDue(last, clock.now()) ? look(agent) : last.seen;
    },
    lookedAt(agentId) {
      const last = known.get(agentId);
      return last === undefined || isDue(last, clock.now()) ? null : last.seen.lookedAt;
    },
    wake(agentId) {
      const last = known.get(agentId);
      if (last !== undefined) known.set(agentId, { ...last, grewAt: clock.now(), lookAt: 0 });
    },
    keepOnly(agents) {
      const ids = new Set(agents.map(({ id }) => id));
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    },
  };
}

/** Also when the clock was set back: what it says of the next look is worth nothing then. */
function isDue({ lookAt, seen }: Last, now: EpochMs): boolean {
  return now >= lookAt || now < seen.lookedAt;
}

/** What they take on the disk shrinks by rotation: that is our own doing and no sign of life. */
function isAsBefore(before: StreamsSeen, seen: StreamsSeen): boolean {
  return before.stdoutBytes === seen.stdoutBytes && before.stderrBytes === seen.stderrBytes;
}

/**
 * Until the next look at an agent that has printed nothing for so long. All in milliseconds.
 * @param leastMs  Between two looks at one that prints.
 */
export function pauseAfter(silenceMs: number, leastMs: number): number {
  const pause = Math.min(LOOK_LATEST_MS, Math.max(leastMs, silenceMs / SILENCE_SHARE));
  return Math.max(0, pause - Math.min(SLACK_MS, leastMs / SILENCE_SHARE));
}
