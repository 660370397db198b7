/** What all agents use together, against the limits on the group above theirs. */
import type { GroupUse } from "../meters.ts";
import type { Setting } from "../setting.ts";
import { processSetOf } from "../sighting.ts";
import type { Condition } from "./judge.ts";
import { limitConditions } from "./rules.ts";

const SUBJECT = { kind: "daemon", id: "daemon" } as const;
const NAMES = { processes: "all_processes", memory: "all_memory" } as const;
const ENDS = 'End what uses it ("corral top" shows who)';

/** Reads it now. Null while no agent lives, and where no control group holds them. */
export function usedTogether({
  sampleMeters,
  store,
}: Pick<Setting, "sampleMeters" | "store">): GroupUse | null {
  const row = store.heldInGroup();
  const set = row === null ? null : processSetOf([row]);
  return set === null ? null : sampleMeters.together(set);
}

/** Pure. What cannot be read has no condition. */
export function togetherConditions(use: GroupUse | null): readonly Condition[] {
  if (use === null) return [];
  const { memoryLimitBytes, memoryNeededBytes, tasks, tasksLimit } = use;
  const common = { subject: SUBJECT, tellsNear: true } as const;
  const facts = [
    {
      ...common,
      name: NAMES.processes,
      used: tasks,
      limit: tasksLimit,
      unit: "count" as const,
      nextStep: `${ENDS}, or raise limit_all_processes: the next deploy applies it. Beyond it no agent can begin a process.`,
    },
    {
      ...common,
      name: NAMES.memory,
      used: memoryNeededBytes,
      limit: memoryLimitBytes,
      unit: "bytes" as const,
      nextStep: `${ENDS}, or raise limit_all_memory_mb: the next deploy applies it. Beyond it the kernel kills processes of agents.`,
    },
  ];
  return facts.flatMap(({ limit, used, ...fact }) =>
    used === null || limit === null ? [] : limitConditions({ ...fact, limit, used }),
  );
}

/** Whether an alert is about all agents together: it is over when none of them is left. */
export function isOfAll({ key, rule }: Condition): boolean {
  const isLimit = rule === "limit_near" || rule === "limit_reached";
  return isLimit && Object.values(NAMES).some((name) => key === `${rule}:${name}:${SUBJECT.id}`);
}
