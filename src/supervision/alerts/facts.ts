/** What the rules judge by: one look over what is known already. Cheap; walks and scans nothing. */
import type { AgentRecord } from "../../agents/record.ts";
import type { DiskFileSystem } from "../../contract/disk.ts";
import { messageOf } from "../../kernel/fault.ts";
import type { TaskId } from "../../kernel/ids.ts";
import { spentOf } from "../../tasks/budget.ts";
import { budgetOf, type TaskRecord } from "../../tasks/task.ts";
import type { OwnUse } from "../sampling/ports.ts";
import type { Reading } from "../sampling/sample.ts";
import type { Sampler } from "../sampling/sampler.ts";
import type { Setting } from "../setting.ts";
import type { AlertState, Condition } from "./judge.ts";
import {
  agentConditions,
  diskCondition,
  fileCondition,
  isFar,
  killedCondition,
  type LimitFact,
  limitConditions,
  stuckCondition,
} from "./rules.ts";
import { isOfAll, togetherConditions, usedTogether } from "./together.ts";

const RAISE = "Raise the limit for the next agents, or end what uses it:";
const SLACK_MS = 5_000;

/**
 * Conditions of everything that is looked at; who cannot be looked at has none, nor has an agent of which nothing is
 * to be told and nothing was: hundreds are so, and conditions of theirs were most of what a quiet daemon had to collect.
 * @param states  What stands or is suspected: its subjects are looked at as well.
 * @param endedTasks  Tasks that are looked at although none of their agents may be left.
 */
export function conditionsNow(
  setting: Setting,
  sampler: Pick<Sampler, "readings" | "samples">,
  fileSystems: readonly DiskFileSystem[],
  own: OwnUse | null,
  states: ReadonlyMap<string, AlertState>,
  endedTasks: readonly TaskId[] = [],
): readonly Condition[] {
  const { configuration, log, store } = setting;
  const live = store.unfinishedAgents().filter(({ endedAt }) => endedAt === null);
  const readings = sampler.readings();
  const samples = new Map(sampler.samples().agents.map((one) => [one.agent_id, one.sample]));
  const spoken = new Set([...states.values()].map(({ condition }) => condition.subject.id));
  const { alert_silent_ms: silentMs } = configuration();
  try {
    const tasks = Map.groupBy(live, ({ taskId }) => taskId);
    // What was said of a task is looked at after its last agent has ended, too.
    const said = [...states.values()].map(({ condition }) => condition.subject);
    const others = said.filter(({ kind }) => kind === "task").map(({ id }) => id);
    for (const id of [...others, ...endedTasks]) {
      if (!tasks.has(id) && store.task(id)?.status === "open") tasks.set(id, []);
    }
    return [
      // One that waits for its quota uses nothing, and its clock does not run.
      ...live
        .filter(({ status }) => status !== "queued")
        .flatMap((agent) => agentLimits(setting, agent, readings.get(agent.id) ?? null))
        .filter((fact) => !isFar(fact) || spoken.has(fact.subject.id))
        .flatMap(limitConditions),
      ...live.flatMap(({ id }) => {
        const kills = readings.get(id)?.memoryKills ?? 0;
        return kills === 0 ? [] : [killedCondition(id, kills)];
      }),
      ...[...tasks].flatMap(([taskId, agents]) => taskLimits(setting, store.task(taskId), agents)),
      ...live.flatMap((agent) => {
        const sample = samples.get(agent.id);
        const isTalker = setting.harnessOf(agent.harness).program !== null;
        const { cpu_ms_per_s: cpuMsPerS = null, output_bytes_per_s: outputBytesPerS = null } =
          sample ?? {};
        const isKnown = isTalker && cpuMsPerS !== null && outputBytesPerS !== null;
        const quiet = isKnown ? { cpuMsPerS, outputBytesPerS } : null;
        if (agent.trouble === null && quiet === null && !spoken.has(agent.id)) return [];
        return agentConditions({ agentId: agent.id, trouble: agent.trouble, quiet }, silentMs);
      }),
      ...togetherConditions(usedTogether(setting)),
      ...(own?.fds == null || own.fdsLimit === null ? [] : [fileCondition(own.fds, own.fdsLimit)]),
      ...fileSystems.map(({ free_bytes: freeBytes, level, path }) =>
        diskCondition(path, level !== "fine", level, freeBytes),
      ),
      ...store
        .stuckOwners()
        .map(({ error, held, owner }) =>
          stuckCondition({ kind: kindOf(setting, owner), id: owner }, held, error),
        ),
    ];
  } catch (error) {
    log.warn("alerts.no_look", { cause: messageOf(error) });
    return [];
  }
}

/** Whose subject is over: an agent that has ended reaches no limit, and what is released is not stuck. */
export function overConditions(
  { store }: Pick<Setting, "store">,
  states: ReadonlyMap<string, AlertState>,
  conditions: readonly Condition[],
): readonly Condition[] {
  const looked = new Set(conditions.map(({ key }) => key));
  const stuck = new Set(store.stuckOwners().map(({ owner }) => owner));
  return [...states.values()].flatMap(({ condition }) => {
    if (looked.has(condition.key)) return [];
    const { id, kind } = condition.subject;
    if (isOfAll(condition)) return store.countLive() === 0 ? [over(condition, NOBODY)] : [];
    const isOver =
      condition.rule === "cleanup_stuck"
        ? !stuck.has(id)
        : kind === "agent" && condition.rule !== "witness_mismatch"
          ? store.agent(id)?.endedAt !== null
          : kind === "task" && store.task(id)?.status !== "open";
    const evidence =
      condition.rule === "cleanup_stuck" ? "Everything is released." : "It has ended.";
    return isOver ? [over(condition, evidence)] : [];
  });
}

const NOBODY = "No agent is left.";

function over(condition: Condition, evidence: string): Condition {
  return { ...condition, holds: "no", evidence, clearMs: 0 };
}

function agentLimits(
  { clock }: Setting,
  agent: AgentRecord,
  reading: Reading | null,
): readonly LimitFact[] {
  const { id } = agent;
  const subject = { kind: "agent", id } as const;
  const nextStep = `${RAISE} "corral kill ${id}" ends the agent.`;
  const spent = spentOf(agent.usage);
  const begun = agent.startedAt ?? agent.createdAt;
  const fact = (
    name: string,
    used: number | null | undefined,
    limit: number | null | undefined,
    unit: LimitFact["unit"],
  ): readonly LimitFact[] =>
    used == null || limit == null
      ? []
      : [{ subject, name, used, limit, unit, tellsNear: true, nextStep }];
  return [
    ...fact("processes", reading?.threads, reading?.tasksLimit, "count"),
    ...fact("memory", reading?.memoryNeededBytes, reading?.memoryLimitBytes, "bytes"),
    ...fact("open_files", reading?.mostFds?.fds, reading?.mostFds?.limit, "count"),
    ...fact("output", agent.outputBytes, agent.outputLimit, "bytes"),
    ...fact("disk", agent.diskBytes, agent.diskLimit, "bytes"),
    ...fact("tokens", spent.tokens, agent.tokenLimit, "count"),
    ...fact("cost", spent.costUsd, agent.costLimit, "usd"),
    // It is ended when its clock is over: a moment later it is not there any more.
    ...fact("wall_clock", clock.now() - begun, agent.wallUntil - begun - SLACK_MS, "ms"),
  ];
}

function taskLimits(
  { store }: Setting,
  task: TaskRecord | null,
  live: readonly AgentRecord[],
): readonly Condition[] {
  if (task === null) return [];
  const subject = { kind: "task", id: task.id } as const;
  const { disk, running, total } = task.limits;
  const common = { subject, unit: "count" } as const;
  const facts: readonly LimitFact[] = [
    {
      ...common,
      name: "running",
      used: live.length,
      limit: running,
      tellsNear: false,
      nextStep: "Wait for an agent of the task to end, or end one: until then none is admitted.",
    },
    {
      ...common,
      name: "total",
      used: store.countAgents(task.id),
      limit: total,
      tellsNear: true,
      nextStep: "Go on in a new task, or create tasks with a higher limits.total.",
    },
    ...(disk == null
      ? []
      : [
          {
            subject,
            name: "disk",
            used: store.diskUse(task.id),
            limit: disk,
            unit: "bytes" as const,
            tellsNear: true,
            nextStep:
              'Delete archives with "corral archive prune", or end the agent that takes most.',
          },
        ]),
  ];
  const spent = store.taskSpent(task.id);
  const budget = budgetOf(task.limits);
  const budgets = [
    { name: "tokens", used: spent.tokens, limit: budget.tokens, unit: "count" as const },
    { name: "cost", used: spent.costUsd, limit: budget.costUsd, unit: "usd" as const },
  ].flatMap(({ limit, name, unit, used }) =>
    limit === null || used === null
      ? []
      : [
          {
            subject,
            name,
            used,
            limit,
            unit,
            tellsNear: true,
            nextStep: "Go on in a new task, or create tasks with a higher limit.",
          },
        ],
  );
  return [...facts, ...budgets].flatMap(limitConditions);
}

function kindOf({ store }: Pick<Setting, "store">, owner: string): "agent" | "task" | "daemon" {
  if (store.agent(owner) !== null) return "agent";
  return store.task(owner) === null ? "daemon" : "task";
}
