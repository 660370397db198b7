/** What sampling needs of the machine. */
import type { PortView } from "../../contract/sampling.ts";
import type { AgentId } from "../../kernel/ids.ts";
import type { GroupUse } from "../meters.ts";
import type { ProcessSet } from "../ports.ts";

/**
 * How closely an agent is looked at. `light`: processes, threads, memory, processor time. `deep`:
 * also open files, sockets, ports and IO, which cost several times as much. `whole`: also PSS,
 * which costs as much again.
 */
export type Depth = "light" | "deep" | "whole";

export interface LookRequest {
  readonly agentId: AgentId;
  readonly set: ProcessSet;
  /** Its processes, where no group of its own lists them; null: the group does. */
  readonly pids: readonly number[] | null;
  readonly depth: Depth;
}

/** Open files of one process, and how many it may have now (its soft RLIMIT_NOFILE). */
export interface OpenFiles {
  readonly fds: number;
  readonly limit: number;
}

/** Counters of one agent at one moment. Null: not looked at, or not to be read. */
export interface Counters {
  readonly processes: number;
  readonly threads: number | null;
  /** What its control group allows, of processes and threads, and of memory. */
  readonly tasksLimit: number | null;
  readonly memoryLimitBytes: number | null;
  /** As in {@link GroupUse}. */
  readonly memoryNeededBytes: number | null;
  readonly memoryKills: number | null;
  readonly fds: number | null;
  /** The process that has most files open: what is near for the others is nearer for it. */
  readonly mostFds: OpenFiles | null;
  readonly sockets: number | null;
  readonly listens: readonly PortView[] | null;
  readonly memoryBytes: number | null;
  readonly pssBytes: number | null;
  /** So far; it shrinks when a process ends that no group counted. Milliseconds. */
  readonly cpuMs: number | null;
  /** From and to disks, so far; they shrink like processor time. Bytes. */
  readonly readBytes: number | null;
  readonly writtenBytes: number | null;
}

/** One process, as a list of processes shows it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly ppid: number;
  readonly startTicks: number;
  readonly ageMs: number;
  readonly name: string;
  readonly state: string;
  /** Empty where it may not be read. */
  readonly argv: readonly string[];
  readonly threads: number | null;
  readonly memoryBytes: number | null;
  readonly pssBytes: number | null;
  readonly cpuMs: number | null;
  readonly fds: number | null;
  readonly sockets: number | null;
  readonly listens: readonly PortView[];
}

/** What the daemon's own process uses. */
export interface OwnUse {
  readonly fds: number | null;
  /** Files that it may open; null where nothing tells. */
  readonly fdsLimit: number | null;
  readonly memoryBytes: number;
  /** Processor time of the daemon so far. Milliseconds. */
  readonly cpuMs: number;
}

/** Reads at the moment of the call; changes nothing, and lets others run in between. */
export interface SampleMeters {
  /**
   * Looks at agents, each once. One that could not be looked at is absent: nothing is known of it.
   * @throws {Fault} PROBE_FAILED when nothing could be looked at.
   */
  look(requests: readonly LookRequest[]): Promise<ReadonlyMap<AgentId, Counters>>;
  /** The processes of one agent, in any order; what ended meanwhile is absent. @throws {Fault} PROBE_FAILED. */
  processes(request: Omit<LookRequest, "depth">): Promise<readonly ProcessFacts[]>;
  own(): OwnUse;
  /** What all agents use together, and may, by one that has a control group; null when that could not be read. */
  together(set: ProcessSet): GroupUse | null;
}
