/** What each tool does; who may call it is asked before (authority.ts). */
import { parentEnded } from "../agents/find.ts";
import type {
  DeployInput,
  KillAnswer,
  KillInput,
  SpawnChildInput,
  ToolInput,
  ToolName,
} from "../contract/tools.ts";
import type { AgentId } from "../kernel/ids.ts";
import { SECOND_MS } from "../kernel/units.ts";
import { refuseClosed } from "../tasks/task.ts";
import type { Alerts } from "./alerts/alerts.ts";
import type { AgentLoops } from "./agent-loop.ts";
import { descendantsAmong, isAbove } from "./authority.ts";
import { closeTask } from "./close-task.ts";
import type { Deploys } from "./deploy.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { Finders } from "./finders.ts";
import { listTasks, searchHistory, taskFindings, waitForAgents } from "./history-tools.ts";
import type { Messages } from "./messages.ts";
import type { Caller } from "./operations.ts";
import type { OutputReader } from "./output-reader.ts";
import { type DeployRequest, optionsOf } from "./plan-run.ts";
import { reportFinding, reportProgress } from "./reports.ts";
import { resourceReport } from "./resource-report.ts";
import { resumeAgent } from "./resume.ts";
import type { Sampler } from "./sampling/sampler.ts";
import type { Setting } from "./setting.ts";
import { KILLING_MS, stopOrKill } from "./stop-or-kill.ts";
import type { Sweep } from "./sweep.ts";
import { createTask } from "./tasks.ts";
import { receiptView, taskStatusView } from "./views.ts";
import { isCleanOrStuck, waitUntil } from "./waiting.ts";

export interface ToolParts {
  readonly setting: Setting;
  readonly loops: AgentLoops;
  readonly deploys: Deploys;
  readonly sweep: Sweep;
  readonly disk: DiskWatch;
  readonly sampler: Sampler;
  readonly alerts: Pick<Alerts, "standing">;
  readonly output: OutputReader;
}

export type ToolTable = { [N in ToolName]: (input: ToolInput<N>, caller: Caller) => unknown };

/** @param refuseWhileLeaving  Throws DAEMON_STOPPING once nothing new may be started. */
export function toolTable(
  parts: ToolParts,
  { agentOf, parentOf, taskOf }: Finders,
  mail: Messages,
  refuseWhileLeaving: () => void,
): ToolTable {
  const { setting, loops, deploys, disk, output, sampler } = parts;
  const { store } = setting;

  const deployWith = (
    input: DeployInput | SpawnChildInput,
    mission: Pick<DeployRequest, "type" | "prompt" | "parent">,
    caller: Caller,
  ) => {
    refuseWhileLeaving();
    const task = taskOf(input.task_id);
    refuseClosed(task);
    const earlier = deploys.earlier(task, input.idempotency_key ?? null);
    if (earlier !== null) return earlier;
    const parent = mission.parent === "orchestrator" ? null : agentOf(mission.parent, task.id);
    if (parent !== null && parent.endedAt !== null) throw parentEnded(parent);
    return deploys.deploy(task, {
      ...mission,
      depth: (parent?.depth ?? 0) + 1,
      parentCwd: parent?.cwd ?? null,
      spawner: caller.kind === "agent" ? agentOf(caller.agentId) : null,
      idempotencyKey: input.idempotency_key ?? null,
      onQuota: input.on_quota,
      options: optionsOf(input),
    });
  };

  const longestStop = (graceMs: number): number => {
    const { term_ms, leftover_ms } = setting.configuration();
    return graceMs + term_ms + leftover_ms + KILLING_MS;
  };

  const kill = async ({ task_id, agent_id, reason, grace_s }: KillInput): Promise<KillAnswer> => {
    const agent = agentOf(agent_id, taskOf(task_id).id);
    const { grace_ms } = setting.configuration();
    const graceMs = grace_s === undefined ? grace_ms : Math.round(grace_s * SECOND_MS);
    if (agent.endedAt === null)
      await stopOrKill(setting, loops, agent.id, { cause: "kill", reason, graceMs });
    else loops.poke(agent.id);
    await waitUntil(setting, () => isCleanOrStuck(setting, agent.id), longestStop(graceMs));
    const ended = agentOf(agent.id);
    return {
      agent_id: ended.id,
      status: ended.status,
      reason: ended.reason,
      receipt: receiptView(store, loops, ended),
    };
  };

  return {
    create_real_task: (input, caller) => {
      refuseWhileLeaving();
      return createTask(setting, input, caller);
    },
    deploy_headless_agent: (input, caller) => {
      const { agent_type: type, prompt, parent } = input;
      return deployWith(input, { type, prompt, parent }, caller);
    },
    spawn_child_agent: (input, caller) => {
      const { child_agent_type: type, child_prompt: prompt, parent_agent_id: parent } = input;
      return deployWith(input, { type, prompt, parent }, caller);
    },
    get_real_task_status: ({ task_id, max_agents }) =>
      taskStatusView(store, taskOf(task_id), max_agents),
    get_agent_output: (input) =>
      output.read(agentOf(input.agent_id, taskOf(input.task_id).id), input),
    kill_real_agent: kill,
    update_agent_progress: (input, caller) => {
      const task = taskOf(input.task_id);
      const agent = agentOf(input.agent_id, task.id);
      const inbox = () => mail.inbox(agent, caller);
      const isHeeding = () => mail.isHeeding(agent);
      return reportProgress(setting, loops, task, agent, input, inbox, isHeeding);
    },
    report_agent_finding: (input, caller) => {
      const task = taskOf(input.task_id);
      const agent = agentOf(input.agent_id, task.id);
      return reportFinding(setting, task, agent, input, () => mail.inbox(agent, caller));
    },
    get_resource_report: (input) =>
      resourceReport(setting, input, {
        fileSystems: disk.report().file_systems,
        mostFdsOf: (id) => sampler.readings().get(id)?.mostFds ?? null,
        portsOf: sampler.portsOf,
        standing: parts.alerts.standing(),
      }),
    sweep_resources: (input) => parts.sweep(input),
    get_task_findings: (input) => {
      const task = taskOf(input.task_id);
      if (input.agent_id !== undefined) agentOf(input.agent_id, task.id);
      return taskFindings(store, input);
    },
    wait_for_agents: (input, caller) => {
      const task = taskOf(input.task_id);
      const all = (): AgentId[] => store.agentsOf(task.id).map(({ id }) => id);
      const ids =
        input.agent_ids ??
        (caller.kind === "client" ? all() : descendantsAmong(all(), caller, parentOf));
      for (const id of ids) agentOf(id, task.id);
      return waitForAgents(setting, ids, input);
    },
    list_tasks: (input) => listTasks(store, input),
    close_task: (input) =>
      closeTask(
        setting,
        loops,
        taskOf(input.task_id),
        input,
        longestStop(setting.configuration().grace_ms),
      ),
    search_history: (input) => {
      if (input.task_id !== undefined) taskOf(input.task_id);
      return searchHistory(store, input);
    },
    send_agent_message: (input, caller) => {
      const task = taskOf(input.task_id);
      const agent = agentOf(input.agent_id, task.id);
      if (caller.kind === "client") return mail.send(agent, input, caller, "orchestrator");
      const isUp = isAbove(agent.id, caller, parentOf);
      return mail.send(agent, input, caller, isUp ? "descendant" : "ancestor");
    },
    get_agent_messages: (input, caller) => {
      const agent = agentOf(input.agent_id, taskOf(input.task_id).id);
      const isUp = caller.kind === "agent" && isAbove(agent.id, caller, parentOf);
      return mail.list(agent, input, isUp ? caller.agentId : null);
    },
    resume_agent: (input, caller) => {
      refuseWhileLeaving();
      const task = taskOf(input.task_id);
      refuseClosed(task);
      const agent = agentOf(input.agent_id, task.id);
      const spawner = caller.kind === "agent" ? agentOf(caller.agentId) : null;
      const parent = parentOf(agent.id) ?? agent.parent;
      return resumeAgent(setting, deploys, { task, agent, parent, spawner }, input);
    },
  };
}
