/** What the command line needs of the world; bin/corral.ts wires it, tests bring their own. */
import type { HarnessName } from "../../contract/agent.ts";
import type {
  DoctorAnswer,
  HealthAnswer,
  LedgerAnswer,
  SweepAnswer,
  SweepInput,
} from "../../contract/api.ts";
import type { ExportAnswer, PruneAnswer, PruneInput } from "../../contract/archive.ts";
import type { OrphansAnswer } from "../../contract/orphans.ts";
import type { ApiClient } from "../../contract/client.ts";
import type { ClientConfigs } from "./install/ports.ts";
import type { PathEnvironment, StatePaths } from "./state-paths.ts";

/** Where a verb prints. Writing never throws for a reader that left; what is written is then lost. */
export interface Terminal {
  /** True when people look at stdout directly. */
  readonly isTty: boolean;
  readonly colour: boolean;
  /** Columns of the terminal; Infinity when stdout is none, so that nothing is cut for programs. */
  readonly columns: number;
  /** One line on stdout, newline added. */
  line(text: string): void;
  /** Exactly these bytes on stdout; returns when they were taken over (back pressure). */
  bytes(chunk: Uint8Array | string): Promise<void>;
  /** One line on stderr, for people. */
  note(text: string): void;
}

/** One key, or a whole paste. */
export interface KeyPress {
  /** `"up"`, `"return"`, `"x"` …; empty for text that is no key of its own. */
  readonly name: string;
  /** What it types; empty for keys that type nothing. */
  readonly text: string;
  readonly ctrl: boolean;
}

/** The whole terminal, for a view that places its own lines. Gives it back on every way out but SIGKILL. */
export interface FullScreen {
  /** Columns and rows; 80 by 24 where the terminal does not know. */
  size(): { readonly columns: number; readonly rows: number };
  /** Takes the terminal; once. `onEnd` is told the exit code when a signal or the terminal itself ends it. */
  open(listeners: {
    onKey(key: KeyPress): void;
    /** Another size, or to be drawn anew. */
    onResize(): void;
    onEnd(exit: number): void;
  }): void;
  /** Text and sequences as they are; lost unless it is open. */
  write(text: string): void;
  /** Gives it to the shell until the program is continued. */
  suspend(): void;
  /** May be called at any time, any number of times. */
  close(): void;
}

/** Looking at archives without a daemon, in this process and with the rights of who runs it. */
export interface ArchivesBeside extends Pick<
  ApiClient,
  "agent" | "agents" | "archive" | "archives" | "tasks"
> {
  /**
   * Writes an archive to another place; nothing is overwritten.
   * @throws {Fault} AGENT_NOT_FOUND, ARCHIVE_NOT_FOUND, ARCHIVE_DAMAGED, EXPORT_REFUSED.
   */
  exportArchive(agentId: string, wish: ExportWish): Promise<ExportAnswer>;
}

export interface ExportWish {
  /** What is made. Absolute. */
  readonly to: string;
  /** `redacted`: plain files without secrets; `plain`: plain files as they are; `tar`: the archive itself. */
  readonly as: "redacted" | "plain" | "tar";
}

/** What works on a state directory whose daemon is dead. */
export interface Offline {
  /** Opens the store for reading, also beside a daemon. @throws {Fault} STATE_LOCKED where that cannot be, STATE_UNUSABLE, STATE_NEWER, CONFIG_INVALID. */
  readArchives<T>(work: (archives: ArchivesBeside) => Promise<T>): Promise<T>;
  /** @throws {Fault} STATE_LOCKED when a daemon lives after all; otherwise as the daemon answers. */
  pruneArchives(input: PruneInput): Promise<PruneAnswer>;
  ledger(): Promise<LedgerAnswer>;
  sweep(input: SweepInput): Promise<SweepAnswer>;
  doctor(): Promise<DoctorAnswer>;
}

/** Renders whole lines of a stream for people: the lines to print, none for those not worth it. */
export type Pretty = (line: string) => readonly string[];

export interface CliPorts {
  readonly paths: StatePaths;
  readonly env: PathEnvironment;
  /** Absolute folder of the caller. */
  readonly cwd: string;
  readonly version: string;
  readonly terminal: Terminal;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Resolves after that time, milliseconds, or at once when the signal is aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** The client of whatever daemon answers on the socket; connects with the first call. */
  readonly client: () => Promise<ApiClient>;
  /**
   * Health of a running daemon, started when there was none. Idempotent, also at the same time.
   * @throws {Fault} DAEMON_UNREACHABLE with the daemon's last words when it did not come up.
   */
  readonly ensureDaemon: () => Promise<{
    readonly health: HealthAnswer;
    readonly started: boolean;
  }>;
  /**
   * Returns when that daemon process is gone.
   * @returns false when it is still there after the deadline (10 s).
   */
  readonly daemonGone: (pid: number) => Promise<boolean>;
  readonly offline: Offline;
  /** `"linux"`, `"darwin"`. */
  readonly platform: string;
  /** Asks the person at the terminal for yes or no; null where there is none on both sides. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
  /** The configurations of MCP clients. */
  readonly clientConfigs: () => Promise<ClientConfigs>;
  /** Agent CLIs and MCP servers of other tools whose parent is gone; touches none. @throws {Fault} PROBE_FAILED. */
  readonly orphans: () => Promise<OrphansAnswer>;
  /** Text of a file, or of stdin for `-`. @throws {Fault} INPUT_INVALID when it cannot be read. */
  readonly readText: (path: string) => Promise<string>;
  /** Runs a program in the caller's terminal and answers with its exit code. */
  readonly runInTerminal: (argv: readonly string[]) => Promise<number>;
  /**
   * Sees that the dashboard's files are there and of these sources: a checkout builds them, the
   * published package has them. @throws {Fault} LAUNCH_FAILED with the build's last words.
   */
  readonly buildDashboard: () => Promise<void>;
  /** The whole terminal; null where there is none on both sides, or one that cannot place a cursor. */
  readonly openScreen: () => Promise<FullScreen | null>;
  /** Opens a link in the user's browser. @returns false where there is none to open it. */
  readonly openInBrowser: (link: string) => Promise<boolean>;
  /** Rendering of a harness's stream. */
  readonly pretty: (harness: HarnessName) => Promise<Pretty>;
  /** The daemon itself, in this process; answers with its exit code. */
  readonly runDaemon: () => Promise<number>;
  /** The stdio MCP bridge, in this process; answers with its exit code. */
  readonly runBridge: () => Promise<number>;
  /** The demo; answers with its exit code. */
  readonly runDemo: (options: { readonly json: boolean }) => Promise<number>;
}
