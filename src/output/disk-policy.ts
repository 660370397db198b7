/**
 * What is to be done about the disk: the judgement, with no hands. Pure and level-driven: the
 * answer depends on the view alone, so it may be asked at any time and after any restart.
 *
 *   seen                                              answer
 *   ------------------------------------------------  --------------------------------------------
 *   a file system at another level than before        tell
 *   one at `relieve` or worse                          relieve, by what is missing to `refuse`
 *   an agent at a cap of its own                       stop it
 *   a task at its cap                                  stop the one of it that writes most
 *   one at `stop`, nobody being stopped for it yet     stop the one on it that writes most
 *   the same, below half of that floor                 stop that one at once, without its grace
 *
 * Nobody who writes nothing is stopped for a full disk: that would free nothing.
 */
import type { AgentId, TaskId } from "../kernel/ids.ts";
import { humanBytes } from "../kernel/units.ts";
import { type DiskLevel, type Floors, floorBytes, isAtLeast, type Space } from "./disk-floors.ts";

export interface FileSystemView {
  /** The device's number, as `stat` tells it. */
  readonly id: string;
  /** A folder on it, for people. */
  readonly path: string;
  readonly space: Space;
  readonly level: DiskLevel;
  /** At the look before; "fine" at the first one. */
  readonly previous: DiskLevel;
}

export interface AgentDisk {
  readonly agentId: AgentId;
  readonly taskId: TaskId;
  /** File systems that it writes to: the state directory's, its working directory's. */
  readonly fileSystems: readonly string[];
  /** Bytes that it has printed, ever. */
  readonly outputBytes: number;
  /** Bytes that its files take on the disk. */
  readonly diskBytes: number;
  /** How fast it writes: its files, or its processes where that is more. Bytes per second. */
  readonly bytesPerSecond: number;
  /** Caps; null for none. Bytes. */
  readonly outputLimit: number | null;
  readonly diskLimit: number | null;
  /** True once it is being stopped, for whatever cause. */
  readonly isStopping: boolean;
}

export interface TaskDisk {
  readonly taskId: TaskId;
  /** Bytes of all its agents, ended ones too. */
  readonly bytes: number;
  /** Null for none. Bytes. */
  readonly limit: number | null;
}

export interface DiskView {
  readonly fileSystems: readonly FileSystemView[];
  /** Agents that have not ended. */
  readonly agents: readonly AgentDisk[];
  /** Tasks of these agents. */
  readonly tasks: readonly TaskDisk[];
}

export type DiskAction =
  | { readonly do: "tell"; readonly fileSystem: FileSystemView }
  | { readonly do: "relieve"; readonly fileSystem: FileSystemView; readonly wantedBytes: number }
  | {
      readonly do: "stop";
      readonly agentId: AgentId;
      /** For people: what was reached, with both values and the setting. */
      readonly reason: string;
      /** True: the disk cannot wait for a grace. */
      readonly atOnce: boolean;
    };

/** Below this nobody counts as a writer: a heartbeat, or a small file now and then, fills no disk. Bytes per second. */
const WRITES_LEAST = 16_384;

/** Everything that is due now, in the order in which it is to be done. Never throws. */
export function decideDisk(view: DiskView, floors: Floors): readonly DiskAction[] {
  const caps = [...overOwnCap(view), ...overTaskCap(view)];
  const stopped = new Set(caps.map(({ agentId }) => agentId));
  return [
    ...view.fileSystems
      .filter(({ level, previous }) => level !== previous)
      .map((fileSystem) => ({ do: "tell" as const, fileSystem })),
    ...caps,
    ...view.fileSystems
      .filter(({ level }) => isAtLeast(level, "stop"))
      .flatMap((fileSystem) => stopNoisiest(view, fileSystem, floors, stopped)),
    ...view.fileSystems
      .filter(({ level }) => isAtLeast(level, "relieve"))
      .map((fileSystem) => relieve(fileSystem, floors)),
  ];
}

type Stop = Extract<DiskAction, { readonly do: "stop" }>;

function overOwnCap({ agents }: DiskView): readonly Stop[] {
  return agents
    .filter(({ isStopping }) => !isStopping)
    .flatMap(({ agentId, outputBytes, outputLimit, diskBytes, diskLimit }) => {
      if (outputLimit !== null && outputBytes >= outputLimit)
        return [capped(agentId, "Its output", outputBytes, outputLimit, "limit_output_mb")];
      if (diskLimit !== null && diskBytes >= diskLimit)
        return [capped(agentId, "Its files", diskBytes, diskLimit, "limit_disk_mb")];
      return [];
    });
}

function capped(
  agentId: AgentId,
  what: string,
  used: number,
  limit: number,
  setting: string,
): Stop {
  const reason = `${what} reached ${humanBytes(used)} of ${humanBytes(limit)} (setting ${setting}).`;
  return { do: "stop", agentId, reason, atOnce: false };
}

function overTaskCap({ agents, tasks }: DiskView): readonly Stop[] {
  return tasks.flatMap(({ taskId, bytes, limit }) => {
    if (limit === null || bytes < limit) return [];
    const noisiest = noisiestOf(agents.filter((agent) => agent.taskId === taskId));
    if (noisiest === null) return [];
    return [capped(noisiest.agentId, "Its task", bytes, limit, "limit_task_disk_mb")];
  });
}

/** The one that writes most; null while one of them is being stopped, or when none writes. */
function noisiestOf(agents: readonly AgentDisk[]): AgentDisk | null {
  if (agents.some(({ isStopping }) => isStopping)) return null;
  const writers = agents.filter(({ bytesPerSecond }) => bytesPerSecond >= WRITES_LEAST);
  return writers.toSorted((a, b) => b.bytesPerSecond - a.bytesPerSecond)[0] ?? null;
}

function stopNoisiest(
  { agents }: DiskView,
  { id, path, space }: FileSystemView,
  floors: Floors,
  stopped: ReadonlySet<AgentId>,
): readonly Stop[] {
  const here = agents.filter(({ fileSystems }) => fileSystems.includes(id));
  const floor = floorBytes(floors.stop, space.totalBytes);
  const atOnce = space.freeBytes < floor / 2;
  const writers = atOnce ? here.map((agent) => ({ ...agent, isStopping: false })) : here;
  const noisiest = noisiestOf(writers);
  if (noisiest === null || stopped.has(noisiest.agentId)) return [];
  const speed = humanBytes(Math.round(noisiest.bytesPerSecond));
  const left = `Only ${humanBytes(space.freeBytes)} of ${humanBytes(space.totalBytes)} were free on the disk of ${path}`;
  const reason = `${left} (setting disk_stop_free), and it wrote most: ${speed} a second.`;
  return [{ do: "stop", agentId: noisiest.agentId, reason, atOnce }];
}

function relieve(fileSystem: FileSystemView, floors: Floors): DiskAction {
  const { freeBytes, totalBytes } = fileSystem.space;
  const wanted = floorBytes(floors.refuse, totalBytes) - freeBytes;
  return { do: "relieve", fileSystem, wantedBytes: Math.max(0, wanted) };
}
