/** What the watch over the disk needs of the world. All paths absolute. */
import type { EpochMs } from "../kernel/units.ts";
import type { Space } from "../output/disk-floors.ts";

export interface FileSystemSeen {
  /** The device's number: two folders of one file system have the same. */
  readonly id: string;
  readonly space: Space;
}

/** What the streams of an agent are. Bytes. */
export interface StreamsSeen {
  /** Printed so far, holes and all: the end of the stream. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Blocks that both take. */
  readonly diskBytes: number;
  /** When the younger of the two was last written to; 0 while there is none. */
  readonly writtenAt: EpochMs;
}

/** What a walk added up. Bytes. */
export interface FilesSeen {
  /** The recorded streams in that very folder, and the segments of them that we wrote. */
  readonly streams: number;
  readonly others: number;
}

export interface DiskSight {
  /**
   * The file system that a folder lies on, and its free space. May be called at any time, also
   * while an earlier call for the same folder still waits: both are then answered together.
   * @throws {Fault} PROBE_FAILED when it was not answered in time, or not at all: nothing is known.
   */
  fileSystemOf(path: string): Promise<FileSystemSeen>;
  /** Looks at the recorded streams in an agent's directory: two stats, no walk. What is not there is nothing. */
  streamsIn(directory: string): StreamsSeen;
  /**
   * Blocks of a file, or of all files below a folder. Slow: it gives others their turn, and is
   * bounded: of very many files it answers with those that it came to. Follows no link, leaves no
   * file system; what is not there is nothing.
   */
  walk(path: string): Promise<FilesSeen>;
  /** Bytes that these processes, and the children that they have reaped, had written to disks. */
  writtenBy(pids: readonly number[]): number;
}

/**
 * Room that is kept for the day on which the disk is full: some files in the state directory,
 * in the ledger as one resource. Emptying one makes room for the records of an end.
 */
export interface Ballast {
  readonly directory: string;
  /** Bytes that it takes now. Throws when it could not look. */
  size(): number;
  /** Empties one of its pieces. @returns false when none was left; never throws. */
  spend(): boolean;
  /**
   * Fills one piece that is not as large as it should be.
   * @param bytes  Size of all pieces together.
   * @returns      True when all are full. Throws what the system said; the piece is empty then.
   */
  fill(bytes: number): Promise<boolean>;
}

/** What can make room without ending anybody. Called one at a time, as often as space stays short. */
export interface DiskRelief {
  /** Compresses what is kept of agents and not compressed yet. */
  compress(): Promise<void>;
  /**
   * Deletes what is kept of ended agents, oldest first, as retention allows.
   * @returns bytes that became free.
   */
  prune(wantedBytes: number): Promise<number>;
}
