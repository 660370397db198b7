/** Corral itself: the operations that every surface calls, over a setting. */
import type { AgentRecord } from "../agents/record.ts";
import { agentNotFound, parentEnded, taskNotFound } from "../agents/find.ts";
import type { HealthAnswer, LeaveAnswer } from "../contract/api.ts";
import type {
  DeployInput,
  KillAnswer,
  KillInput,
  SpawnChildInput,
  ToolAnswer,
  ToolInput,
  ToolName,
} from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import { isoTime, SECOND_MS, type EpochMs } from "../kernel/units.ts";
import { ledgerRow } from "../ledger/receipt.ts";
import type { Undos } from "../ledger/ports.ts";
import { isHeld } from "../ledger/resource.ts";
import { refuseClosed, type TaskRecord } from "../tasks/task.ts";
import type { Alerts } from "./alerts/alerts.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { Archives } from "./archives.ts";
import { authorize, descendantsAmong, isAbove } from "./authority.ts";
import { closeTask } from "./close-task.ts";
import { configurationView, overview } from "./overview.ts";
import type { Deploys } from "./deploy.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { Counts } from "./figures.ts";
import { monitoring } from "./monitoring.ts";
import { doctor } from "./doctor.ts";
import {
  listAgents,
  listTasks,
  searchHistory,
  taskFindings,
  waitForAgents,
} from "./history-tools.ts";
import { detach, endAll } from "./leave.ts";
import { messages } from "./messages.ts";
import type { Caller, Operations, StreamRequest } from "./operations.ts";
import type { OutputReader } from "./output-reader.ts";
import { type DeployRequest, optionsOf } from "./plan-run.ts";
import { reportFinding, reportProgress } from "./reports.ts";
import { resourceReport } from "./resource-report.ts";
import { readResource } from "./resources.ts";
import { screens } from "./screens.ts";
import type { Sampler } from "./sampling/sampler.ts";
import { resumeAgent } from "./resume.ts";
import type { QuotaQueue } from "./quota-queue.ts";
import { quotaViews, resetQuota } from "./quota.ts";
import type { Setting } from "./setting.ts";
import { KILLING_MS, stopOrKill } from "./stop-or-kill.ts";
import type { Sweep } from "./sweep.ts";
import { offsetSince } from "./stream-times.ts";
import { createTask } from "./tasks.ts";
import { agentView, agentViews, receiptView, taskStatusView } from "./views.ts";
import { enoughAre, isCleanOrStuck, waitUntil } from "./waiting.ts";
import { storeOfEnds } from "./with-room.ts";

const LEDGER_ROWS_MOST = 10_000;

export interface CorralParts {
  readonly setting: Setting;
  readonly undos: Undos;
  readonly loops: AgentLoops;
  readonly deploys: Deploys;
  readonly queue: QuotaQueue;
  readonly sweep: Sweep;
  readonly archives: Archives;
  readonly disk: DiskWatch;
  readonly sampler: Sampler;
  readonly alerts: Pick<Alerts, "answer" | "standing">;
  readonly counts: Counts;
  readonly output: OutputReader;
  readonly startedAt: EpochMs;
  readonly pid: number;
  /** Sees that a client token is right. */
  readonly isClientToken: (token: string) => boolean;
  /** Told once the daemon may go: the answer of leave has been worked out. */
  readonly onLeft: (answer: LeaveAnswer) => void;
}

/** Makes the operations. */
export function corral(parts: CorralParts): Operations {
  const { setting, undos, loops, deploys, disk, output, sampler } = parts;
  const { store } = setting;
  const ending = { ...setting, store: storeOfEnds(store, setting.ballast) };
  const panes = screens(setting.hostOf);
  let leaving: Promise<LeaveAnswer> | null = null;

  const taskOf = (id: TaskId): TaskRecord => {
    const task = store.task(id);
    if (task === null) throw taskNotFound(id);
    return task;
  };
  const agentOf = (id: AgentId, taskId?: TaskId): AgentRecord => {
    const agent = store.agent(id);
    if (agent === null || (taskId !== undefined && agent.taskId !== taskId))
      throw agentNotFound(id);
    return agent;
  };
  /** An agent, or whoever goes on with its conversation by now. */
  const heirOf = (id: AgentId): AgentId => {
    const next = store.agent(id)?.resumedAs ?? null;
    return next === null ? id : heirOf(next);
  };
  // Whoever goes on with the parent's conversation has its children.
  const parentOf = (id: AgentId): AgentId | null => {
    const parent = store.agent(id)?.parent ?? null;
    return parent === null ? null : heirOf(parent);
  };
  /** A message to an agent that goes on as another is for that one: who wrote may know the old id only. */
  const toHeir = <T>(input: T): T => {
    const { agent_id: id } = input as { readonly agent_id: AgentId };
    return { ...input, agent_id: heirOf(id) };
  };
  const mail = messages(setting);
  const refuseWhileLeaving = (): void => {
    if (leaving === null) return;
    throw new Fault("DAEMON_STOPPING", "The daemon is shutting down and starts nothing new.", {
      hint: 'Call again in a moment, or start a new daemon with "corral up".',
    });
  };

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

  const tools: { [N in ToolName]: (input: ToolInput<N>, caller: Caller) => unknown } = {
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

  const health = (): HealthAnswer => ({
    version: setting.version,
    pid: parts.pid,
    state_dir: setting.places.stateDir,
    started_at: isoTime(parts.startedAt),
    epoch: store.world.epoch,
    containment: setting.containment.describe(),
    url: setting.url(),
    agents_live: store.countLive(),
    resources_held: store.countHeld(),
    quotas: quotaViews(setting),
    disk: disk.summary(),
  });

  return {
    async tool<N extends ToolName>(name: N, given: ToolInput<N>, caller: Caller) {
      const input = name === "send_agent_message" ? toHeir(given) : given;
      authorize(name, input, caller, parentOf);
      if (caller.kind === "agent") mail.called(agentOf(caller.agentId));
      // The table's own type has tied each name to its input; the index forgets it.
      const run = tools[name] as (input: ToolInput<N>, caller: Caller) => unknown;
      return (await run(input, caller)) as ToolAnswer<N>;
    },
    authenticate(token) {
      if (parts.isClientToken(token)) return { kind: "client" };
      const agent = store.agentByToken(setting.hashToken(token));
      if (agent !== null && agent.endedAt === null) {
        return { kind: "agent", agentId: agent.id, taskId: agent.taskId };
      }
      throw new Fault("TOKEN_INVALID", "The bearer token is not valid, or its agent has ended.", {
        hint: "Send the token of the state directory's client.token file, or an agent's own token.",
      });
    },
    health,
    overview: () => overview(setting, health()),
    machine: () => setting.lookAtMachine(),
    tasks: ({ status = "open", limit = 100, ...filter }) =>
      listTasks(store, { status, limit, ...filter }),
    agents({ all = false, limit = 1_000, ...filter }) {
      if (filter.taskId !== undefined) taskOf(filter.taskId);
      return listAgents(store, { all, limit, ...filter });
    },
    agentsNamed: (ids) => {
      const named = ids.flatMap((id) => store.agent(id) ?? []);
      return { agents: agentViews(store, named), left_out: 0 };
    },
    agent: (id) => agentView(store, agentOf(id)),
    receipt: (id) => receiptView(store, loops, agentOf(id)),
    stream(id, request: StreamRequest) {
      const agent = agentOf(id);
      const { since } = request;
      const least = since === undefined ? 0 : offsetSince(store, agent, since);
      return output.stream(agent, { ...request, from: Math.max(request.from, least) });
    },
    screen: (id, seen) => panes.of(agentOf(id), seen),
    ...monitoring({ ...parts, taskOf, agentOf }),
    ledger({ owner, all }) {
      const rows =
        owner !== undefined
          ? store.resourcesOf(owner)
          : all === true
            ? store.allResources(LEDGER_ROWS_MOST)
            : store.heldResources();
      return {
        rows: rows
          .filter((row) => all === true || owner !== undefined || isHeld(row))
          .map(ledgerRow),
      };
    },
    async wait(input, signal) {
      if (input.task_id !== undefined) taskOf(input.task_id);
      const ids =
        input.agent_ids ??
        (input.task_id === undefined
          ? store.unfinishedAgents()
          : store.agentsOf(input.task_id)
        ).map(({ id }) => id);
      for (const id of ids) agentOf(id, input.task_id);
      const hasEnded = (id: AgentId): boolean => store.agent(id)?.endedAt !== null;
      const isDone = (id: AgentId): boolean =>
        input.for === "clean" ? hasEnded(id) && isCleanOrStuck(setting, id) : hasEnded(id);
      const needed =
        input.until === "all"
          ? ids.length
          : Math.min(ids.length, input.until === "any" ? 1 : input.until);
      const condition = enoughAre(ids, isDone, needed);
      const met = await waitUntil(setting, condition, input.timeout_s * SECOND_MS, signal);
      return {
        agents: agentViews(
          store,
          ids.map((id) => agentOf(id)),
        ),
        timed_out: !met,
      };
    },
    eventsAfter: (seq, max) => store.eventsAfter(seq, max),
    onEvent: (listener) => store.onEvent(listener),
    resource(uri, caller) {
      if (caller.kind === "agent" && !uri.startsWith(`task://${caller.taskId}/`)) {
        throw new Fault("FORBIDDEN", "An agent may only read its own task.", {
          hint: `Read task://${caller.taskId}/status.`,
        });
      }
      return readResource(store, uri, taskOf);
    },
    sweep: (input) => parts.sweep(input),
    archives: (filter) => parts.archives.list(filter),
    archive: (id) => parts.archives.show(id),
    exportArchive: (id, input) => parts.archives.export(id, input),
    pruneArchives: (input) => parts.archives.prune(input),
    doctor: () => doctor(setting, parts.pid, disk.report()),
    configuration: () => configurationView(setting),
    resetQuota(input) {
      const answer = resetQuota(setting, input);
      parts.queue.wake();
      return answer;
    },
    leave({ mode }) {
      // The watch refills the ballast, which is released with the rest.
      leaving ??= Promise.all([disk.close(), parts.queue.close()])
        .then(() => (mode === "end" ? endAll(ending, undos, loops) : detach(setting, loops)))
        .then((answer) => {
          parts.onLeft(answer);
          return answer;
        });
      return leaving;
    },
  };
}
