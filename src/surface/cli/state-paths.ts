/**
 * Where a daemon and its state lie. One pure function from the environment, so that the
 * command line, the bridge and the daemon can never disagree about it.
 */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { Fault } from "../../kernel/fault.ts";

/** Every place of one state directory. All absolute. */
export interface StatePaths {
  readonly stateDir: string;
  readonly database: string;
  /** The daemon's unix socket; below {@link runtimeDir}. */
  readonly socket: string;
  /** Where unix sockets lie: the state directory, or a short 0700 directory of its own when that is too long. */
  readonly runtimeDir: string;
  readonly lock: string;
  /** The record that a daemon keeps of itself, for its runners. */
  readonly alive: string;
  readonly log: string;
  /** File (0600) with the bearer token of clients. */
  readonly clientToken: string;
  /** File (0600) with the bearer token that opens /metrics and nothing else. */
  readonly scrapeToken: string;
  /** File (0600) with the secret that notices of alerts are signed with; made at the first one. */
  readonly webhookSecret: string;
  /** File (0600) that leads a browser to the dashboard; of `corral open`. */
  readonly openPage: string;
  readonly configFile: string;
  readonly agentsDir: string;
  /** What is kept of agents that have ended, one file each. */
  readonly archiveDir: string;
  readonly bellDir: string;
  /** Folder of the room that is kept for a full disk. */
  readonly ballastDir: string;
  readonly tmuxSocket: string;
  /** Workspaces of tasks that have no folder of their own. */
  readonly workspaces: string;
}

/** The variables that {@link statePaths} reads. */
export type PathEnvironment = Readonly<Record<string, string | undefined>>;

/** sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero. */
const SOCKET_PATH_MAX_BYTES = 103;
const SOCKET = "daemon.sock";
const TMUX_SOCKET = "tmux.sock";

/**
 * The places of the state directory that the environment names.
 *
 * `$CORRAL_STATE_DIR`, else `$XDG_STATE_HOME/corral`, else `~/.local/state/corral`. Sockets whose
 * path would be too long for the kernel get a name made of a hash of the state directory, under
 * `$XDG_RUNTIME_DIR` where that is short enough and under `/tmp` otherwise. Looks at nothing.
 *
 * @param env  The environment. Empty variables count as unset, as XDG asks.
 * @param uid  User id that owns the state; part of the name under `/tmp`.
 * @throws {Fault} STATE_UNUSABLE when no home directory is known.
 */
export function statePaths(env: PathEnvironment, uid = process.getuid?.() ?? 0): StatePaths {
  const stateDir = stateDirOf(env);
  const runtimeDir = runtimeDirOf(stateDir, env, uid);
  return {
    stateDir,
    runtimeDir,
    database: join(stateDir, "corral.db"),
    socket: join(runtimeDir, SOCKET),
    lock: join(stateDir, "daemon.lock"),
    alive: join(stateDir, "daemon.alive"),
    log: join(stateDir, "daemon.log"),
    clientToken: join(stateDir, "client.token"),
    scrapeToken: join(stateDir, "scrape.token"),
    webhookSecret: join(stateDir, "webhook.secret"),
    openPage: join(stateDir, "open.html"),
    configFile: join(stateDir, "config.json"),
    agentsDir: join(stateDir, "agents"),
    archiveDir: join(stateDir, "archive"),
    bellDir: join(stateDir, "bells"),
    ballastDir: join(stateDir, "ballast"),
    tmuxSocket: join(runtimeDir, TMUX_SOCKET),
    workspaces: join(stateDir, "workspaces"),
  };
}

function stateDirOf(env: PathEnvironment): string {
  const explicit = env["CORRAL_STATE_DIR"];
  if (explicit) return resolve(explicit);
  const state = env["XDG_STATE_HOME"];
  // The XDG specification has relative paths ignored.
  if (state && isAbsolute(state)) return join(state, "corral");
  const home = env["HOME"] || homedir();
  if (isAbsolute(home)) return join(home, ".local", "state", "corral");
  throw new Fault("STATE_UNUSABLE", "There is no home directory to keep the state in.", {
    hint: "Set CORRAL_STATE_DIR to an absolute path that you own.",
  });
}

function runtimeDirOf(stateDir: string, env: PathEnvironment, uid: number): string {
  if (socketsFit(stateDir)) return stateDir;
  const hash = createHash("sha256").update(stateDir).digest("hex").slice(0, 16);
  const runtime = env["XDG_RUNTIME_DIR"];
  if (runtime && isAbsolute(runtime)) {
    const below = join(runtime, `corral-${hash}`);
    if (socketsFit(below)) return below;
  }
  return `/tmp/corral-${uid}-${hash}`;
}

function socketsFit(directory: string): boolean {
  return [SOCKET, TMUX_SOCKET].every(
    (name) => Buffer.byteLength(join(directory, name)) <= SOCKET_PATH_MAX_BYTES,
  );
}
