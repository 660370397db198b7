/** Serving: listeners, restore, signals and sweeps, from the moment that the state directory is ours until the daemon leaves. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { growInSmallSteps } from "../../bin/daemon-process.js";
import { threadLineMatcher } from "../adapters/regex/line-matcher.ts";
import { streamReader } from "../adapters/output/stream-files.ts";
import type { LeaveAnswer } from "../contract/api.ts";
import { asFault, errnoOf, faultToWire } from "../kernel/fault.ts";
import { corral } from "../supervision/corral.ts";
import { watchHome } from "../supervision/home-watch.ts";
import type { Operations } from "../supervision/operations.ts";
import { feedAgents } from "../supervision/feed.ts";
import { watchAgents } from "../supervision/watch.ts";
import { catchUpAll } from "../supervision/projections.ts";
import { counting } from "../supervision/figures.ts";
import { observed } from "../supervision/observed.ts";
import { redacted } from "../supervision/redacted.ts";
import { keepStreamTimes } from "../supervision/stream-times.ts";
import { sweepNowAndThen } from "../supervision/sweep-turns.ts";
import { withRoom } from "../supervision/with-room.ts";
import type { StatePaths } from "../surface/cli/state-paths.ts";
import { pageSessions } from "../surface/http/page-sessions.ts";
import { serve, type Served } from "../surface/http/serve.ts";
import type { Composed } from "./compose.ts";
import { makeStateDirectories } from "./state-directories.ts";
import { openTraces } from "./open-traces.ts";
import { VERSION } from "./version.ts";

/** Where the dashboard's files are built to, seen from src as from dist. */
const DASHBOARD = fileURLToPath(new URL("../../dist/web", import.meta.url));
/** Time that the answer of the call which ended the daemon gets to reach its caller. */
const LAST_ANSWER_MS = 100;

/**
 * Serves until told to leave, restoring every unfinished agent first.
 * @throws {Fault} STATE_UNUSABLE when a configured port is taken; nothing is left listening then.
 */
export async function serveUntilLeft(composed: Composed, paths: StatePaths): Promise<void> {
  const { setting, looks, undos, loops, deploys, queue, disk, sweep, archives, sampler, alerts } =
    composed;
  const { store, log } = setting;
  let hasEnded = false;
  const left = Promise.withResolvers<LeaveAnswer>();
  const startedAt = setting.clock.now();
  const token = tokenIn(paths.clientToken);
  const counts = counting();
  const traces = await openTraces(setting);
  const matcher = threadLineMatcher();
  const inner = corral({
    setting,
    undos,
    loops,
    deploys,
    queue,
    sweep,
    disk,
    sampler,
    alerts,
    counts,
    archives,
    output: streamReader(setting.harnessOf, matcher, setting.streams.archiveOf, setting.secrets),
    startedAt,
    pid: process.pid,
    isClientToken: tokenCheck(token),
    onLeft: left.resolve,
  });
  const operations = observed(redacted(inner, setting.secrets), setting.clock, [
    counts.onCall,
    (call) => traces?.onCall(call),
  ]);
  const stopCounting = store.onEvent((event) => {
    counts.onEvent(event);
    traces?.onEvent(event);
  });
  const served = await listen(operations, composed, paths, token);
  composed.setUrl(served.url);
  withRoom(setting, () => store.keepPort(served.port));
  const stopBells = setting.files.onBell((agentId) => {
    // A bell is a file that anybody of the user's may touch.
    if (!deploys.rang(agentId) && store.agent(agentId) !== null) loops.rang(agentId);
  });
  const stopHints = onRunnerEnds(composed);
  const forgetSignals = onSignals(operations, composed);
  const stopSweeps = sweepNowAndThen(composed);
  catchUpAll(setting);
  const stopStreamTimes = keepStreamTimes(setting, looks);
  const stopArchives = archives.start();
  disk.start();
  queue.start();
  const stopWaking = store.onEvent(({ agent_id: agentId, kind }) => {
    if (agentId !== null) looks.wake(agentId);
    if (kind === "agent.running" || kind === "agent.clean") disk.wake();
  });
  const stopFeeding = feedAgents(setting);
  const stopWatch = watchAgents(setting, loops, looks);
  const stopHome = watchOwnFiles(composed, paths, served, operations);
  for (const { id } of store.unfinishedAgents()) loops.poke(id);
  const facts = { epoch: store.world.epoch, pid: process.pid };
  withRoom(setting, () => store.addEvent({ kind: "daemon.started", facts }));
  // What only looks on waits until everything is taken over.
  sampler.start();
  alerts.start();
  growInSmallSteps();
  log.info("daemon.ready", { pid: process.pid, url: served.url, epoch: store.world.epoch });
  try {
    const { mode } = await left.promise;
    hasEnded = mode === "end";
    withRoom(setting, () => store.addEvent({ kind: "daemon.stopping", facts: {} }));
    // The caller of `leave` is still being answered.
    await new Promise((resolve) => setTimeout(resolve, LAST_ANSWER_MS));
  } finally {
    await queue.close();
    await stopSweeps();
    stopHome();
    stopWaking();
    stopCounting();
    await traces?.close();
    stopBells();
    stopStreamTimes();
    stopHints();
    stopFeeding();
    await stopWatch();
    await served.close();
    await matcher.close();
    await loops.close();
    await stopArchives();
    await disk.close();
    await alerts.close();
    await sampler.close();
    forgetSignals();
    if (hasEnded) removeRuntimeDirectory(paths);
  }
  log.info("daemon.left", { pid: process.pid });
}

/**
 * Binds the port that agents' configurations name already; when somebody else has taken it
 * and none was configured, another one.
 */
async function listen(
  operations: Operations,
  { setting }: Composed,
  paths: StatePaths,
  token: string,
): Promise<Served> {
  const { store, log, configuration } = setting;
  const configured = configuration().http_port;
  const dashboard = {
    folder: DASHBOARD,
    sessions: pageSessions(token, () => setting.clock.now()),
  };
  const isScrapeToken = tokenCheck(tokenIn(paths.scrapeToken));
  const { socket: socketPath } = paths;
  const ports = { operations, log, version: VERSION, socketPath, dashboard, isScrapeToken };
  const wanted = configured === 0 ? (store.port() ?? 0) : configured;
  try {
    return await serve({ ...ports, port: wanted });
  } catch (error) {
    if (configured !== 0 || wanted === 0) throw error;
    log.warn("port.taken", { port: wanted, effect: "running agents cannot report any more" });
    return serve({ ...ports, port: 0 });
  }
}

/** A daemon that nobody can find any more must not go on for ever, and one with two masters must not go on at all. */
function watchOwnFiles(
  { setting, relock }: Composed,
  paths: StatePaths,
  served: Served,
  operations: Operations,
): () => void {
  const listenAgain = async (): Promise<void> => {
    makeStateDirectories(paths);
    await served.listenAgain();
  };
  const { database, lock, socket } = paths;
  return watchHome(setting, { database, lock, socket, relock, listenAgain }, (loss) => {
    void operations.leave({ mode: loss === "deleted" ? "end" : "detach" });
  });
}

/** The folder that holds the sockets when the state directory's own path is too long for them. */
function removeRuntimeDirectory({ runtimeDir, stateDir }: StatePaths): void {
  if (runtimeDir === stateDir) return;
  try {
    rmdirSync(runtimeDir);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTEMPTY") throw error;
  }
}

function onSignals(operations: Operations, { setting, reload }: Composed): () => void {
  const end = (): void => void operations.leave({ mode: "end" });
  const keep = (): void => void operations.leave({ mode: "detach" });
  const again = (): void => {
    try {
      reload();
      setting.log.info("configuration.reloaded");
    } catch (error) {
      setting.log.error("configuration.refused", { ...faultToWire(asFault(error)) });
    }
  };
  const handlers = { SIGTERM: end, SIGINT: end, SIGQUIT: keep, SIGHUP: again } as const;
  for (const [name, handler] of Object.entries(handlers)) process.on(name, handler);
  return () => {
    for (const [name, handler] of Object.entries(handlers)) process.off(name, handler);
  };
}

/** Hints that tell not whose runner ended are taken together for so long. Milliseconds. */
const ANY_ENDED_MS = 100;

/** A runner that is killed rings no bell: its host tells, and the resync finds what it does not tell. */
function onRunnerEnds({ setting, loops }: Composed): () => void {
  const { store, hostOf, timers } = setting;
  let isWaiting = false;
  let cancel = (): void => undefined;
  const lookAtAll = (): void => {
    isWaiting = false;
    for (const { id } of store.unfinishedAgents()) loops.poke(id);
  };
  const ended = (agentId: string | null): void => {
    if (agentId !== null) loops.poke(agentId);
    else if (!isWaiting) {
      isWaiting = true;
      cancel = timers.after(ANY_ENDED_MS, lookAtAll);
    }
  };
  const stops = (["tmux", "process"] as const).map((kind) => hostOf(kind).onEnded(ended));
  return () => {
    cancel();
    for (const stop of stops) stop();
  };
}

/** A token of its own for each file: made once per state directory, readable for its owner only. */
function tokenIn(path: string): string {
  try {
    writeFileSync(path, `corral_${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  return readFileSync(path, "utf8").trim();
}

function tokenCheck(expected: string): (token: string) => boolean {
  const wanted = Buffer.from(expected);
  return (token) => {
    const given = Buffer.from(token);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  };
}
