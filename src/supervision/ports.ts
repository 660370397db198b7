/**
 * What supervision needs of the world. Adapters implement these; one contract suite runs
 * over every implementation (test/contract/).
 *
 * The rule of every probe here: an absence is reported only after a complete look. A probe
 * that could not look throws PROBE_FAILED or HOST_UNREACHABLE; it never answers "gone".
 */
import type { AgentId } from "../kernel/ids.ts";
import type { Mark } from "../kernel/watermark.ts";

/** A process for as long as it lives: pids are reused, start times with them are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot at which it started (/proc/PID/stat field 22); on macOS, seconds since the epoch. */
  readonly startTicks: number;
}

export interface ProcessSeen extends ProcessIdentity {
  readonly ppid: number;
  readonly uid: number;
  /** `comm`: for naming survivors to people, never for choosing whom to signal. */
  readonly name: string;
}

/** Everything needed to find an agent's processes again; stored in the ledger as it is. */
export interface ProcessSet {
  readonly agentId: AgentId;
  /** Null where the platform has no rlimit watermark (macOS, or no `prlimit`). */
  readonly mark: Mark | null;
  /** cgroup v2 directory with `cgroup.kill`; null where we may not make one. */
  readonly cgroup: string | null;
  /** cgroup v1 pids directory that bounds the number of processes; null where we may not. */
  readonly pidsCgroup: string | null;
  /** cgroup v1 freezer directory, where cgroup v2 is not usable. Rows of before it have none. */
  readonly freezer?: string | null;
  /** cgroup v1 memory and cpu directories; made only for a set that has such a limit. */
  readonly memoryCgroup?: string | null;
  readonly cpuCgroup?: string | null;
  /** argv that makes the PID namespace in which the agent runs; absent or null: it runs in ours. */
  readonly pidNamespace?: readonly string[] | null;
  /** /proc/sys/kernel/random/boot_id at creation. After a reboot nothing of the set can be alive. */
  readonly bootId: string;
  readonly uid: number;
  /** No member can have started before this. Clock ticks after boot. */
  readonly notBeforeTicks: number;
}

export interface SetSighting {
  /** Live members (zombies are dead), each seen by at least one witness, never a protected process. */
  readonly members: readonly ProcessSeen[];
  /** Which witnesses looked: "cgroup2", "freezer", "pidns", "watermark". All must agree for a set to be clean. */
  readonly witnesses: readonly string[];
  /** Processes that one available witness saw and another did not: an alert, never a reason to spare. */
  readonly mismatch: readonly ProcessSeen[];
}

/** What a set may use up. A limit that is absent is not set: what is inherited stays. */
export interface SetLimits {
  /** Processes and threads. */
  readonly processes: number;
  /** Memory of all processes together, or of each where only that can be enforced. Bytes. */
  readonly memoryBytes?: number;
  /** Share of the processors under contention, 1 to 10 000; 100 is everybody's. */
  readonly cpuWeight?: number;
  /** Open files of each process, asked for: what is not to be had is told. */
  readonly openFiles?: number;
  /** Without {@link openFiles}: as many at most, or fewer where fewer are allowed, and nobody is told. */
  readonly mostOpenFiles?: number;
  /** What all agents together may use up; absent leaves that as it is: a hook is no agent. */
  readonly together?: SharedLimits;
}

/** Limits of all sets of a world together: only a control group above theirs can enforce them. */
export interface SharedLimits {
  /** Null is sixteen times those of one agent, at most half of what the machine has. */
  readonly processes: number | null;
  /** Bytes; null is four fifths of what the machine (or the container) has. */
  readonly memoryBytes: number | null;
  /** Against the user's other programs, 1 to 10 000; null is everybody's, 100. */
  readonly cpuWeight: number | null;
}

export interface ContainmentLevel {
  readonly mechanism:
    | "cgroup2"
    | "systemd-scope"
    | "freezer"
    | "pidns"
    | "subreaper"
    | "watermark"
    | "pids-cgroup"
    | "memory"
    | "cpu"
    | "nproc"
    | "runner-lock"
    | "none";
  readonly available: boolean;
  /** One line for people: where, or why not. */
  readonly detail: string;
}

/** Finds and ends every process of an agent. */
export interface Containment {
  /** What was found at start, best first. Stable for the life of the daemon. */
  levels(): readonly ContainmentLevel[];
  /** Short name for answers: "cgroup2+watermark", "freezer+watermark", "watermark", "none (best effort)". */
  describe(): string;

  /**
   * Chooses the identity of a new set; makes nothing. Pure but for the clock of the machine.
   * @param slot  Number of the agent's mark, unique among held sets; 0 to 189 999.
   */
  plan(agentId: AgentId, slot: number): ProcessSet;
  /**
   * Makes what the plan names (cgroup directories with their limits). May be called twice.
   * @param limits  What the set may use up, where that can be enforced; a number is its processes.
   * @returns warnings for people about what could not be enforced; empty when all is.
   * @throws {Fault} LAUNCH_FAILED with nothing left behind.
   */
  make(set: ProcessSet, limits: SetLimits | number): Promise<readonly string[]>;
  /** Looks once, completely. @throws {Fault} PROBE_FAILED when any witness could not look. */
  look(set: ProcessSet): Promise<SetSighting>;
  /**
   * Sends one signal to every member, re-checking uid, start time, boot id, mark and protect
   * list immediately before each. Through kill(2), never by name, never to a group.
   * @returns how many were signalled.
   */
  signal(set: ProcessSet, signal: "SIGINT" | "SIGTERM"): Promise<number>;
  /**
   * Kills all and looks until the set is empty twice, or the deadline passes.
   * The best rung strikes at one blow (cgroup.kill; freeze, kill, thaw; KILL of a namespace's
   * init); then SIGSTOP and SIGKILL to a fixpoint over whatever any witness still sees.
   * @param deadlineMs  How long to try. Milliseconds.
   * @returns the last sighting: members is empty, or names the survivors.
   */
  kill(set: ProcessSet, deadlineMs: number): Promise<SetSighting>;
  /** Removes the cgroup directories of an empty set; already gone is success. @returns how it was seen. */
  remove(set: ProcessSet): Promise<string>;
  /**
   * Every process that bears this world's mark or sits in its cgroups, with the set's slot
   * (null: our tmux server, a runner, or a viewer). For sweep and boot.
   * @param known  Held sets whose own processes nobody asks for: whoever all witnesses give to one of
   *               them is left out, and is not identified, which is the larger part of a look.
   * @throws {Fault} PROBE_FAILED.
   */
  lookEverywhere(known?: readonly ProcessSet[]): Promise<readonly WorldProcess[]>;
  /** Ends one stray after the identity checks; false when it was not that process any more. */
  killOne(process: ProcessIdentity, mark: Mark): boolean;
  /**
   * Ends what a dead runner left of its own (its wall clock): processes of the runner's session
   * that bear the infrastructure mark. @returns how many there were.
   */
  endCompanions(runner: ProcessIdentity): Promise<number>;
  /**
   * Directories of agents under our cgroup roots, by name of the leaf (the agent id), each with
   * the number that its directory has for as long as it exists. @throws {Fault} PROBE_FAILED.
   */
  leaves(): Promise<
    readonly { readonly agentId: AgentId; readonly path: string; readonly inode: string }[]
  >;
  /** Removes the world's own (empty) cgroup roots; for the daemon's end. */
  removeRoots(): Promise<string>;
  /** Directories above the agents' groups that this daemon may make; where it was started decides. Absolute. */
  roots(): readonly string[];
  /**
   * Removes one such directory, of this daemon or of an earlier one of this world that was started
   * in another group; already gone is success.
   * @returns false when something is still in it. @throws {Fault} PROBE_FAILED.
   */
  removeRoot(path: string): Promise<boolean>;
  /** True while that very process lives and is no zombie. @throws {Fault} PROBE_FAILED. */
  isAlive(process: ProcessIdentity): boolean;
  /** Identity of a live process; null when there is none (or a zombie). */
  identify(pid: number): ProcessIdentity | null;
  readonly bootId: string;
}

/** Of any uid: who ends one looks at that first. */
export interface WorldProcess extends Omit<ProcessSeen, "uid"> {
  /** Slot of the agent whose mark it bears; null for the infrastructure mark. */
  readonly slot: number | null;
  /** Its session; null where the platform does not tell. */
  readonly sessionId: number | null;
  /** Leaf cgroup's agent id when it sits in one of our cgroups. */
  readonly cgroupAgentId: AgentId | null;
  /** As that, but only for the group by which sets are held (cgroup v2, else the freezer). */
  readonly heldBy?: AgentId | null;
}

/** What a host needs to start a runner. All paths absolute. */
export interface RunnerStart {
  readonly agentId: AgentId;
  /** {@link sessionNameOf} the agent. */
  readonly session: string;
  /** The agent's own directory, with launch.sh in it. */
  readonly directory: string;
}

export interface SessionSeen {
  readonly name: string;
  /** The pane's process: our runner. */
  readonly panePid: number;
}

/** Where runners live. */
/** A pane as tmux tells of it. */
export interface PaneSeen {
  readonly columns: number;
  readonly rows: number;
  /** From 0; null when it is hidden. */
  readonly cursor: { readonly column: number; readonly row: number } | null;
  /** As tmux has them: to be cleaned before anybody gets them. Top first. */
  readonly lines: readonly string[];
  /** The same for the same lines and cursor. */
  readonly digest: string;
}

export interface Host {
  readonly kind: "tmux" | "process";
  /** One line for people: version and socket, or why tmux is not used. */
  readonly detail: string;
  /**
   * Starts a runner and returns when its process was created (not when the agent runs).
   * Starts the tmux server when there is none.
   * @throws {Fault} HOST_UNREACHABLE when the host could not be asked; nothing was started.
   */
  start(runner: RunnerStart): Promise<ProcessIdentity | null>;
  /**
   * Ends the session and proves it absent; already gone is success. The pane's processes
   * are not its business: the containment has ended them before.
   * @returns how the absence was seen, for the receipt.
   * @throws {Fault} HOST_UNREACHABLE when it could not look.
   */
  release(session: string): Promise<string>;
  /**
   * What the runner's pane of a session shows now; null when there is no such session, and where
   * agents have no terminal. Costs one short process, which is ended when it does not answer.
   * @throws {Fault} HOST_UNREACHABLE when it could not look.
   */
  look(session: string): Promise<PaneSeen | null>;
  /** All sessions on our socket; empty only if the server certainly does not run. @throws {Fault} HOST_UNREACHABLE. */
  list(): Promise<readonly SessionSeen[]>;
  /** Pid of the server that the sessions are on; null only if there certainly is none. @throws {Fault} HOST_UNREACHABLE. */
  serverPid(): Promise<number | null>;
  /**
   * Tells, at once where it can, that the runner of an agent may have ended; null is any of them.
   * Hints: some are missed (after a restart, without a server), some are wrong.
   * @returns the way to stop listening.
   */
  onEnded(listener: (agentId: AgentId | null) => void): () => void;
  /** Ends the whole host (our tmux server) when no session is left. @returns how that was seen. */
  close(): Promise<string>;
}
