/** The files of agents and tasks, as supervision needs them. All paths absolute. */
import type { AgentId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { ExitRecord } from "./judge-end.ts";
import type { ProcessIdentity } from "./ports.ts";

export interface NewFile {
  /** Path inside the agent's directory; its folders are made (0700). */
  readonly name: string;
  readonly text: string;
}

export interface NewLink {
  /** Path inside the agent's directory; its folders are made (0700). */
  readonly name: string;
  /** Absolute; where nothing is there, no link is made. */
  readonly target: string;
}

export interface AgentFiles {
  /**
   * Makes an agent's directory (0700), its `tmp/`, its files (0600) and its links. Throws what
   * the system said (ENOSPC, EACCES …); what was made stays for the release to find.
   */
  prepare(directory: string, files: readonly NewFile[], links: readonly NewLink[]): void;
  /** Text of a file of the user's, at most 1 MiB; null when there is none that can be read. */
  readUserFile(path: string): string | null;
  /** The runner's record of the end; null while there is none (or it is not whole yet). */
  readExit(directory: string): ExitRecord | null;
  /** Who the runner is, in its own words; null before it said so. */
  readRunner(directory: string): ProcessIdentity | null;
  /**
   * Deletes the room that a runner had taken for records which it did not come to write. Only
   * when it and all of its own are gone. Throws what the system said.
   */
  removeRunnerRooms(directory: string): void;
  /** True once the agent's own process is about to become the CLI. */
  hasStarted(directory: string): boolean;
  /** The last bytes of its stderr as text; "" when there is none. */
  stderrTail(directory: string, maxBytes: number): string;
  /** Bytes of a file, or of all files in a folder; null when it does not exist. Throws when it could not look. */
  sizeOf(path: string): number | null;
  /**
   * What tells a file or folder from another one at the same path (device and inode; a link is
   * itself); null when nothing is there. Throws when it could not look.
   */
  identityOf(path: string): string | null;
  /** Deletes exactly this path (a folder with all in it) and looks that it is gone. @returns how that was seen. */
  remove(path: string): string;
  /**
   * True when a file below a folder has a name that ends in one of these; looks at most a few folders
   * deep. True as well when it could not look: a failed look is no absence.
   */
  hasFile(root: string, endings: readonly string[]): boolean;
  /**
   * Copies the plain files of a folder, and of those in it, into one that is made (0700, files 0600);
   * links are left out. Throws what the system said; what was copied stays for the release to find.
   */
  copyFolder(from: string, to: string): void;
  /** Makes the symbolic link `path` → `target`; one that is there already is replaced. */
  link(path: string, target: string): void;
  /** Makes a task's workspace: the folder with `agents/ progress/ findings/ archive/` and a `.gitignore`. */
  makeWorkspace(path: string): void;
  /**
   * The sequence number of the last record in a projection, after a torn last line was cut off;
   * 0 when it is empty or not there. Throws what the system said.
   */
  projectionEnd(path: string): number;
  /** Appends whole lines to a projection; opens and closes the file. Throws what the system said. */
  appendLines(path: string, text: string): void;
  /** Calls back when a runner rang; level-driven callers may miss any number of rings. Returns the way to stop. */
  onBell(listener: (agentId: AgentId) => void): () => void;
  /** The bell file of an agent. */
  bellOf(agentId: AgentId): string;
  /**
   * The real path of a folder that agents may work in.
   * @throws {Fault} CWD_UNUSABLE when it is not absolute, missing, no folder, or not to be entered.
   */
  realFolder(path: string, isWritten: boolean): string;
  /** Absolute path of a program by an agent's PATH; null when there is none. */
  resolveProgram(name: string, searchPath: string, cwd: string): string | null;
  /**
   * Files below a folder changed since a time, our own and .git left out.
   * @returns null when that could not be worked out within its budget of entries.
   */
  changedSince(folder: string, since: EpochMs): Promise<number | null>;
}
