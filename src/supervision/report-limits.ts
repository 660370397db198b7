/** What a resource report tells of limits: how much is used of what is allowed, and who sees to it. Pure but for the store. */
import type { AgentRecord } from "../agents/record.ts";
import type { ResourceReportAnswer } from "../contract/resource-report.ts";
import { type EpochMs, SECOND_MS } from "../kernel/units.ts";
import { type Budget, type Spent, spentOf } from "../tasks/budget.ts";
import { budgetOf, type TaskRecord } from "../tasks/task.ts";
import type { GroupUse } from "./meters.ts";
import type { OpenFiles } from "./sampling/ports.ts";
import type { Store } from "./store.ts";

type Limits = ResourceReportAnswer["limits"];

/** Of a task: its agents, and what they have used up together. */
export function taskLimits(
  store: Pick<Store, "agentsOf" | "diskUse" | "taskSpent">,
  task: TaskRecord,
): Limits {
  const all = store.agentsOf(task.id);
  const running = all.filter(({ endedAt }) => endedAt === null).length;
  const agents = { unit: "agents", by: "Corral" };
  return [
    { name: "running", used: running, limit: task.limits.running, ...agents },
    { name: "total", used: all.length, limit: task.limits.total, ...agents },
    ...limited("disk", "bytes", store.diskUse(task.id), task.limits.disk, "Corral"),
    ...spentLimits(store.taskSpent(task.id), budgetOf(task.limits)),
  ];
}

/** Of an agent. @param mostFds  What the process of it with most open files has. */
export function agentLimits(
  now: EpochMs,
  { agent, groups }: { readonly agent: AgentRecord; readonly groups: GroupUse | null },
  mostFds: OpenFiles | null,
): Limits {
  const since = agent.startedAt ?? agent.createdAt;
  const seconds = (ms: number): number => Math.max(0, Math.round(ms / SECOND_MS));
  const group = "control group";
  return [
    {
      name: "wall_clock",
      used: seconds(now - since),
      limit: seconds(agent.wallUntil - since),
      unit: "s",
      by: "Corral",
    },
    ...limited("output", "bytes", agent.outputBytes, agent.outputLimit, "Corral"),
    ...limited("disk", "bytes", agent.diskBytes, agent.diskLimit, "Corral"),
    ...spentLimits(spentOf(agent.usage), { tokens: agent.tokenLimit, costUsd: agent.costLimit }),
    ...limited("processes", "processes and threads", groups?.tasks, groups?.tasksLimit, group),
    ...limited("memory", "bytes", groups?.memoryNeededBytes, groups?.memoryLimitBytes, group),
    ...limited("open_files", "files of one process", mostFds?.fds, mostFds?.limit, "kernel"),
  ];
}

function spentLimits(spent: Spent, budget: Budget): Limits {
  return [
    ...limited("tokens", "tokens", spent.tokens, budget.tokens, "Corral"),
    ...limited("cost", "US dollars", spent.costUsd, budget.costUsd, "Corral"),
  ];
}

function limited(
  name: string,
  unit: string,
  used: number | null | undefined,
  limit: number | null | undefined,
  by: string,
): Limits {
  return used == null || limit == null ? [] : [{ name, used, limit, unit, by }];
}
