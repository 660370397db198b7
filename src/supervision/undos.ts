/** How each kind of resource is undone and seen gone. */
import { Fault } from "../kernel/fault.ts";
import { type EpochMs, humanBytes, isoTime, SECOND_MS } from "../kernel/units.ts";
import type { Told, Undo, Undone, Undos } from "../ledger/ports.ts";
import type { Resource } from "../ledger/resource.ts";
import type { ArchiveFacts } from "./archive-agent.ts";
import type { ProcessIdentity, ProcessSet } from "./ports.ts";
import { completeBeforeRelease, type ProjectionKind } from "./projections.ts";
import type { Setting } from "./setting.ts";
import { processSetOf, runnerOf } from "./sighting.ts";
import { markIn } from "../kernel/watermark.ts";

/** How long a runner whose agent is gone may take to leave by itself. */
const RUNNER_LEAVES_MS = SECOND_MS;
const RUNNER_POLL_MS = 5;

/** The undo of every kind, over the ports of a setting. */
export function undosOf(setting: Setting): Undos {
  const removed: Undo = async (resource) => gone(setting.files.remove(resource.locator));
  const keptStream: Undo = (resource) => keepStream(setting, resource);
  const kept: Undo = async (resource) => keep(setting, resource);
  return {
    tmux_server: () => endServer(setting),
    cgroup_root: ({ locator }) => removeRoot(setting, locator),
    ballast: removed,
    task_workspace: removed,
    archive: async (resource) => keepArchive(setting, resource),
    workspace_link: kept,
    deploy_record: kept,
    progress_log: (resource) => keepProjection(setting, "progress", resource),
    findings_log: (resource) => keepProjection(setting, "findings", resource),
    stream_log: keptStream,
    stderr_log: keptStream,
    temp_dir: removed,
    prompt_file: removed,
    agent_config: removed,
    bell: removed,
    tmux_session: async ({ locator }) => gone(await setting.hostOf("tmux").release(locator)),
    runner_process: (resource) => endRunner(setting, resource),
    process_set: (resource) => proveEmpty(setting, resource),
    token: async ({ owner }) => {
      setting.store.revokeToken(owner);
      return gone("its hash is deleted from the store");
    },
  };
}

function gone(seen: string): Extract<Undone, { readonly gone: true }> {
  return { gone: true, seen };
}

/** A server with sessions in it is kept by its host: then it is not gone, whatever was asked. */
async function endServer({ hostOf }: Setting): Promise<Undone> {
  const host = hostOf("tmux");
  const seen = await host.close();
  const sessions = await host.list();
  if (sessions.length > 0) throw stillThere(seen);
  return gone(seen);
}

async function removeRoot({ containment }: Setting, locator: string): Promise<Undone> {
  if (locator.startsWith("/")) {
    if (await containment.removeRoot(locator)) return gone("control group absent");
    throw stillThere(`${locator} is not empty`);
  }
  // A row of before the paths were written down.
  const seen = await containment.removeRoots();
  const leaves = await containment.leaves();
  if (leaves.length > 0) throw stillThere(seen);
  return gone(seen);
}

function stillThere(seen: string): Fault {
  return new Fault("PROBE_FAILED", `Not given back: ${seen}.`, {
    hint: 'Run "corral sweep --apply" once what is in it has ended.',
  });
}

/** It is complete when it is given back: nothing more will be reported. */
async function keepProjection(
  setting: Setting,
  kind: ProjectionKind,
  resource: Resource,
): Promise<Undone> {
  // One that is retained already is only looked at again to be deleted.
  if (resource.retainUntil === null) completeBeforeRelease(setting, kind, resource.owner);
  return keep(setting, resource);
}

/** A log is kept until its date, and then deleted; one that was never written is gone. */
async function keep(setting: Setting, resource: Resource): Promise<Undone> {
  const { clock, files } = setting;
  const size = files.sizeOf(resource.locator);
  if (size === null) return gone("no such file: it was never written, or somebody removed it");
  const until = retainedUntil(setting, resource);
  if (until <= clock.now()) return gone(files.remove(resource.locator));
  return keptFor(size, until);
}

/** When a thing is to be deleted: at once, unless it is kept on purpose. */
function retainedUntil({ clock, configuration }: Setting, resource: Resource): EpochMs {
  if (!resource.retain) return clock.now();
  return resource.retainUntil ?? clock.now() + configuration().retention_ms;
}

function keptFor(bytes: number, until: EpochMs): Undone {
  return {
    gone: false,
    seen: `${humanBytes(bytes)}, kept until ${isoTime(until)}`,
    retainUntil: until,
  };
}

/** A stream goes with the segments beside it. */
async function keepStream(setting: Setting, resource: Resource): Promise<Undone> {
  const { clock, streams } = setting;
  const size = streams.sizeOf(resource.locator);
  if (size === null) return gone("no such file: it was never written, or somebody removed it");
  const until = retainedUntil(setting, resource);
  if (until > clock.now()) return keptFor(size, until);
  return {
    ...gone(await streams.remove(resource.locator)),
    tell: deleted(setting, resource, size),
  };
}

async function keepArchive(setting: Setting, resource: Resource): Promise<Undone> {
  const { clock, files, streams } = setting;
  const until = retainedUntil(setting, resource);
  const bytes = files.sizeOf(resource.locator) ?? 0;
  if (until > clock.now()) return keptFor(bytes, until);
  const undone = gone(await streams.removeArchive(resource.locator));
  const facts = resource.identity as ArchiveFacts | null;
  // One that was never made was nobody's loss.
  if (facts === null) return undone;
  return { ...undone, tell: deleted(setting, resource, facts.bytes, facts.why) };
}

/** What an agent printed is gone for good: that is told and logged. */
function deleted(
  { log, store }: Setting,
  { kind, locator, owner }: Resource,
  bytes: number,
  why = "its retention has ended",
): Told {
  const taskId = store.agent(owner)?.taskId;
  const facts = { kind, path: locator, bytes, why };
  log.info("archive.deleted", { agentId: owner, ...facts });
  return {
    kind: "archive.deleted",
    agentId: owner,
    ...(taskId === undefined ? {} : { taskId }),
    facts,
  };
}

/** The ladder has seen the set empty, twice; this look is the proof at the moment of release. */
async function proveEmpty(setting: Setting, resource: Resource): Promise<Undone> {
  const set = resource.identity as ProcessSet;
  const { members, witnesses } = await setting.containment.look(set);
  if (members.length > 0) throw stillAlive(members);
  const removed = await setting.containment.remove(set);
  return gone(`${witnesses.join(" and ") || "nobody left to ask"}: no process; ${removed}`);
}

function stillAlive(members: readonly { readonly pid: number; readonly name: string }[]): Fault {
  const names = members.map(({ pid, name }) => `${name} (${pid})`).join(", ");
  return new Fault("PROBE_FAILED", `${members.length} still alive: ${names}.`, {
    hint: 'It is tried again by itself; "corral sweep --apply" tries at once.',
  });
}

/** Only a runner that is gone, with all of its own, can come to write no more. */
async function endRunner(setting: Setting, resource: Resource): Promise<Undone> {
  const undone = await seeRunnerGone(setting, resource);
  const agent = setting.store.agent(resource.owner);
  if (agent !== null) setting.files.removeRunnerRooms(agent.directory);
  return undone;
}

/** A runner leaves by itself when its agent is gone; one that does not is ended by its identity. */
async function seeRunnerGone(setting: Setting, resource: Resource): Promise<Undone> {
  const { containment, store, clock } = setting;
  const agent = store.agent(resource.owner);
  const identity =
    agent === null
      ? (resource.identity as ProcessIdentity | null)
      : await runnerOf(setting, agent, [resource]);
  if (identity === null) return gone("no runner was ever started");
  const set = processSetOf(store.resourcesOf(resource.owner));
  if (set !== null && set.bootId !== containment.bootId)
    return gone("the machine was started anew");
  const deadline = clock.now() + RUNNER_LEAVES_MS;
  while (containment.isAlive(identity)) {
    if (clock.now() >= deadline) {
      containment.killOne(identity, markIn(store.world, null));
      break;
    }
    await pause(setting, RUNNER_POLL_MS);
  }
  const killDeadline = clock.now() + RUNNER_LEAVES_MS;
  while (containment.isAlive(identity)) {
    if (clock.now() >= killDeadline) throw stillAlive([{ pid: identity.pid, name: "runner" }]);
    await pause(setting, RUNNER_POLL_MS);
  }
  const companions = await containment.endCompanions(identity);
  const ended = companions === 0 ? "" : `; ${companions} of its own left behind, ended`;
  return gone(`no process ${identity.pid} with its start time${ended}`);
}

function pause(setting: Setting, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setting.timers.after(ms, resolve);
  return promise;
}
