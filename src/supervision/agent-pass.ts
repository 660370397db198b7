/** What one pass over an agent does: the hands of `decide`. Each action is safe to do again. */
import type { AgentRecord, StopRecord } from "../agents/record.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type EpochMs, humanDuration, SECOND_MS } from "../kernel/units.ts";
import type { Undos } from "../ledger/ports.ts";
import { cleanupOf } from "../ledger/receipt.ts";
import { releaseAll } from "../ledger/release.ts";
import { budgetsOf, spending } from "./budget-watch.ts";
import { type Action, decide, type StopPolicy } from "./decide.ts";
import { judgeEnd } from "./judge-end.ts";
import { noteRead } from "./messages.ts";
import type { ProcessSeen } from "./ports.ts";
import { noteEnd } from "./quota.ts";
import type { Setting } from "./setting.ts";
import { type Memory, processSetOf, runnerOf, sight, type Sighted } from "./sighting.ts";
import { newStop, recordStop } from "./stops.ts";
import { tellMismatch } from "./witness-alerts.ts";
import { markIn } from "../kernel/watermark.ts";

/** Between two kills of one runner. */
const RUNNER_END_MS = 20;
/** How long one attempt to kill may look for survivors. */
const KILL_DEADLINE_MS = 2 * SECOND_MS;
const RUNNER_RECORD_MS = SECOND_MS;
const RETRY_FIRST_MS = SECOND_MS;
const RETRY_MOST_MS = 300 * SECOND_MS;
const STDERR_TAIL_BYTES = 4_096;

/**
 * Passes over one agent until only waiting is left. One at a time per agent.
 *
 * @param memory  What is remembered between passes; changed here.
 * @returns       When to wake, epoch milliseconds; null when the agent is at rest for ever.
 * @throws {Fault} PROBE_FAILED, HOST_UNREACHABLE, DISK_FULL: nothing was concluded.
 */
export async function passesUntilWait(
  setting: Setting,
  undos: Undos,
  agentId: AgentId,
  memory: Memory,
): Promise<EpochMs | null> {
  // Time has passed since the last pass: what was seen of the set then is no proof now.
  memory.emptyLooks = 0;
  memory.members = [];
  for (;;) {
    const agent = setting.store.agent(agentId);
    if (agent === null) return null;
    // It holds nothing and runs nowhere: its queue starts it, or a stop makes it another status.
    if (agent.status === "queued") return Number.MAX_SAFE_INTEGER;
    if (memory.unwrittenStop !== null) {
      writeKeptStop(setting, agent, memory, memory.unwrittenStop);
      continue;
    }
    if (memory.isSuspect) await lookAtSuspect(setting, agent, memory);
    const sighted = await sight(setting, agent, memory);
    if (agent.status === "starting" && sighted.view.runner === "alive")
      adopt(setting, agent, sighted);
    const action = decide(sighted.view, policyOf(setting), setting.clock.now());
    if (action.do === "rest") return null;
    if (action.do === "wait") {
      return action.until === "next-event" ? Number.MAX_SAFE_INTEGER : action.until;
    }
    await perform(setting, undos, agent, sighted, memory, action);
  }
}

/** Until it is written, nothing else of the agent is: its end would have another cause. */
function writeKeptStop(
  setting: Setting,
  agent: AgentRecord,
  memory: Memory,
  stop: StopRecord,
): void {
  if (agent.endedAt === null && agent.stop === null) recordStop(setting, agent.id, stop);
  memory.unwrittenStop = null;
}

/** A daemon died between the start and its record: the agent runs, so it is taken over as it is. */
function adopt(setting: Setting, agent: AgentRecord, { resources }: Sighted): void {
  setting.store.atomically(() => {
    setting.store.markRunning(agent.id, setting.clock.now(), agent.warnings);
    for (const { id } of resources) setting.store.confirmResource(id, null);
  });
  setting.log.info("agent.adopted", { agentId: agent.id });
}

function policyOf(setting: Setting): StopPolicy {
  const { term_ms, leftover_ms } = setting.configuration();
  return { termMs: term_ms, leftoverMs: leftover_ms, runnerMs: RUNNER_RECORD_MS };
}

async function perform(
  setting: Setting,
  undos: Undos,
  agent: AgentRecord,
  sighted: Sighted,
  memory: Memory,
  action: Exclude<Action, { readonly do: "wait" } | { readonly do: "rest" }>,
): Promise<void> {
  switch (action.do) {
    case "begin-stop":
      return beginStop(setting, agent, action.cause);
    case "settle":
      return settle(setting, agent, sighted);
    case "look":
      return look(setting, agent, sighted, memory);
    case "interrupt":
      return signal(setting, agent, sighted, memory, "SIGINT");
    case "terminate":
      return signal(setting, agent, sighted, memory, "SIGTERM");
    case "kill":
      return kill(setting, agent, sighted, memory);
    case "end-runner":
      return endRunner(setting, agent, sighted);
    case "release":
      return release(setting, undos, agent, memory);
  }
}

function beginStop(setting: Setting, agent: AgentRecord, cause: "timeout" | "claimed"): void {
  const { grace_ms, linger_ms } = setting.configuration();
  const ran = humanDuration(agent.wallUntil - (agent.startedAt ?? agent.createdAt));
  const reason =
    cause === "timeout"
      ? `Its wall clock of ${ran} ran out.`
      : `It claimed completion and had not left ${humanDuration(linger_ms)} later.`;
  const stop = newStop({ cause, reason, graceMs: grace_ms }, setting.clock.now());
  setting.store.recordStop(agent.id, stop);
}

async function settle(
  setting: Setting,
  agent: AgentRecord,
  { exit, resources }: Sighted,
): Promise<void> {
  const set = processSetOf(resources);
  const end = {
    exit,
    outcome: await setting.outcomes.read(agent),
    usageBefore: agent.usageTold,
    stop: agent.stop ?? abandonedLaunch(agent, exit !== null, setting.clock.now()),
    reported: agent.reported?.status ?? null,
    stderrTail: setting.files.stderrTail(agent.directory, STDERR_TAIL_BYTES),
    rebooted: set !== null && set.bootId !== setting.containment.bootId,
    now: setting.clock.now(),
  };
  const settlement = judgeEnd(end, setting.harnessOf(agent.harness));
  const budgets = budgetsOf(setting, agent);
  setting.store.atomically(() => {
    noteRead(setting, agent.id, end.outcome.heard);
    spending(setting, agent, budgets, () => setting.store.settle(agent.id, settlement));
    noteEnd(setting, agent, end.outcome, settlement.endedAt);
    // A settled agent's word counts no more: what is left of it must not report.
    setting.store.revokeToken(agent.id);
  });
  const { status, exitCode, signal: endSignal } = settlement;
  setting.log.info("agent.settled", { agentId: agent.id, status, exitCode, signal: endSignal });
}

/** An agent that is still starting when a pass comes to it was left by a daemon that died in its deploy. */
function abandonedLaunch(agent: AgentRecord, ended: boolean, now: EpochMs): StopRecord | null {
  if (agent.status !== "starting" || ended) return null;
  const reason = "Corral stopped while it was being deployed; what had been made was released.";
  return newStop({ cause: "launch_failed", reason, graceMs: 0 }, now);
}

async function look(
  setting: Setting,
  agent: AgentRecord,
  { resources }: Sighted,
  memory: Memory,
): Promise<void> {
  const set = processSetOf(resources);
  if (set === null) {
    memory.emptyLooks += 1;
    return;
  }
  const { members, mismatch } = await setting.containment.look(set);
  note(setting, memory, members);
  tellMismatch(setting, agent, memory, mismatch);
}

/** Looks at an agent that runs on, only to tell what one witness alone sees. */
async function lookAtSuspect(setting: Setting, agent: AgentRecord, memory: Memory): Promise<void> {
  memory.isSuspect = false;
  const set = processSetOf(setting.store.resourcesOf(agent.id));
  if (set === null || agent.status !== "running") return;
  tellMismatch(setting, agent, memory, (await setting.containment.look(set)).mismatch);
}

function note(setting: Setting, memory: Memory, members: readonly ProcessSeen[]): void {
  memory.members = members;
  memory.emptyLooks = members.length === 0 ? memory.emptyLooks + 1 : 0;
  memory.emptySince = members.length === 0 ? (memory.emptySince ?? setting.clock.now()) : null;
}

async function signal(
  setting: Setting,
  agent: AgentRecord,
  { resources }: Sighted,
  memory: Memory,
  name: "SIGINT" | "SIGTERM",
): Promise<void> {
  const now = setting.clock.now();
  if (agent.stop !== null && agent.endedAt === null) {
    const step = name === "SIGINT" ? { intAt: now } : { termAt: now };
    setting.store.recordStop(agent.id, { ...agent.stop, ...step });
  } else {
    memory.leftoverTermAt = now;
  }
  const set = processSetOf(resources);
  const count = set === null ? 0 : await setting.containment.signal(set, name);
  setting.log.info("agent.signalled", { agentId: agent.id, signal: name, count });
}

async function kill(
  setting: Setting,
  agent: AgentRecord,
  { resources }: Sighted,
  memory: Memory,
): Promise<void> {
  const set = processSetOf(resources);
  if (set === null) return;
  if (agent.stop !== null && agent.stop.killAt === null) {
    setting.store.recordStop(agent.id, { ...agent.stop, killAt: setting.clock.now() });
  }
  const { members } = await setting.containment.kill(set, KILL_DEADLINE_MS);
  note(setting, memory, members);
  if (members.length === 0) {
    // kill() itself looked until it had found the set empty twice.
    memory.emptyLooks = Number.MAX_SAFE_INTEGER;
    return;
  }
  const names = members.map(({ pid, name }) => `${name} (${pid})`).join(", ");
  const row = resources.find(({ kind }) => kind === "process_set");
  if (row !== undefined) setting.store.failRelease(row.id, `survived SIGKILL: ${names}`);
  becomeStuck(setting, agent, memory, [`process_set: survived SIGKILL: ${names}`]);
}

async function endRunner(
  setting: Setting,
  agent: AgentRecord,
  { resources }: Sighted,
): Promise<void> {
  const identity = await runnerOf(setting, agent, resources);
  if (identity === null) return;
  setting.containment.killOne(identity, markIn(setting.store.world, null));
  setting.log.warn("runner.ended", { agentId: agent.id, pid: identity.pid });
  // One that waits for a disk ends when the disk lets it; asking without a pause would take a core meanwhile.
  await new Promise<void>((resolve) => setting.timers.after(RUNNER_END_MS, resolve));
}

async function release(
  setting: Setting,
  undos: Undos,
  agent: AgentRecord,
  memory: Memory,
): Promise<void> {
  const { released, stuck } = await releaseAll(agent.id, setting.store, undos);
  if (stuck.length > 0) {
    const errors = stuck.map(({ resource, error }) => `${resource.kind}: ${error}`);
    becomeStuck(setting, agent, memory, errors);
    return;
  }
  const cleanup = cleanupOf(setting.store.resourcesOf(agent.id), true);
  setting.store.addEvent({
    kind: "agent.clean",
    taskId: agent.taskId,
    agentId: agent.id,
    facts: { released: released.length, cleanup: cleanup.state },
  });
}

/** Says once that an agent is stuck, and sets when to try again: later each time, never at once. */
function becomeStuck(
  setting: Setting,
  agent: AgentRecord,
  memory: Memory,
  errors: readonly string[],
): void {
  memory.failures += 1;
  const backoff = Math.min(RETRY_FIRST_MS * 2 ** (memory.failures - 1), RETRY_MOST_MS);
  memory.retryAt = setting.clock.now() + backoff;
  setting.log.warn("agent.stuck", { agentId: agent.id, errors, retryInMs: backoff });
  if (memory.wasStuck) return;
  memory.wasStuck = true;
  setting.store.addEvent({
    kind: "agent.stuck",
    taskId: agent.taskId,
    agentId: agent.id,
    facts: { errors: [...errors] },
  });
}
