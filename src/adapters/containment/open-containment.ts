/** Chooses the containment of this platform. */
import type { Containment, ProcessSet, SetLimits } from "../../supervision/ports.ts";
import { darwinContainment } from "./darwin-containment.ts";
import type { OwnLimits } from "./limits.ts";
import { linuxContainment } from "./linux-containment.ts";
import type { Mark } from "../../kernel/watermark.ts";

export interface ContainmentOptions {
  /** Names the state directory in cgroup paths. 1 to 64 of letters, digits, `_`, `-`. */
  readonly worldName: string;
  /** Hard limit that names the state directory in every process. 780 000 to 819 199 bytes. */
  readonly worldHard: number;
  /** RLIMIT_LOCKS that does so, too; null or absent in a world without a seal. */
  readonly worldSeal?: number | null;
  /** Pids that are never signalled, besides ourselves and those above us: our tmux server. */
  readonly protect?: () => readonly number[];
  /** Mechanisms to do without although they work here; absent means use what works. */
  readonly without?: readonly Refusable[];
  /** Whether agents get a PID namespace of their own, where that works; absent means no. */
  readonly pidNamespace?: boolean;
  /** Absolute path of runner.sh: on macOS a runner is found by its argv. */
  readonly runnerScript: string;
}

export type Refusable = "cgroup2" | "freezer" | "pids-cgroup" | "memory" | "cpu" | "watermark";

/** Every mechanism that needs a control group. */
export const GROUP_MECHANISMS: readonly Refusable[] = [
  "cgroup2",
  "freezer",
  "pids-cgroup",
  "memory",
  "cpu",
];

/** A containment, and what a launch script needs to know of it. */
export interface OpenContainment extends Containment {
  /** Absolute path of the prlimit that sets marks; null where there is none. */
  readonly prlimit: string | null;
  /** Absolute path of the flock(1) with which runners lock and wait; null where there is none. */
  readonly flock: string | null;
  /** What the tmux server, the runners and viewers are started with; null without a watermark. */
  readonly infrastructure: Mark | null;
  /** Limits that the launch itself has to set, because no control group does. */
  rlimitsFor(set: ProcessSet, limits: SetLimits | number): OwnLimits;
}

/**
 * Probes what works here, once, with real processes; leaves nothing behind.
 *
 * @throws {RangeError} when the world's name or number is out of range: a bug of the caller.
 * @throws {Fault} PROBE_FAILED when /proc cannot be read.
 */
export async function openContainment(options: ContainmentOptions): Promise<OpenContainment> {
  return process.platform === "darwin" ? darwinContainment(options) : linuxContainment(options);
}
