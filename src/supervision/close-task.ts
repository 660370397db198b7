/** Closing a task: the outcome first, durable with the stop of every agent; then the wait for what they held. */
import type { CloseTaskAnswer, CloseTaskInput } from "../contract/tools.ts";
import { Fault } from "../kernel/fault.ts";
import { isoTime } from "../kernel/units.ts";
import type { TaskRecord } from "../tasks/task.ts";
import type { AgentLoops } from "./agent-loop.ts";
import type { Setting } from "./setting.ts";
import { receiptView } from "./views.ts";
import { enoughAre, isCleanOrStuck, waitUntil } from "./waiting.ts";

const RECEIPTS_MOST = 100;

/**
 * Closes a task and answers when its agents are given back or stuck. A daemon that dies meanwhile
 * leaves stops that the next one goes on with. Closing again with the same outcome changes
 * nothing and waits for what is left.
 *
 * @param longestMs  How long the stops may take. Milliseconds.
 * @throws {Fault} TASK_CLOSED when it was closed with the other outcome.
 */
export async function closeTask(
  setting: Setting,
  loops: AgentLoops,
  task: TaskRecord,
  { outcome, reason }: CloseTaskInput,
  longestMs: number,
): Promise<CloseTaskAnswer> {
  const { store, clock, configuration } = setting;
  if (task.status !== "open" && task.status !== outcome) {
    throw new Fault("TASK_CLOSED", `The task "${task.id}" is closed already: ${task.status}.`, {
      hint: "Leave it so: the first outcome stays.",
      details: { task_id: task.id, status: task.status },
    });
  }
  const at = clock.now();
  const stopped = store.closeTask(
    task.id,
    { status: outcome, reason, at },
    configuration().grace_ms,
  );
  const { agents } = store.agentsBy({ taskId: task.id, all: false, limit: 10_000 });
  const ids = agents.map(({ id }) => id);
  for (const id of ids) loops.poke(id);
  const isDone = (id: string): boolean => isCleanOrStuck(setting, id);
  await waitUntil(setting, enoughAre(ids, isDone, ids.length), longestMs);
  const closed = store.task(task.id) ?? task;
  return {
    task_id: task.id,
    status: closed.status,
    closed_at: isoTime(closed.closedAt ?? at),
    agents_stopped: stopped.length,
    receipts: ids.slice(0, RECEIPTS_MOST).flatMap((id) => {
      const agent = store.agent(id);
      return agent === null ? [] : [receiptView(store, loops, agent)];
    }),
  };
}
