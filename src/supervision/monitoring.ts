/** What is asked of samples, alerts and figures: the part of the operations that only looks on. */
import type { AgentRecord } from "../agents/record.ts";
import type { AgentId, TaskId } from "../kernel/ids.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { Alerts } from "./alerts/alerts.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { type Counts, figuresNow } from "./figures.ts";
import type { Operations } from "./operations.ts";
import { processLists } from "./sampling/processes.ts";
import type { Sampler } from "./sampling/sampler.ts";
import type { Setting } from "./setting.ts";

export interface MonitoringParts {
  readonly setting: Setting;
  readonly sampler: Sampler;
  readonly alerts: Pick<Alerts, "answer">;
  readonly counts: Counts;
  readonly disk: Pick<DiskWatch, "report">;
  readonly startedAt: EpochMs;
  /** @throws {Fault} TASK_NOT_FOUND. */
  readonly taskOf: (id: TaskId) => TaskRecord;
  /** @throws {Fault} AGENT_NOT_FOUND. */
  readonly agentOf: (id: AgentId) => AgentRecord;
}

type Monitoring = Pick<
  Operations,
  "alerts" | "figures" | "samples" | "lookOn" | "history" | "processes"
>;

export function monitoring(parts: MonitoringParts): Monitoring {
  const { agentOf, alerts, disk, sampler, setting, taskOf } = parts;
  const lists = processLists(setting);
  return {
    alerts: () => alerts.answer(),
    figures: () => figuresNow(setting, { ...parts, fileSystems: disk.report().file_systems }),
    samples() {
      sampler.watch();
      return sampler.samples();
    },
    lookOn: () => sampler.lookOn(),
    history(query) {
      const { id, scope } = query;
      if (scope === "task") taskOf(id ?? "");
      if (scope === "agent") agentOf(id ?? "");
      sampler.watch(scope === "agent" ? id : undefined);
      return sampler.history.read(query);
    },
    async processes(id) {
      const answer = await lists.of(id);
      sampler.watch(id);
      return answer;
    },
  };
}
