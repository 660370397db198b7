/**
 * What agents take on the disk, kept incrementally: streams as the looks at them tell, the
 * rest of their files by a walk that is the rarer the less it finds. No request ever walks.
 */
import type { AgentRecord } from "../agents/record.ts";
import type { AgentId } from "../kernel/ids.ts";
import { messageOf } from "../kernel/fault.ts";
import { type EpochMs, KIB, MINUTE_MS, SECOND_MS } from "../kernel/units.ts";
import type { ResourceKind } from "../ledger/resource.ts";
import { growthOf, type Look, withLook } from "../output/growth.ts";
import type { DiskUse, LiveDisk } from "./store.ts";
import type { Setting } from "./setting.ts";
import type { StreamLooks } from "./stream-looks.ts";

/** A walk comes after so long, and after so many times that each time it found nothing new. */
const WALK_FIRST_MS = 10 * SECOND_MS;
const WALK_STRETCH = 3;
const WALK_LATEST_MS = 10 * MINUTE_MS;
/** The same while space is short: an agent may be filling its temporary folder. */
const WALK_SHORT_MS = 5 * SECOND_MS;
/** Walks in one look: the others wait for the next. */
const WALKS_MOST = 32;
/** A change that is smaller is not written down while the agent runs. */
const RECORD_STEP_BYTES = 64 * KIB;

/** What is known of one live agent; lost with the daemon, and looked at anew. */
interface Known {
  outputBytes: number;
  streamBytes: number;
  /** Segments of its streams, which we wrote. */
  segmentBytes: number;
  /** All its other files. */
  otherBytes: number;
  looks: readonly Look[];
  /** When its streams were looked at last, and then when the last of `looks` was made. */
  lookedAt: EpochMs;
  countedAt: EpochMs;
  written: readonly Look[];
  recordedBytes: number | null;
  /** False until the first walk: an agent of an earlier daemon has files that were not seen yet. */
  isWhole: boolean;
  walkAt: EpochMs;
  walkPauseMs: number;
}

/** A live agent with what was seen of it. */
export interface UseSeen {
  readonly agent: LiveDisk;
  readonly outputBytes: number;
  readonly diskBytes: number;
  readonly bytesPerSecond: number;
}

export interface DiskUses {
  /**
   * Looks at live agents: their streams, and by walks at some of the rest. Writes down what has
   * changed. What could not be looked at or written down keeps its last value.
   * @param isShort  True while space is short: walks come soon, and what processes write is looked at, too.
   */
  look(agents: readonly LiveDisk[], isShort: boolean): Promise<readonly UseSeen[]>;
  /** Looks at agents that have ended and changed since; a bounded number of them. */
  lookAtEnded(): Promise<void>;
}

export function diskUses(setting: Setting, looks: StreamLooks): DiskUses {
  const known = new Map<AgentId, Known>();
  return {
    async look(agents, isShort) {
      const now = setting.clock.now();
      forgetOthers(known, agents);
      looks.keepOnly(agents);
      const lookAt = isShort ? looks.now : looks.of;
      for (const agent of agents) lookAtStreams(setting, lookAt, knownOf(known, agent, now), agent);
      await walkSome(setting, known, agents, isShort);
      if (isShort) await lookAtWriters(setting, known, agents);
      const seen = agents.map((agent) => seenOf(knownOf(known, agent, now), agent, now));
      writeDown(setting, known, seen);
      return seen;
    },
    lookAtEnded: () => lookAtEnded(setting),
  };
}

function forgetOthers(known: Map<AgentId, Known>, agents: readonly LiveDisk[]): void {
  const live = new Set(agents.map(({ id }) => id));
  for (const id of known.keys()) if (!live.has(id)) known.delete(id);
}

function knownOf(known: Map<AgentId, Known>, agent: LiveDisk, now: EpochMs): Known {
  let one = known.get(agent.id);
  if (one === undefined) {
    one = {
      outputBytes: agent.outputBytes ?? 0,
      streamBytes: 0,
      segmentBytes: 0,
      otherBytes: 0,
      looks: [],
      lookedAt: 0,
      countedAt: 0,
      written: [],
      recordedBytes: agent.diskBytes,
      isWhole: agent.diskBytes === null,
      walkAt: agent.diskBytes === null ? now + WALK_FIRST_MS : now,
      walkPauseMs: WALK_FIRST_MS,
    };
    known.set(agent.id, one);
  }
  return one;
}

function lookAtStreams(
  { log }: Setting,
  lookAt: StreamLooks["of"],
  one: Known,
  agent: LiveDisk,
): void {
  try {
    const { stdoutBytes, stderrBytes, diskBytes, lookedAt } = lookAt(agent);
    one.lookedAt = lookedAt;
    one.outputBytes = Math.max(one.outputBytes, stdoutBytes + stderrBytes);
    // A part of it has become a segment: a walk tells how large that is.
    if (diskBytes < one.streamBytes) one.walkAt = 0;
    one.streamBytes = diskBytes;
  } catch (error) {
    log.warn("disk.look_failed", { agentId: agent.id, cause: messageOf(error) });
  }
}

async function walkSome(
  setting: Setting,
  known: ReadonlyMap<AgentId, Known>,
  agents: readonly LiveDisk[],
  isShort: boolean,
): Promise<void> {
  const now = setting.clock.now();
  const dueAt = ({ walkAt, walkPauseMs }: Known): EpochMs =>
    isShort ? walkAt - walkPauseMs + Math.min(walkPauseMs, WALK_SHORT_MS) : walkAt;
  const due = agents
    .flatMap((agent) => {
      const one = known.get(agent.id);
      return one === undefined || dueAt(one) > now ? [] : [{ agent, one }];
    })
    .toSorted((a, b) => a.one.walkAt - b.one.walkAt);
  for (const { agent, one } of due.slice(0, WALKS_MOST)) {
    const before = one.otherBytes;
    try {
      const { streams, others } = await setting.disk.walk(agent.directory);
      one.segmentBytes = Math.max(0, streams - setting.disk.streamsIn(agent.directory).diskBytes);
      one.otherBytes = others;
    } catch (error) {
      setting.log.warn("disk.look_failed", { agentId: agent.id, cause: messageOf(error) });
    }
    if (!one.isWhole) one.looks = [];
    one.isWhole = true;
    const isQuiet = one.otherBytes === before;
    one.walkPauseMs = isQuiet
      ? Math.min(one.walkPauseMs * WALK_STRETCH, WALK_LATEST_MS)
      : WALK_FIRST_MS;
    one.walkAt = setting.clock.now() + one.walkPauseMs;
  }
}

/** What is written elsewhere than in its own folder, too: only its processes know. */
async function lookAtWriters(
  { containment, clock, disk, log }: Setting,
  known: ReadonlyMap<AgentId, Known>,
  agents: readonly LiveDisk[],
): Promise<void> {
  try {
    const processes = await containment.lookEverywhere();
    for (const { id, slot } of agents) {
      const own = processes.filter((one) => one.slot === slot || one.cgroupAgentId === id);
      const one = known.get(id);
      if (one === undefined) continue;
      const bytes = disk.writtenBy(own.map(({ pid }) => pid));
      one.written = withLook(one.written, { at: clock.now(), bytes });
    }
  } catch (error) {
    log.warn("disk.writers_unknown", { cause: messageOf(error) });
  }
}

function seenOf(one: Known, agent: LiveDisk, now: EpochMs): UseSeen {
  const { otherBytes, segmentBytes, streamBytes } = one;
  const seenBytes = streamBytes + segmentBytes + otherBytes;
  const diskBytes = one.isWhole ? seenBytes : (agent.diskBytes ?? 0);
  // What is printed counts as it is printed: compressing it behind the writer hides nobody, and makes nobody one.
  const bytes = one.outputBytes + one.otherBytes;
  // Where nobody has looked since, nothing new is known: of hundreds of quiet agents that would be garbage only.
  if (one.lookedAt !== one.countedAt || one.looks.at(-1)?.bytes !== bytes) {
    one.looks = withLook(one.looks, { at: now, bytes });
    one.countedAt = one.lookedAt;
  }
  const bytesPerSecond = Math.max(growthOf(one.looks), growthOf(one.written));
  return { agent, outputBytes: one.outputBytes, diskBytes, bytesPerSecond };
}

function writeDown(
  setting: Setting,
  known: ReadonlyMap<AgentId, Known>,
  seen: readonly UseSeen[],
): void {
  const changed = seen.filter(({ agent, diskBytes }) => {
    const recorded = known.get(agent.id)!.recordedBytes;
    return recorded === null || Math.abs(diskBytes - recorded) >= RECORD_STEP_BYTES;
  });
  const uses = changed.map(({ agent, outputBytes, diskBytes }) => ({
    agentId: agent.id,
    outputBytes,
    diskBytes,
    isFinal: false,
  }));
  if (!record(setting, uses)) return;
  for (const { agentId, diskBytes } of uses) known.get(agentId)!.recordedBytes = diskBytes;
}

/** A full disk has more important things to write down. */
function record({ store, log }: Setting, uses: readonly DiskUse[]): boolean {
  try {
    if (uses.length > 0) store.recordDiskUse(uses);
    return true;
  } catch (error) {
    log.warn("disk.use_not_recorded", { agents: uses.length, cause: messageOf(error) });
    return false;
  }
}

/** Kinds whose locator is no file of the agent's own. */
const NO_FILES: ReadonlySet<ResourceKind> = new Set(["process_set", "runner_process", "token"]);

async function lookAtEnded(setting: Setting): Promise<void> {
  const uses: DiskUse[] = [];
  for (const agent of setting.store.diskDue(WALKS_MOST)) {
    try {
      uses.push(await useOfEnded(setting, agent));
    } catch (error) {
      setting.log.warn("disk.look_failed", { agentId: agent.id, cause: messageOf(error) });
    }
  }
  record(setting, uses);
}

/** Its folder, and what the ledger holds or keeps of it elsewhere. */
async function useOfEnded({ disk, store }: Setting, agent: AgentRecord): Promise<DiskUse> {
  const { id, directory } = agent;
  const elsewhere = store
    .resourcesOf(id)
    .filter(({ kind, state }) => state !== "released" && !NO_FILES.has(kind))
    .map(({ locator }) => locator)
    .filter((path) => path.startsWith("/") && !`${path}/`.startsWith(`${directory}/`));
  let diskBytes = 0;
  for (const path of [directory, ...elsewhere]) {
    const { streams, others } = await disk.walk(path);
    diskBytes += streams + others;
  }
  const { stdoutBytes, stderrBytes } = disk.streamsIn(directory);
  return {
    agentId: id,
    outputBytes: Math.max(stdoutBytes + stderrBytes, agent.outputBytes ?? 0),
    diskBytes,
    isFinal: true,
  };
}
