/** Puts Corral together over the real machine: everything but the listeners. */
import { createHash } from "node:crypto";
import {
  GROUP_MECHANISMS,
  openContainment,
  type OpenContainment,
} from "../adapters/containment/open-containment.ts";
import { hooks } from "../adapters/alerts/run-hook.ts";
import { webhooks } from "../adapters/alerts/webhook.ts";
import { ballast } from "../adapters/disk/ballast.ts";
import { diskSight } from "../adapters/disk/disk-sight.ts";
import { agentFiles } from "../adapters/fs/agent-files.ts";
import { agentInputs } from "../adapters/fs/agent-input.ts";
import { daemonLog } from "../adapters/log/daemon-log.ts";
import { machineMeters } from "../adapters/meters/machine-meters.ts";
import { sampleMeters } from "../adapters/meters/sample-meters.ts";
import { streamOutcomes } from "../adapters/output/stream-files.ts";
import { showLife, type SignOfLife } from "../adapters/lock/sign-of-life.ts";
import { streamTail } from "../adapters/output/stream-tail.ts";
import { fileStreams } from "../adapters/output/streams.ts";
import { lookAtMachine } from "../adapters/machine/look-at-machine.ts";
import { isHardBorne, mostLocks } from "../adapters/proc/mark-scan.ts";
import { programVersion } from "../adapters/process/program-version.ts";
import { openStore } from "../adapters/sqlite/store.ts";
import { acquireStateLock, type StateLock } from "../adapters/sqlite/state-lock.ts";
import { machineChance, machineClock, machineTimers } from "../adapters/time/machine-time.ts";
import type { OnDaemonGone } from "../contract/agent.ts";
import { harnessNamed } from "../harness/registry.ts";
import { messageOf } from "../kernel/fault.ts";
import { DAEMON_OWNER, type ResourceIntent } from "../ledger/resource.ts";
import type { Undos } from "../ledger/ports.ts";
import { type DaemonGone, type LaunchInput, launchScript } from "../runner/launch-script.ts";
import { RUNNER_SCRIPT } from "../runner/runner-script.ts";
import { type Alerts, alerts } from "../supervision/alerts/alerts.ts";
import { deliveries } from "../supervision/alerts/deliver.ts";
import { hookRuns } from "../supervision/alerts/hook.ts";
import { type AgentLoops, agentLoops } from "../supervision/agent-loop.ts";
import { type Archives, archives } from "../supervision/archives.ts";
import { quotaConditions } from "../supervision/quota.ts";
import { type QuotaQueue, quotaQueue } from "../supervision/quota-queue.ts";
import { type Deploys, deploys } from "../supervision/deploy.ts";
import { diskWatch, type DiskWatch } from "../supervision/disk-watch.ts";
import type { DiskRelief } from "../supervision/disk-ports.ts";
import { sampler, type Sampler } from "../supervision/sampling/sampler.ts";
import type { Setting } from "../supervision/setting.ts";
import { type StreamLooks, streamLooks } from "../supervision/stream-looks.ts";
import { type Sweep, sweeps } from "../supervision/sweep.ts";
import { undosOf } from "../supervision/undos.ts";
import { storeOfEnds, withRoom } from "../supervision/with-room.ts";
import type { PathEnvironment, StatePaths } from "../surface/cli/state-paths.ts";
import { askTmux, openHosts } from "./open-hosts.ts";
import { openSecrets, redactedFiles } from "./open-secrets.ts";
import { readSettings, type SettingsRead } from "./read-settings.ts";
import { makeStateDirectories } from "./state-directories.ts";

export interface Composed {
  readonly setting: Setting;
  readonly looks: StreamLooks;
  readonly undos: Undos;
  readonly loops: AgentLoops;
  readonly deploys: Deploys;
  readonly queue: QuotaQueue;
  readonly sweep: Sweep;
  readonly archives: Archives;
  readonly disk: DiskWatch;
  readonly sampler: Sampler;
  readonly alerts: Alerts;
  /** Writes down what the daemon itself is about to make: its tmux server, its control groups. */
  holdDaemonResources(): void;
  /** Told once the loopback listener is bound. */
  setUrl(url: string): void;
  /** Reads the settings again. @throws {Fault} CONFIG_INVALID; the old ones stay in force. */
  reload(): void;
  /** Takes the state lock again where its file was deleted; false when another process has it. */
  relock(): boolean;
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
  // A start waits for processes: this one needs nothing of what follows.
  const tmuxAnswers = askTmux(paths, env);
  const store = withRoom({ ballast: reserve }, () =>
    openStore(paths.database, machineClock, machineChance, isDaemon, {
      isBorne: isHardBorne,
      mostLocks: mostLocks(),
    }),
  );
  try {
    const containment = await openContainment({
      worldName: store.world.name,
      worldHard: store.world.mark,
      worldSeal: store.world.seal,
      runnerScript: RUNNER_SCRIPT,
      without: configuration.containment === "watermark" ? GROUP_MECHANISMS : [],
      pidNamespace: configuration.containment === "pidns",
    });
    const [hosts, life] = await Promise.all([
      openHosts(paths, env, configuration, containment, tmuxAnswers),
      isDaemon ? live(paths, store.world.epoch, containment) : null,
    ]);
    const secrets = openSecrets(store, configuration);
    const setting: Setting = wrap({
      store,
      files: redactedFiles(agentFiles(paths.bellDir), secrets),
      inputs: agentInputs(),
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
            input: inputOf(launch.input, paths),
            umask,
            ...containment.rlimitsFor(launch.set, launch.limits),
          }),
      },
      meters: machineMeters(),
      sampleMeters: sampleMeters(),
      hooks: hooks(containment.prlimit),
      webhooks: webhooks(paths.webhookSecret, version),
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
    const looks = streamLooks(setting);
    const keeping = archives(setting, undos, looks);
    const disk = diskWatch(setting, loops, looks, reliefBy(keeping, setting));
    const sampling = sampler(setting, looks);
    const watching = alerts(setting, {
      sampler: sampling,
      fileSystems: () => disk.report().file_systems,
      deliveries: deliveries(setting, hookRuns(ending, undos)),
    });
    const deploying = deploys(setting, loops, disk);
    watching.addSource(keeping.conditions);
    watching.addSource(() => quotaConditions(setting));
    return {
      setting,
      looks,
      undos,
      loops,
      disk,
      sampler: sampling,
      alerts: watching,
      deploys: deploying,
      queue: quotaQueue(setting, loops, deploying),
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
      relock: () => lock.renew(),
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

/** Without a daemon for so long nothing more comes by an input. Seconds: longer than a daemon takes to be started anew. */
const INPUT_TTL_S = 60;

function inputOf(folder: string | null, { alive }: StatePaths): LaunchInput | null {
  return folder === null ? null : { folder, daemonGone: { aliveFile: alive, ttlS: INPUT_TTL_S } };
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

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
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
      { name: "scrape token", path: paths.scrapeToken },
      { name: "webhook secret", path: paths.webhookSecret },
      { name: "lock", path: paths.lock },
      { name: "bells", path: paths.bellDir },
      { name: "ballast", path: paths.ballastDir },
      { name: "socket", path: paths.socket },
      { name: "tmux socket", path: paths.tmuxSocket },
    ],
  };
}
