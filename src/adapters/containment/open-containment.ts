/** Chooses the containment of this platform. */
import type { Containment } from "../../supervision/ports.ts";
import { darwinContainment } from "./darwin-containment.ts";
import { linuxContainment } from "./linux-containment.ts";

export interface ContainmentOptions {
  /** Names the state directory in cgroup paths. 1 to 64 of letters, digits, `_`, `-`. */
  readonly worldName: string;
  /** Hard limit that names the state directory in every process. 780 000 to 819 199 bytes. */
  readonly worldHard: number;
  /** Pids that are never signalled, besides ourselves and those above us: our tmux server. */
  readonly protect?: () => readonly number[];
  /** Mechanisms to do without although they work here; absent means use what works. */
  readonly without?: readonly ("cgroup2" | "pids-cgroup" | "watermark")[];
  /** Absolute path of runner.sh: on macOS a runner is found by its argv. */
  readonly runnerScript: string;
}

/** A containment, and what a launch script needs to know of it. */
export interface OpenContainment extends Containment {
  /** Absolute path of the prlimit that sets marks; null where there is none. */
  readonly prlimit: string | null;
  /** What the tmux server, the runners and viewers are started with; null without a watermark. */
  readonly infrastructure: { readonly soft: number; readonly hard: number } | null;
  /**
   * RLIMIT_NPROC for a launch: null when a control group enforces the limit better, or when it
   * would do nothing (root). Processes and threads.
   */
  nprocFor(set: Parameters<Containment["make"]>[0], maxProcesses: number): number | null;
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
