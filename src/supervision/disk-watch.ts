/**
 * The watch over the disk: observe → `decideDisk` → perform, serial, level-driven. Events
 * shorten the wait for a look; a missed one costs time only.
 *
 * What cannot be asked (a file system that does not answer) keeps its last level: nothing is
 * concluded from silence.
 */
import type { DiskReport, DiskSummary } from "../contract/disk.ts";
import { asFault, messageOf } from "../kernel/fault.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import { type Floors, isAtLeast } from "../output/disk-floors.ts";
import { type DiskAction, decideDisk } from "../output/disk-policy.ts";
import type { AgentLoops } from "./agent-loop.ts";
import { refillBallast } from "./ballast-refill.ts";
import { floorsOf } from "./configuration.ts";
import { diskAlert } from "./disk-alert.ts";
import type { DiskRelief } from "./disk-ports.ts";
import { reportOf, summaryOf, tooFull } from "./disk-report.ts";
import { diskUses, type UseSeen } from "./disk-use.ts";
import { type Levels, lookAtFileSystems } from "./file-systems.ts";
import type { Setting } from "./setting.ts";
import { stopOrKill } from "./stop-or-kill.ts";
import type { StreamLooks } from "./stream-looks.ts";

/** A look at least so often while any file system is below a floor. */
const SHORT_LOOK_MS = SECOND_MS;
/** What an agent's ring changes is looked at so soon after it. */
const RANG_LOOK_MS = SECOND_MS;
/** Making room costs reading and writing: not again before this. */
const RELIEF_PAUSE_MS = 60 * SECOND_MS;

export interface DiskWatch {
  /** Begins to look, again and again, until closed. */
  start(): void;
  /** An agent has begun or ended: what it takes is looked at soon. */
  wake(): void;
  /**
   * Refuses an agent that would write to a disk that is too full. Asks the disks now.
   * @param cwd  Its working directory. Absolute.
   * @throws {Fault} LIMIT_REACHED naming the limit, its use and the setting (retryable).
   */
  admit(cwd: string): Promise<void>;
  /** The worst of the file systems at the last look; null before the first one. Looks at nothing. */
  summary(): DiskSummary | null;
  /** What all agents take, and every file system at the last look. Looks at nothing but the ballast. */
  report(): DiskReport;
  /** Looks no more, and waits for a look that runs. May be called twice. */
  close(): Promise<void>;
}

type StopAction = Extract<DiskAction, { readonly do: "stop" }>;

/** @param relief  Makes room; asked at most once a minute. */
export function diskWatch(
  setting: Setting,
  loops: AgentLoops,
  looks: StreamLooks,
  relief: DiskRelief,
): DiskWatch {
  const uses = diskUses(setting, looks);
  let levels: Levels = new Map();
  let unanswered: ReadonlySet<string> = new Set();
  let running: Promise<void> | null = null;
  let relieving: Promise<void> | null = null;
  let relievedAt: EpochMs = 0;
  let cancel = (): void => undefined;
  let isClosed = false;
  /** Many rings are one look. */
  let isWoken = false;

  const isShort = (): boolean => [...levels.values()].some(({ level }) => level !== "fine");

  const look = async (): Promise<void> => {
    const agents = setting.store.liveDisks();
    const { stateDir } = setting.places;
    const seen = await lookAtFileSystems(
      setting,
      [stateDir, ...agents.map(({ cwd }) => cwd)],
      levels,
    );
    tellUnanswered(seen.unanswered);
    levels = seen.levels;
    const floors = floorsOf(setting.configuration());
    const found = await uses.look(agents, isShort());
    const view = viewOf(found, seen.levels, seen.idOf, stateDir);
    for (const action of decideDisk(view, floors)) await perform(action, floors);
    await uses.lookAtEnded();
    const own = levels.get(seen.idOf.get(stateDir) ?? "");
    if (own !== undefined) await refillBallast(setting, own, floors);
  };

  const perform = async (action: DiskAction, floors: Floors): Promise<void> => {
    switch (action.do) {
      case "tell":
        return diskAlert(setting, action.fileSystem, floors);
      case "stop":
        return stop(action);
      case "relieve":
        return relieve(action.wantedBytes);
    }
  };

  const stop = async ({ agentId, reason, atOnce }: StopAction): Promise<void> => {
    setting.log.warn("disk.agent_stopped", { agentId, reason, atOnce });
    const graceMs = atOnce ? 0 : setting.configuration().grace_ms;
    try {
      await stopOrKill(setting, loops, agentId, { cause: "limit", reason, graceMs });
    } catch (error) {
      setting.log.warn("disk.stop_not_recorded", { agentId, cause: messageOf(error) });
    }
  };

  const relieve = (wantedBytes: number): void => {
    const now = setting.clock.now();
    if (relieving !== null || now - relievedAt < RELIEF_PAUSE_MS) return;
    relievedAt = now;
    relieving = makeRoom(setting, relief, wantedBytes).finally(() => {
      relieving = null;
    });
  };

  const tellUnanswered = (now: ReadonlySet<string>): void => {
    for (const path of now) {
      if (!unanswered.has(path)) setting.log.warn("disk.unanswered", { path });
    }
    unanswered = now;
  };

  const next = (delayMs: number): void => {
    cancel();
    if (isClosed) return;
    cancel = setting.timers.after(delayMs, () => {
      isWoken = false;
      if (running !== null) return;
      running = look()
        .catch((error: unknown) => {
          setting.log.warn("disk.look_failed", { cause: messageOf(asFault(error)) });
        })
        .finally(() => {
          running = null;
          const { disk_look_ms } = setting.configuration();
          next(isShort() ? Math.min(SHORT_LOOK_MS, disk_look_ms) : disk_look_ms);
        });
    });
  };

  return {
    start: () => next(0),
    wake() {
      if (running !== null || isWoken) return;
      isWoken = true;
      next(RANG_LOOK_MS);
    },
    async admit(cwd) {
      const { stateDir } = setting.places;
      const seen = await lookAtFileSystems(setting, [stateDir, cwd], levels);
      const floors = floorsOf(setting.configuration());
      for (const fileSystem of seen.levels.values()) {
        if (isAtLeast(fileSystem.level, "refuse")) throw tooFull(fileSystem, floors);
      }
    },
    summary: () => summaryOf(setting, levels),
    report: () => reportOf(setting, [...levels.values()]),
    async close() {
      isClosed = true;
      cancel();
      await running;
      await relieving;
    },
  };
}

function viewOf(
  found: readonly UseSeen[],
  levels: Levels,
  idOf: ReadonlyMap<string, string>,
  stateDir: string,
): Parameters<typeof decideDisk>[0] {
  const tasks = new Map(found.map(({ agent }) => [agent.taskId, agent]));
  return {
    fileSystems: [...levels.values()],
    agents: found.map(({ agent, outputBytes, diskBytes, bytesPerSecond }) => ({
      agentId: agent.id,
      taskId: agent.taskId,
      fileSystems: [stateDir, agent.cwd].flatMap((path) => idOf.get(path) ?? []),
      outputBytes,
      diskBytes,
      bytesPerSecond,
      outputLimit: agent.outputLimit,
      diskLimit: agent.diskLimit,
      isStopping: agent.isStopping,
    })),
    tasks: [...tasks.values()].map(({ taskId, taskBytes, taskLimit }) => ({
      taskId,
      bytes: taskBytes,
      limit: taskLimit,
    })),
  };
}

async function makeRoom(
  { log }: Pick<Setting, "log">,
  relief: DiskRelief,
  wantedBytes: number,
): Promise<void> {
  try {
    await relief.compress();
    const prunedBytes = await relief.prune(wantedBytes);
    log.info("disk.relieved", { wantedBytes, prunedBytes });
  } catch (error) {
    log.warn("disk.relief_failed", { cause: messageOf(error) });
  }
}
