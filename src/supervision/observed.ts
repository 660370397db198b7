/** The operations with somebody who looks on: every tool call is told of when it is over. */
import type { ToolInput, ToolName } from "../contract/tools.ts";
import { asFault, type FaultCode } from "../kernel/fault.ts";
import type { Clock } from "../kernel/ports.ts";
import type { EpochMs } from "../kernel/units.ts";
import type { Caller, Operations } from "./operations.ts";

/** One tool call, once it is over. */
export interface ToolCall {
  readonly name: ToolName;
  readonly caller: Caller["kind"];
  /** As the input names them, or as the caller is; null when nothing does. */
  readonly taskId: string | null;
  readonly agentId: string | null;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  /** Null when it was answered. */
  readonly fault: FaultCode | null;
}

/** @param observers  Called one after another; must not throw, and are not waited for. */
export function observed(
  operations: Operations,
  clock: Clock,
  observers: readonly ((call: ToolCall) => void)[],
): Operations {
  return {
    ...operations,
    async tool<N extends ToolName>(name: N, input: ToolInput<N>, caller: Caller) {
      const startedAt = clock.now();
      const tell = (fault: FaultCode | null): void => {
        const call = { name, caller: caller.kind, ...subjectOf(input, caller), startedAt };
        for (const observer of observers) observer({ ...call, endedAt: clock.now(), fault });
      };
      try {
        const answer = await operations.tool(name, input, caller);
        tell(null);
        return answer;
      } catch (error) {
        tell(asFault(error).code);
        throw error;
      }
    },
  };
}

function subjectOf(input: unknown, caller: Caller): Pick<ToolCall, "taskId" | "agentId"> {
  const named = input as { readonly task_id?: unknown; readonly agent_id?: unknown };
  const own = caller.kind === "agent" ? caller : { taskId: null, agentId: null };
  return {
    taskId: typeof named.task_id === "string" ? named.task_id : own.taskId,
    agentId: typeof named.agent_id === "string" ? named.agent_id : own.agentId,
  };
}
