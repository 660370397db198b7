/** Corral itself: the operations that every surface calls, over a setting. */
import type { HealthAnswer, LeaveAnswer } from "../contract/api.ts";
import type { ToolAnswer, ToolInput, ToolName } from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import type { AgentId } from "../kernel/ids.ts";
import { isoTime, SECOND_MS, type EpochMs } from "../kernel/units.ts";
import { ledgerRow } from "../ledger/receipt.ts";
import type { Undos } from "../ledger/ports.ts";
import { isHeld } from "../ledger/resource.ts";
import type { Alerts } from "./alerts/alerts.ts";
import type { Archives } from "./archives.ts";
import { authorize } from "./authority.ts";
import { configurationView, overview } from "./overview.ts";
import type { Counts } from "./figures.ts";
import { findersIn } from "./finders.ts";
import { monitoring } from "./monitoring.ts";
import { doctor } from "./doctor.ts";
import { listAgents, listTasks } from "./history-tools.ts";
import { detach, endAll } from "./leave.ts";
import { messages } from "./messages.ts";
import type { Caller, Operations, StreamRequest } from "./operations.ts";
import { readResource } from "./resources.ts";
import { screens } from "./screens.ts";
import type { QuotaQueue } from "./quota-queue.ts";
import { quotaViews, resetQuota } from "./quota.ts";
import { offsetSince } from "./stream-times.ts";
import { type ToolParts, toolTable } from "./tool-table.ts";
import { agentView, agentViews, receiptView } from "./views.ts";
import { enoughAre, isCleanOrStuck, waitUntil } from "./waiting.ts";
import { storeOfEnds } from "./with-room.ts";

const LEDGER_ROWS_MOST = 10_000;

export interface CorralParts extends ToolParts {
  readonly undos: Undos;
  readonly queue: QuotaQueue;
  readonly archives: Archives;
  readonly alerts: Pick<Alerts, "answer" | "standing">;
  readonly counts: Counts;
  readonly startedAt: EpochMs;
  readonly pid: number;
  /** Sees that a client token is right. */
  readonly isClientToken: (token: string) => boolean;
  /** Told once the daemon may go: the answer of leave has been worked out. */
  readonly onLeft: (answer: LeaveAnswer) => void;
}

/** Makes the operations. */
export function corral(parts: CorralParts): Operations {
  const { setting, undos, loops, disk, output } = parts;
  const { store } = setting;
  const ending = { ...setting, store: storeOfEnds(store, setting.ballast) };
  const panes = screens(setting.hostOf);
  let leaving: Promise<LeaveAnswer> | null = null;

  const finders = findersIn(store);
  const { agentOf, taskOf } = finders;
  /** A message to an agent that goes on as another is for that one: who wrote may know the old id only. */
  const toHeir = <T>(input: T): T => {
    const { agent_id: id } = input as { readonly agent_id: AgentId };
    return { ...input, agent_id: finders.heirOf(id) };
  };
  const mail = messages(setting);
  const refuseWhileLeaving = (): void => {
    if (leaving === null) return;
    throw new Fault("DAEMON_STOPPING", "The daemon is shutting down and starts nothing new.", {
      hint: 'Call again in a moment, or start a new daemon with "corral up".',
    });
  };

  const tools = toolTable(parts, finders, mail, refuseWhileLeaving);

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
      authorize(name, input, caller, finders.parentOf);
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
