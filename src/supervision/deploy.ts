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
import { asFault, errnoOf, Fault, messageOf } from "../kernel/fault.ts";
import { type AgentId, mintAgentId, sessionNameOf } from "../kernel/ids.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import type { ResourceIntent } from "../ledger/resource.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { AgentLoops } from "./agent-loop.ts";
import { newStop } from "./agent-pass.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { keptOptions } from "./kept-options.ts";
import { launchAgent, launchScript } from "./launch-agent.ts";
import { type DeployRequest, planRun, type RunPlan } from "./plan-run.ts";
import type { ProcessSet } from "./ports.ts";
import { admitByQuota } from "./quota.ts";
import type { Setting } from "./setting.ts";
import type { NewAgent } from "./store.ts";
import { isCleanOrStuck, waitUntil } from "./waiting.ts";

/** A token is 32 random bytes. */
const TOKEN_BYTES = 32;
const STDERR_IN_ERROR_BYTES = 2_048;
/** How long a failed deploy waits for its release before it answers; the release goes on in any case. */
const RELEASE_MS = 5 * SECOND_MS;

export interface Deploys {
  /**
   * Deploys one agent and answers when it runs.
   * @throws {Fault} LIMIT_REACHED, BUDGET_SPENT, QUOTA_EXHAUSTED, HARNESS_MISSING, CWD_UNUSABLE, LAUNCH_FAILED, DISK_FULL:
   *                 nothing is left behind.
   */
  deploy(task: TaskRecord, request: DeployRequest): Promise<DeployAnswer>;
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
      const { agent, isNew } = admitAgent(setting, task, request, plan, token);
      if (!isNew) return answerOf(agent);
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
    },
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
  { agentId, directory, files, links }: RunPlan,
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

/** Releases what a failed deploy had made, and says what failed with the agent's own stderr. */
async function giveBack(
  setting: Setting,
  agent: AgentRecord,
  error: unknown,
  handOver: () => void,
): Promise<Fault> {
  const stderr = setting.files.stderrTail(agent.directory, STDERR_IN_ERROR_BYTES).trim();
  const fault = launchFault(error, stderr);
  setting.log.warn("deploy.failed", {
    agentId: agent.id,
    code: fault.code,
    cause: messageOf(error),
  });
  const now = setting.clock.now();
  const reason = `Its deploy failed: ${fault.message}`;
  setting.store.atomically(() => {
    const stop = newStop({ cause: "launch_failed", reason, graceMs: 0 }, now);
    setting.store.recordStop(agent.id, stop);
    setting.store.settle(agent.id, {
      status: "failed",
      exitCode: null,
      signal: null,
      reason,
      endedAt: now,
      usage: null,
      cliSession: null,
    });
    setting.store.revokeToken(agent.id);
  });
  handOver();
  const isClean = await waitUntil(setting, () => isCleanOrStuck(setting, agent.id), RELEASE_MS);
  setting.log.info("deploy.given_back", { agentId: agent.id, isClean });
  return fault;
}

function launchFault(error: unknown, stderr: string): Fault {
  const known = asFault(error);
  if (known.code !== "INTERNAL" && known.code !== "LAUNCH_FAILED") return known;
  const errno = errnoOf(error);
  const what =
    known.code === "LAUNCH_FAILED"
      ? known.message
      : `The agent could not be made: ${messageOf(error)}.`;
  const said = stderr === "" ? "" : ` Its stderr: ${stderr}`;
  return new Fault("LAUNCH_FAILED", `${what}${said}`, {
    hint:
      known.code === "LAUNCH_FAILED"
        ? known.hint
        : "Everything that had been made was released; correct the cause, then deploy again.",
    details: { ...known.details, ...(errno === undefined ? {} : { errno }), stderr },
    cause: error,
  });
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
    tmux_session: agent.host === "tmux" ? agent.session : null,
    containment: agent.containment,
    workspace: agent.directory,
    warnings: [...agent.warnings],
  };
}
