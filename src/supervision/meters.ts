/** What is used now, as supervision needs it read. */
import type { ProcessSet } from "./ports.ts";

/** One process. Null: it may not be read, or the platform does not tell. */
export interface ProcessUse {
  readonly threads: number | null;
  readonly fds: number | null;
  /** Resident. Bytes. */
  readonly memoryBytes: number | null;
  /** Processor time of its own and of the children it has waited for. Milliseconds. */
  readonly cpuMs: number | null;
}

/** What a set's control groups count; null for what none of them does. */
export interface GroupUse {
  readonly memoryBytes: number | null;
  readonly memoryLimitBytes: number | null;
  /**
   * Of its memory what counts when the limit comes: without pages of files that nobody has used lately, which the
   * kernel gives back first. Null where there is no limit. Bytes.
   */
  readonly memoryNeededBytes: number | null;
  /** Processes that the kernel has killed in it because no more memory was allowed, by whichever limit; so far. */
  readonly memoryKills: number | null;
  /** Of all that ever ran in it. Milliseconds. */
  readonly cpuMs: number | null;
  /** Processes and threads. */
  readonly tasks: number | null;
  readonly tasksLimit: number | null;
}

export interface WorkDone {
  readonly cpuMs: number;
  /** Read and written, sockets and pipes included where they are read like files; 0 where it may not be read. */
  readonly ioBytes: number;
}

export interface DiskMeasure {
  readonly bytes: number;
  /** False when the budget of entries was used up, or a part could not be read. */
  readonly complete: boolean;
}

/** Reads at the moment of the call; changes nothing. */
export interface Meters {
  /** Uses of processes, by pid; one that has ended is absent. Lets others run in between. @throws {Fault} PROBE_FAILED. */
  ofProcesses(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUse>>;
  /** What these processes have done so far, together; what has ended counts no more. @throws {Fault} PROBE_FAILED. */
  workOf(pids: readonly number[]): Promise<WorkDone>;
  /** Processor time of all that ever ran in its control group; null where there is none that counts it. Milliseconds. */
  cpuOf(set: ProcessSet): number | null;
  /** @throws {Fault} PROBE_FAILED. */
  ofGroups(set: ProcessSet): GroupUse;
  /** Disk blocks of a file, or of everything below a folder; 0 when it is not there. Never throws. */
  diskOf(path: string): Promise<DiskMeasure>;
}
