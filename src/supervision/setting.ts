/** Everything that supervision works with: one object, made once in a composition root. */
import type { StreamOutcome } from "../harness/harness.ts";
import type { Harness } from "../harness/harness.ts";
import type { AgentRecord } from "../agents/record.ts";
import type { HarnessName, OnDaemonGone } from "../contract/agent.ts";
import type { Chance, Clock, Log } from "../kernel/ports.ts";
import type { Secrets } from "../output/redact.ts";
import type { Machine } from "../contract/api.ts";
import type { Configuration, SettingSource } from "./configuration.ts";
import type { Ballast, DiskSight } from "./disk-ports.ts";
import type { AgentInputs } from "./agent-input.ts";
import type { AgentFiles } from "./files.ts";
import type { Meters } from "./meters.ts";
import type { Containment, Host, ProcessSet, SetLimits } from "./ports.ts";
import type { Hooks, Webhooks } from "./alerts/ports.ts";
import type { SampleMeters } from "./sampling/ports.ts";
import type { Store } from "./store.ts";
import type { Streams } from "./streams.ts";
import type { TailOf } from "./tails.ts";

export interface Timers {
  /** Calls back once after that many milliseconds (>= 0); returns the way to cancel. */
  after(ms: number, callback: () => void): () => void;
}

/** Reads what an agent's stream amounts to. */
export interface Outcomes {
  /** Never throws for a missing or broken stream: what cannot be read is not in the outcome. */
  read(agent: AgentRecord): Promise<StreamOutcome>;
}

/** Writes the script that becomes the agent; see src/runner/. */
export interface LaunchScripts {
  /** The text of `launch.sh` for one agent. Pure. */
  write(launch: Launch): string;
}

export interface Launch {
  readonly agentId: string;
  readonly directory: string;
  readonly cwd: string;
  /** argv[0] is absolute. */
  readonly argv: readonly string[];
  /** The whole environment of the agent; nothing else reaches it. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdinPath: string | null;
  /** Folder of its input; null: its stdin ends with that file. Absolute. */
  readonly input: string | null;
  readonly set: ProcessSet;
  /** The runner's own limit: it acts alone when the daemon is dead. Seconds. */
  readonly wallClockS: number;
  /** What the runner does when the daemon is gone and none comes back. */
  readonly onDaemonGone: OnDaemonGone;
  /** What the agent may use up: those limits that only its own rlimits can enforce are set at its start. */
  readonly limits: SetLimits;
}

/** Where things of this state directory lie. */
export interface Places {
  readonly agents: string;
  /** Workspaces of tasks that name no project. */
  readonly workspaces: string;
  /** Every path of this state directory by what it is, for `corral doctor`. */
  readonly named: readonly { readonly name: string; readonly path: string }[];
  readonly stateDir: string;
}

export interface Setting {
  readonly store: Store;
  readonly files: AgentFiles;
  readonly inputs: AgentInputs;
  readonly streams: Streams;
  readonly containment: Containment;
  /** The host that new agents get. */
  readonly host: Host;
  /** The host that an agent of this kind lives on, also when new ones get another. */
  readonly hostOf: (kind: "tmux" | "process") => Host;
  readonly harnessOf: (name: HarnessName) => Harness;
  readonly outcomes: Outcomes;
  readonly tailOf: TailOf;
  /** Version of an installed program; null when nothing tells it. Never throws; bounded in time. */
  readonly versionOf: (path: string) => Promise<string | null>;
  readonly launchScripts: LaunchScripts;
  readonly meters: Meters;
  readonly sampleMeters: SampleMeters;
  readonly hooks: Hooks;
  readonly webhooks: Webhooks;
  readonly disk: DiskSight;
  readonly ballast: Ballast;
  readonly places: Places;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly timers: Timers;
  readonly log: Log;
  /** What must not go out; it learns what agents are given. */
  readonly secrets: Secrets;
  /** The settings in force; read anew each time, because HUP may change them. */
  readonly configuration: () => Configuration;
  /** Where each of them came from. */
  readonly sources: () => Readonly<Record<keyof Configuration, SettingSource>>;
  /** The daemon's own environment: what harnesses' allow-lists choose from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** One-way: what the store keeps of a token. */
  readonly hashToken: (token: string) => string;
  /** SHA-256 in hex: a short name for contents that cannot be had by chance. */
  readonly digest: (text: string) => string;
  /** http://127.0.0.1:PORT, once the listener is bound. */
  readonly url: () => string;
  /** Our own process. */
  readonly pid: number;
  /** Effective user id of the daemon; 0 is root. */
  readonly uid: number;
  readonly version: string;
  /** What the machine has left. Cheap; looks anew each time. */
  readonly lookAtMachine: () => Machine;
  /** For `corral doctor`: `"24.21.0"`, `"linux x64"`. */
  readonly machine: { readonly node: string; readonly platform: string };
}
