/** How each kind of resource is undone and seen gone. */
import { Fault } from "../kernel/fault.ts";
import { humanBytes, isoTime, SECOND_MS } from "../kernel/units.ts";
import type { Undo, Undone, Undos } from "../ledger/ports.ts";
import type { Resource } from "../ledger/resource.ts";
import { PROOF_LOOKS } from "./decide.ts";
import { INFRASTRUCTURE_SOFT, type ProcessIdentity, type ProcessSet } from "./ports.ts";
import type { Setting } from "./setting.ts";
import { runnerOf } from "./sighting.ts";

/** How long a runner whose agent is gone may take to leave by itself. */
const RUNNER_LEAVES_MS = SECOND_MS;
const RUNNER_POLL_MS = 5;

/** The undo of every kind, over the ports of a setting. */
export function undosOf(setting: Setting): Undos {
  const removed: Undo = async (resource) => gone(setting.files.remove(resource.locator));
  const kept: Undo = async (resource) => keep(setting, resource);
  return {
    tmux_server: async () => gone(await setting.hostOf("tmux").close()),
    cgroup_root: async () => gone(await setting.containment.removeRoots()),
    workspace_link: kept,
    deploy_record: kept,
    stream_log: kept,
    stderr_log: kept,
    progress_log: kept,
    findings_log: kept,
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

function gone(seen: string): Undone {
  return { gone: true, seen };
}

/** A log is kept until its date, and then deleted; one that was never written is gone. */
async function keep(setting: Setting, resource: Resource): Promise<Undone> {
  const { clock, files, configuration } = setting;
  const size = files.sizeOf(resource.locator);
  if (size === null) return gone("no such file: it was never written, or somebody removed it");
  const until = resource.retainUntil ?? clock.now() + configuration().retention_ms;
  if (!resource.retain || until <= clock.now()) return gone(files.remove(resource.locator));
  return {
    gone: false,
    seen: `${humanBytes(size)}, kept until ${isoTime(until)}`,
    retainUntil: until,
  };
}

/** The ladder has emptied the set before; this is the proof, and the end of its control groups. */
async function proveEmpty(setting: Setting, resource: Resource): Promise<Undone> {
  const set = resource.identity as ProcessSet;
  const witnesses = new Set<string>();
  for (let look = 0; look < PROOF_LOOKS; look += 1) {
    const sighting = await setting.containment.look(set);
    for (const witness of sighting.witnesses) witnesses.add(witness);
    if (sighting.members.length > 0) throw stillAlive(sighting.members);
  }
  const removed = await setting.containment.remove(set);
  return gone(
    `${PROOF_LOOKS} looks of ${[...witnesses].join(" and ")} found no process; ${removed}`,
  );
}

function stillAlive(members: readonly { readonly pid: number; readonly name: string }[]): Fault {
  const names = members.map(({ pid, name }) => `${name} (${pid})`).join(", ");
  return new Fault("PROBE_FAILED", `${members.length} still alive: ${names}.`, {
    hint: 'It is tried again by itself; "corral sweep --apply" tries at once.',
  });
}

/** A runner leaves by itself when its agent is gone; one that does not is ended by its identity. */
async function endRunner(setting: Setting, resource: Resource): Promise<Undone> {
  const { containment, store, clock } = setting;
  const agent = store.agent(resource.owner);
  const identity =
    agent === null
      ? (resource.identity as ProcessIdentity | null)
      : await runnerOf(setting, agent, [resource]);
  if (identity === null) return gone("no runner was ever started");
  const deadline = clock.now() + RUNNER_LEAVES_MS;
  while (containment.isAlive(identity)) {
    if (clock.now() >= deadline) {
      containment.killOne(identity, { soft: INFRASTRUCTURE_SOFT, hard: store.world.mark });
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
