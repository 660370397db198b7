/** Making what a deploy has written down, starting it, and waiting until it has become the agent. */
import type { AgentRecord } from "../agents/record.ts";
import { Fault } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import type { RunPlan } from "./plan-run.ts";
import type { ProcessIdentity, ProcessSet } from "./ports.ts";
import type { Setting } from "./setting.ts";
import { processSetOf } from "./sighting.ts";

/** The runner's own wall clock acts only when the daemon did not: it gets this much more. */
const RUNNER_WALL_MARGIN_S = 30;

/**
 * Makes directory, files, containment and runner, and records the agent as running. Everything was
 * written down before; what a failure leaves is the caller's to give back.
 *
 * @param waiting  Where it puts what a ring of the agent's runner calls.
 * @throws {Fault} LAUNCH_FAILED; otherwise what a port said.
 */
export async function launchAgent(
  setting: Setting,
  agent: AgentRecord,
  plan: RunPlan,
  waiting: Map<AgentId, () => void>,
): Promise<void> {
  const resources = setting.store.resourcesOf(agent.id);
  const set = processSetOf(resources)!;
  const files = [
    ...plan.files,
    { name: "launch.sh", text: launchScript(setting, plan, set) },
    { name: "spec.json", text: specOf(agent, plan) },
  ];
  setting.files.prepare(plan.directory, files, plan.links);
  if (plan.hasInput) setting.inputs.make(plan.directory);
  if (plan.carry !== null) setting.files.copyFolder(plan.carry.from, plan.carry.to);
  setting.files.link(resources[0]!.locator, plan.directory);
  const notEnforced = await setting.containment.make(set, plan.limits);
  const started = startedOrDeadline(setting, agent, waiting);
  const runner = await setting.host.start({
    agentId: agent.id,
    session: agent.session,
    directory: plan.directory,
  });
  await started.wait();
  const warnings = [...plan.warnings, ...hostWarning(setting), ...notEnforced];
  confirm(setting, agent, runner, warnings);
}

/** An agent that was expected in tmux and is not there says why. */
function hostWarning({ host, configuration }: Setting): readonly string[] {
  if (host.kind === "tmux" || configuration().host !== "auto") return [];
  return [`The agent is no tmux session but lives in ${host.detail}`];
}

/** The text by which the runner becomes the agent. @throws {Fault} for what cannot be written down as one. */
export function launchScript(setting: Setting, plan: RunPlan, set: ProcessSet): string {
  return setting.launchScripts.write({
    agentId: plan.agentId,
    directory: plan.directory,
    cwd: plan.cwd,
    argv: plan.argv,
    env: plan.env,
    stdinPath: plan.stdinPath,
    input: plan.hasInput ? setting.inputs.folderOf(plan.directory) : null,
    set,
    wallClockS: plan.wallClockS + RUNNER_WALL_MARGIN_S,
    limits: plan.limits,
    onDaemonGone: plan.onDaemonGone,
  });
}

/** What was deployed, for people; no secret is in it. */
function specOf(agent: AgentRecord, plan: RunPlan): string {
  const spec = {
    agent_id: agent.id,
    task_id: agent.taskId,
    agent_type: agent.type,
    harness: agent.harness,
    parent: agent.parent,
    depth: agent.depth,
    argv: plan.argv,
    env: Object.keys(plan.env).toSorted(),
    cwd: plan.cwd,
    host: agent.host,
    containment: agent.containment,
    wall_clock_s: plan.wallClockS,
    on_daemon_gone: plan.onDaemonGone,
  };
  return `${JSON.stringify(spec, null, 2)}\n`;
}

/** Waits for the ring of the agent's start; the file is looked at as well, so a missed ring costs time only. */
function startedOrDeadline(
  setting: Setting,
  agent: AgentRecord,
  waiting: Map<AgentId, () => void>,
): { wait(): Promise<void> } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Failing before anybody waits is told by wait(), not as an unhandled rejection.
  promise.catch(() => undefined);
  const isThere = (): boolean =>
    setting.files.hasStarted(agent.directory) || setting.files.readExit(agent.directory) !== null;
  // It is called by bells and timers, too: what it throws there would end the daemon.
  const look = (): void => {
    try {
      if (isThere()) resolve();
    } catch (error) {
      reject(error);
    }
  };
  waiting.set(agent.id, look);
  const deadlineMs = setting.configuration().start_deadline_ms;
  const cancel = setting.timers.after(deadlineMs, () => {
    look();
    reject(
      new Fault("LAUNCH_FAILED", `The agent had not started after ${deadlineMs} ms.`, {
        hint: 'Look at the load of the machine and at "corral doctor", then deploy again.',
      }),
    );
  });
  return {
    async wait() {
      look();
      await promise.finally(cancel);
    },
  };
}

function confirm(
  setting: Setting,
  agent: AgentRecord,
  runner: ProcessIdentity | null,
  warnings: readonly string[],
): void {
  setting.store.atomically(() => {
    for (const { id, kind } of setting.store.resourcesOf(agent.id)) {
      setting.store.confirmResource(id, kind === "runner_process" ? runner : null);
    }
    setting.store.markRunning(agent.id, setting.clock.now(), warnings);
  });
}
