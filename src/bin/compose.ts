/** Puts Corral together over the real machine: everything but the listeners. */
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  GROUP_MECHANISMS,
  openContainment,
  type OpenContainment,
} from "../adapters/containment/open-containment.ts";
import { ballast } from "../adapters/disk/ballast.ts";
import { diskSight } from "../adapters/disk/disk-sight.ts";
import { agentFiles } from "../adapters/fs/agent-files.ts";
import { daemonLog } from "../adapters/log/daemon-log.ts";
import { machineMeters } from "../adapters/meters/machine-meters.ts";
import { streamOutcomes } from "../adapters/output/stream-files.ts";
import { showLife, type SignOfLife } from "../adapters/lock/sign-of-life.ts";
import { streamTail } from "../adapters/output/stream-tail.ts";
import { fileStreams } from "../adapters/output/streams.ts";
import { lookAtMachine } from "../adapters/machine/look-at-machine.ts";
import { programVersion } from "../adapters/process/program-version.ts";
import { processHost } from "../adapters/process/process-host.ts";
import { openStore } from "../adapters/sqlite/store.ts";
import { acquireStateLock, type StateLock } from "../adapters/sqlite/state-lock.ts";
import { machineChance, machineClock, machineTimers } from "../adapters/time/machine-time.ts";
import { tmuxHost } from "../adapters/tmux/tmux-host.ts";
import type { OnDaemonGone } from "../contract/agent.ts";
import { harnessNamed } from "../harness/registry.ts";
import { asFault, Fault, messageOf } from "../kernel/fault.ts";
import { DAEMON_OWNER, type ResourceIntent } from "../ledger/resource.ts";
import type { Undos } from "../ledger/ports.ts";
import { type DaemonGone, launchScript } from "../runner/launch-script.ts";
import { RUNNER_SCRIPT } from "../runner/runner-script.ts";
import { type AgentLoops, agentLoops } from "../supervision/agent-loop.ts";
import { type Archives, archives } from "../supervision/archives.ts";
import { type Configuration } from "../supervision/configuration.ts";
import { type Deploys, deploys } from "../supervision/deploy.ts";
import { diskWatch, type DiskWatch } from "../supervision/disk-watch.ts";
import type { DiskRelief } from "../supervision/disk-ports.ts";
import type { Host } from "../supervision/ports.ts";
import type { Setting } from "../supervision/setting.ts";
import { type Sweep, sweeps } from "../supervision/sweep.ts";
import { undosOf } from "../supervision/undos.ts";
import { storeOfEnds, withRoom } from "../supervision/with-room.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";
import { openSecrets, redactedFiles } from "./open-secrets.ts";
import { readSettings, type SettingsRead } from "./read-settings.ts";

export interface Composed {
  readonly setting: Setting;
  readonly undos: Undos;
  readonly loops: AgentLoops;
  readonly deploys: Deploys;
  readonly sweep: Sweep;
  readonly archives: Archives;
  readonly disk: DiskWatch;
  /** Writes down what the daemon itself is about to make: its tmux server, its control groups. */
  holdDaemonResources(): void;
  /** Told once the loopback listener is bound. */
  setUrl(url: string): void;
  /** Reads the settings again. @throws {Fault} CONFIG_INVALID; the old ones stay in force. */
  reload(): void;
  /** Closes the store and gives the state directory back. May be called twice. */
  close(): void;
}

export interface ComposeOptions {
  readonly paths: StatePaths;
  readonly env: PathEnvironment;
  readonly version: string;
  /** The user's own file mode creation mask, which agents get. */
  readonly umask: number;
  /** False for a command that works beside dead daemons: it begins no epoch. Absent means true. */
  readonly isDaemon?: boolean;
  /** Lays something over the real ports; tests inject faults here. */
  readonly wrap?: (setting: Setting) => Setting;
}

/**
 * Takes the state directory and opens everything in it.
 *
 * @throws {Fault} STATE_LOCKED, STATE_UNUSABLE, STATE_NEWER, CONFIG_INVALID; nothing is held then.
 */
export async function compose(options: ComposeOptions): Promise<Composed> {
  const { paths, env } = options;
  makeStateDirectories(paths);
  const lock = acquireStateLock(paths.lock);
  try {
    return await composeLocked(options, lock, readSettings(paths, env));
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function composeLocked(
  { paths, env, version, umask, isDaemon = true, wrap = (setting) => setting }: ComposeOptions,
  lock: StateLock,
  first: SettingsRead,
): Promise<Composed> {
  let { configuration, sources } = first;
  let url = "";
  const reserve = ballast(paths.ballastDir);
  const store = withRoom({ ballast: reserve }, () =>
    openStore(paths.database, machineClock, machineChance, isDaemon),
  );
  try {
    const containment = await openContainment({
      worldName: store.world.name,
      worldHard: store.world.mark,
      runnerScript: RUNNER_SCRIPT,
      without: configuration.containment === "watermark" ? GROUP_MECHANISMS : [],
      pidNamespace: configuration.containment === "pidns",
    });
    const [hosts, life] = await Promise.all([
      openHosts(paths, env, configuration, containment),
      isDaemon ? live(paths, store.world.epoch, containment) : null,
    ]);
    const secrets = openSecrets(store, configuration);
    const setting: Setting = wrap({
      store,
      files: redactedFiles(agentFiles(paths.bellDir), secrets),
      streams: fileStreams({ agents: paths.agentsDir, archives: paths.archiveDir }),
      containment,
      host: hosts.chosen,
      hostOf: (kind) => hosts[kind],
      harnessOf: harnessNamed,
      tailOf: streamTail,
      versionOf: programVersion,
      outcomes: streamOutcomes(harnessNamed),
      launchScripts: {
        write: (launch) =>
          launchScript({
            ...launch,
            bellDirectory: paths.bellDir,
            ballast: paths.ballastDir,
            prlimit: containment.prlimit,
            flock: containment.flock,
            daemonGone: daemonGoneOf(launch.onDaemonGone, paths),
            umask,
            ...containment.rlimitsFor(launch.set, launch.limits),
          }),
      },
      meters: machineMeters(),
      disk: diskSight(),
      ballast: reserve,
      places: placesOf(paths),
      clock: machineClock,
      chance: machineChance,
      timers: machineTimers,
      log: daemonLog(machineClock, paths.log, secrets.text),
      secrets,
      configuration: () => configuration,
      sources: () => sources,
      environment: env,
      hashToken: sha256,
      digest: sha256,
      url: () => url,
      pid: process.pid,
      uid: process.getuid?.() ?? 0,
      version,
      lookAtMachine: () => lookAtMachine(paths.stateDir),
      machine: { node: process.versions.node, platform: `${process.platform} ${process.arch}` },
    });
    if (life?.isLocked === false) {
      setting.log.warn("alive.not_locked", { effect: "runners look now and then instead" });
    }
    const ending = { ...setting, store: storeOfEnds(setting.store, setting.ballast) };
    const undos = undosOf(ending);
    const loops = agentLoops(ending, undos);
    const keeping = archives(setting, undos);
    const disk = diskWatch(setting, loops, reliefBy(keeping, setting));
    return {
      setting,
      undos,
      loops,
      disk,
      deploys: deploys(setting, loops, disk),
      sweep: sweeps(ending, undos, loops),
      archives: keeping,
      holdDaemonResources: () => holdDaemonResources(setting, paths),
      setUrl(bound) {
        url = bound;
      },
      reload() {
        const read = readSettings(paths, env);
        secrets.usePatterns(read.configuration.redact_patterns);
        ({ configuration, sources } = read);
      },
      close() {
        store.close();
        life?.end();
        lock.release();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** From here on runners can tell that there is a daemon, and when it is gone. */
async function live(
  { alive }: StatePaths,
  epoch: number,
  { flock, identify }: OpenContainment,
): Promise<SignOfLife> {
  const self = identify(process.pid);
  if (self === null) throw new RangeError(`process ${process.pid} does not see itself`);
  return showLife(alive, { ...self, epoch }, flock);
}

function daemonGoneOf(policy: OnDaemonGone, { alive }: StatePaths): DaemonGone | null {
  return policy === "keep" ? null : { aliveFile: alive, ttlS: policy.stop_after_s };
}

/** Room is made of streams that are not compressed yet, and then of the oldest archives. */
function reliefBy(keeping: Archives, { store, log }: Setting): DiskRelief {
  return {
    async compress() {
      for (const { id } of store.liveDisks()) {
        await keeping.rotateNow(id).catch((error: unknown) => {
          log.warn("disk.rotation_failed", { agentId: id, cause: messageOf(error) });
        });
      }
      await keeping.compressIdle();
    },
    prune: (wantedBytes) => keeping.free(wantedBytes, "the disk is short of space"),
  };
}

/** What the daemon itself makes is in the ledger before it can exist. */
function holdDaemonResources(setting: Setting, paths: StatePaths): void {
  const { containment, store, host } = setting;
  const intents: ResourceIntent[] = [
    // By their paths: the next daemon may be started in another group, and have others.
    ...containment.roots().map((locator) => ({ kind: "cgroup_root" as const, locator })),
    { kind: "ballast", locator: paths.ballastDir },
  ];
  if (host.kind === "tmux") intents.push({ kind: "tmux_server", locator: paths.tmuxSocket });
  withRoom(setting, () => {
    for (const { id } of store.intend(DAEMON_OWNER, intents)) store.confirmResource(id, null);
  });
}

function makeStateDirectories(paths: StatePaths): void {
  const { stateDir, runtimeDir, agentsDir, archiveDir, bellDir, workspaces } = paths;
  try {
    for (const path of [stateDir, runtimeDir, agentsDir, archiveDir, bellDir, workspaces]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    }
    for (const path of [stateDir, runtimeDir]) refuseForeign(path);
    chmodSync(stateDir, 0o700);
    chmodSync(runtimeDir, 0o700);
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== "INTERNAL") throw fault;
    throw new Fault("STATE_UNUSABLE", `The state directory cannot be used: ${messageOf(error)}.`, {
      hint: "Make it a writable directory of your own, or set CORRAL_STATE_DIR to another one.",
      cause: error,
    });
  }
}

/** A folder below /tmp that somebody else made, or a link to one, would hand him our sockets. */
function refuseForeign(path: string): void {
  const { uid } = lstatSync(path);
  const own = process.getuid?.() ?? uid;
  if (uid === own && !(path.startsWith("/tmp/") && lstatSync(path).isSymbolicLink())) return;
  throw new Fault("STATE_UNUSABLE", `"${path}" belongs to somebody else.`, {
    hint: "Set CORRAL_STATE_DIR to a directory of your own.",
  });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

interface Hosts {
  readonly chosen: Host;
  readonly tmux: Host;
  readonly process: Host;
}

async function openHosts(
  paths: StatePaths,
  env: PathEnvironment,
  { host }: Configuration,
  containment: OpenContainment,
): Promise<Hosts> {
  const shared = {
    runnerScript: RUNNER_SCRIPT,
    mark: containment.infrastructure,
    prlimit: containment.prlimit,
    env: serverEnvironment(env),
    identify: (pid: number) => containment.identify(pid),
  };
  const detached = (reason: string): Host => processHost({ ...shared, reason });
  try {
    const viewer = (agentId: string) => [
      "/usr/bin/env",
      `CORRAL_STATE_DIR=${paths.stateDir}`,
      process.execPath,
      LAUNCHER,
      "logs",
      "-f",
      "--pretty",
      agentId,
    ];
    const tmux = await tmuxHost({ ...shared, socket: paths.tmuxSocket, viewer });
    const processes = detached('the setting host is "process"');
    return { chosen: host === "process" ? processes : tmux, tmux, process: processes };
  } catch (error) {
    const fault = asFault(error);
    if (host === "tmux") throw fault;
    const processes = detached(fault.message);
    return { chosen: processes, tmux: absentTmux(fault), process: processes };
  }
}

/** Without tmux nothing can be said about sessions of earlier days: every question is answered so. */
function absentTmux(fault: Fault): Host {
  const refuse = async (): Promise<never> => {
    throw fault;
  };
  return {
    kind: "tmux",
    detail: fault.message,
    start: refuse,
    release: refuse,
    list: refuse,
    close: refuse,
    onEnded: () => () => undefined,
  };
}

const LAUNCHER = fileURLToPath(new URL("../../bin/corral.js", import.meta.url));

/** The tmux server's own environment, and so the runners': agents get theirs from their launch script. */
function serverEnvironment(env: PathEnvironment): Readonly<Record<string, string>> {
  return {
    PATH: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: env["HOME"] ?? "/",
    SHELL: "/bin/sh",
    TERM: "screen-256color",
    LANG: env["LANG"] ?? "C.UTF-8",
  };
}

function placesOf(paths: StatePaths): Setting["places"] {
  return {
    agents: paths.agentsDir,
    workspaces: paths.workspaces,
    stateDir: paths.stateDir,
    named: [
      { name: "state directory", path: paths.stateDir },
      { name: "database", path: paths.database },
      { name: "agents", path: paths.agentsDir },
      { name: "archives", path: paths.archiveDir },
      { name: "workspaces", path: paths.workspaces },
      { name: "log", path: paths.log },
      { name: "configuration", path: paths.configFile },
      { name: "client token", path: paths.clientToken },
      { name: "lock", path: paths.lock },
      { name: "bells", path: paths.bellDir },
      { name: "ballast", path: paths.ballastDir },
      { name: "socket", path: paths.socket },
      { name: "tmux socket", path: paths.tmuxSocket },
    ],
  };
}
