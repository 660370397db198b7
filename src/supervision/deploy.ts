/**
 * The deploy of an agent: write down → make → confirm, and give everything back when a step fails.
 *
 *   admitted   limits reserved and every intent durable, in one transaction
 *   made       directory, files, containment, session, runner
 *   started    the agent's own process is about to become the CLI
 *   confirmed  the rows are held and the agent is running
 */
import type { AgentRecord } from "../agents/record.ts";
import type { DeployAnswer } from "../contract/tools.ts";
import { asFault } from "../kernel/fault.ts";
import { type AgentId, mintAgentId, sessionNameOf } from "../kernel/ids.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { ResourceIntent } from "../ledger/resource.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { giveBack } from "./give-back.ts";
import { keptOptions, resumedOptions } from "./kept-options.ts";
import { launchAgent, launchScript } from "./launch-agent.ts";
import { type DeployRequest, planRun, type RunPlan } from "./plan-run.ts";
import type { ProcessSet } from "./ports.ts";
import { admitByQuota } from "./quota.ts";
import { waitFor } from "./quota-queue.ts";
import type { Setting } from "./setting.ts";
import type { NewAgent, QueuedAgent } from "./store.ts";

/** A token is 32 random bytes. */
const TOKEN_BYTES = 32;

export interface Deploys {
  /**
   * Deploys one agent and answers when it runs.
   * @throws {Fault} LIMIT_REACHED, BUDGET_SPENT, QUOTA_EXHAUSTED, HARNESS_MISSING, CWD_UNUSABLE, LAUNCH_FAILED, DISK_FULL:
   *                 nothing is left behind.
   */
  deploy(task: TaskRecord, request: DeployRequest): Promise<DeployAnswer>;
  /**
   * Starts an agent that waited for its quota. One whose run cannot be planned any more is settled failed.
   * @throws {Fault} QUOTA_EXHAUSTED, LIMIT_REACHED: it waits on; LAUNCH_FAILED: it is settled.
   */
  startQueued(queued: QueuedAgent): Promise<void>;
  /** What an earlier deploy with the same key answered; null when there was none. */
  earlier(task: TaskRecord, idempotencyKey: string | null): DeployAnswer | null;
  /** Tells a deploy that its agent's runner rang. @returns false when none waits for that agent. */
  rang(agentId: AgentId): boolean;
}

export function deploys(
  setting: Setting,
  loops: AgentLoops,
  disk: Pick<DiskWatch, "admit">,
): Deploys {
  const waiting = new Map<AgentId, () => void>();
  const launch = async (agent: AgentRecord, plan: RunPlan): Promise<DeployAnswer> => {
    const handOver = loops.holdBack(agent.id);
    try {
      await launchAgent(setting, agent, plan, waiting);
      return answerOf(setting.store.agent(agent.id) ?? agent);
    } catch (error) {
      throw await giveBack(setting, agent, error, handOver);
    } finally {
      waiting.delete(agent.id);
      handOver();
    }
  };
  return {
    rang(agentId) {
      const look = waiting.get(agentId);
      look?.();
      return look !== undefined;
    },
    earlier(task, idempotencyKey) {
      if (idempotencyKey === null) return null;
      const agent = setting.store
        .agentsOf(task.id)
        .find((one) => one.idempotencyKey === idempotencyKey);
      return agent === undefined ? null : answerOf(agent);
    },
    async deploy(task, request) {
      const agentId = mintAgentId(request.type, setting.clock.now(), setting.chance.hex);
      const token = `corral_${setting.chance.hex(TOKEN_BYTES)}`;
      const plan = planRun(setting, task, request, agentId, token);
      await disk.admit(plan.cwd);
      learnSecrets(setting, plan, request);
      // What cannot be written down as a launch is refused before a place is spent on it.
      launchScript(setting, plan, setting.containment.plan(agentId, 0));
      const { agent, isNew } = admitOrQueue(setting, task, request, plan, token);
      if (!isNew || agent.status === "queued") return answerOf(agent);
      return launch(agent, plan);
    },
    async startQueued(queued) {
      const task = setting.store.task(queued.agent.taskId);
      if (task === null) return;
      const token = `corral_${setting.chance.hex(TOKEN_BYTES)}`;
      const request = queuedRequest(queued);
      let plan: RunPlan;
      try {
        plan = planRun(setting, task, request, queued.agent.id, token);
      } catch (error) {
        // A look that failed shows nothing: it waits on, and is planned again.
        const { code, retryable } = asFault(error);
        if (retryable || code === "INTERNAL") throw error;
        // What was right when it was queued is so no more: its folder is gone, or its program.
        await giveBack(setting, queued.agent, error, () => loops.poke(queued.agent.id));
        return;
      }
      await disk.admit(plan.cwd);
      learnSecrets(setting, plan, request);
      const started = setting.store.atomically(() => {
        const now = setting.clock.now();
        const agent = setting.store.startQueued(
          newAgentOf(setting, task, request, plan, token, now),
        );
        if (agent !== null) admitByQuota(setting, plan.credential, agent.id);
        return agent;
      });
      if (started !== null) await launch(started, plan);
    },
  };
}

/** As it was asked for; what could not be kept was refused then. */
function queuedRequest({ agent, prompt }: QueuedAgent): DeployRequest {
  const { cwd, depth, harness, idempotencyKey, options, parent, permission, type } = agent;
  const record = { harness, cwd, permission_mode: permission };
  return {
    type,
    prompt,
    parent,
    depth,
    parentCwd: null,
    spawner: null,
    idempotencyKey,
    onQuota: "wait",
    options: resumedOptions(options, record, {}),
  };
}

/** Before the agent can print one; what is known stays known, also to the next daemon. */
function learnSecrets(
  { store, secrets }: Setting,
  { env }: RunPlan,
  { options }: DeployRequest,
): void {
  const ofServers = Object.values(options.mcp_servers ?? {}).flatMap(({ env: own, headers }) =>
    secrets.unknownAmong({ ...own, ...headers }),
  );
  const fresh = [...secrets.unknownAmong(env), ...ofServers];
  if (fresh.length === 0) return;
  store.keepSecrets(fresh);
  secrets.know(fresh);
}

/** An agent, or one that waits for its quota when that was asked for. */
function admitOrQueue(
  setting: Setting,
  task: TaskRecord,
  request: DeployRequest,
  plan: RunPlan,
  token: string,
): { readonly agent: AgentRecord; readonly isNew: boolean } {
  try {
    return admitAgent(setting, task, request, plan, token);
  } catch (error) {
    if (request.onQuota === "refuse") throw error;
    const now = setting.clock.now();
    const agent = newAgentOf(setting, task, request, plan, token, now);
    return setting.store.admitAgent({ ...agent, waits: waitFor(setting, request, agent, error) });
  }
}

function admitAgent(
  setting: Setting,
  task: TaskRecord,
  request: DeployRequest,
  plan: RunPlan,
  token: string,
): { readonly agent: AgentRecord; readonly isNew: boolean } {
  const now = setting.clock.now();
  return setting.store.atomically(() => {
    const admitted = setting.store.admitAgent(newAgentOf(setting, task, request, plan, token, now));
    // The limits were asked first: an agent that they refuse is none that tries.
    if (admitted.isNew) admitByQuota(setting, plan.credential, plan.agentId);
    return admitted;
  });
}

function newAgentOf(
  setting: Setting,
  task: TaskRecord,
  request: DeployRequest,
  plan: RunPlan,
  token: string,
  now: EpochMs,
): NewAgent {
  return {
    id: plan.agentId,
    taskId: task.id,
    type: request.type,
    harness: plan.harness.name,
    permission: plan.permission,
    parent: request.parent,
    depth: request.depth,
    host: setting.host.kind,
    session: sessionNameOf(plan.agentId),
    containment: setting.containment.describe(),
    directory: plan.directory,
    cwd: plan.cwd,
    idempotencyKey: request.idempotencyKey,
    idleMs: plan.idleMs,
    onDaemonGone: plan.onDaemonGone,
    tokenHash: setting.hashToken(token),
    createdAt: now,
    wallUntil: now + plan.wallClockS * SECOND_MS,
    outputLimit: plan.outputLimit,
    diskLimit: plan.diskLimit,
    tokenLimit: plan.budget.tokens,
    costLimit: plan.budget.costUsd,
    quotaKey: plan.credential?.key ?? null,
    quotaLabel: plan.credential?.label ?? null,
    resumedFrom: request.resumes?.agent.id ?? null,
    messages: (request.resumes?.messages ?? []).map(({ id }) => id),
    // After its secrets were learned: what a surface would mask is not kept.
    options: keptOptions(request.options, (value) => setting.secrets.value(value) !== value),
    intents: (slot) => intentsOf(setting, task, plan, setting.containment.plan(plan.agentId, slot)),
  };
}

/** Everything that the deploy is about to make, in the order of making. */
function intentsOf(
  setting: Setting,
  task: TaskRecord,
  { agentId, directory, files, hasInput, links }: RunPlan,
  set: ProcessSet,
): readonly ResourceIntent[] {
  const session = sessionNameOf(agentId);
  return [
    { kind: "workspace_link", locator: `${task.workspace}/agents/${agentId}`, retain: true },
    { kind: "deploy_record", locator: directory, retain: true },
    { kind: "stream_log", locator: `${directory}/stream.jsonl`, retain: true },
    { kind: "stderr_log", locator: `${directory}/stderr.log`, retain: true },
    { kind: "progress_log", locator: `${task.workspace}/progress/${agentId}.jsonl`, retain: true },
    { kind: "findings_log", locator: `${task.workspace}/findings/${agentId}.jsonl`, retain: true },
    { kind: "temp_dir", locator: `${directory}/tmp` },
    ...files.map(({ name, kind }) => ({ kind, locator: `${directory}/${name}` })),
    ...links.map(({ name }) => ({
      kind: "agent_config" as const,
      locator: `${directory}/${name}`,
    })),
    ...(hasInput
      ? [{ kind: "agent_config" as const, locator: setting.inputs.folderOf(directory) }]
      : []),
    { kind: "agent_config", locator: `${directory}/launch.sh` },
    { kind: "bell", locator: setting.files.bellOf(agentId) },
    ...(setting.host.kind === "tmux" ? [{ kind: "tmux_session" as const, locator: session }] : []),
    { kind: "process_set", locator: markOf(set), identity: set },
    { kind: "runner_process", locator: agentId },
    { kind: "token", locator: "store" },
  ];
}

function markOf({ mark, cgroup, agentId }: ProcessSet): string {
  const witnesses = [cgroup, mark === null ? null : `RLIMIT_MSGQUEUE ${mark.soft}:${mark.hard}`];
  return witnesses.filter((witness) => witness !== null).join(", ") || `family of ${agentId}`;
}

/** An agent as a deploy call answers it. */
export function answerOf(agent: AgentRecord): DeployAnswer {
  return {
    agent_id: agent.id,
    task_id: agent.taskId,
    agent_type: agent.type,
    harness: agent.harness,
    parent: agent.parent,
    depth: agent.depth,
    status: agent.status,
    host: agent.host,
    tmux_session: agent.host === "tmux" && agent.status !== "queued" ? agent.session : null,
    containment: agent.containment,
    workspace: agent.directory,
    warnings: [...agent.warnings],
  };
}
