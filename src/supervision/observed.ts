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
      const tell = (fault: FaultCode | null, answer?: unknown): void => {
        const subject = subjectOf([answer, input], caller);
        const call = { name, caller: caller.kind, ...subject, startedAt };
        for (const observer of observers) observer({ ...call, endedAt: clock.now(), fault });
      };
      try {
        const answer = await operations.tool(name, input, caller);
        tell(null, answer);
        return answer;
      } catch (error) {
        tell(asFault(error).code);
        throw error;
      }
    },
  };
}

/** An agent that was just deployed is named by the answer alone. */
function subjectOf(told: readonly unknown[], caller: Caller): Pick<ToolCall, "taskId" | "agentId"> {
  const named = (name: "task_id" | "agent_id"): string | null => {
    for (const one of told) {
      const value = (one as Readonly<Record<string, unknown>> | null | undefined)?.[name];
      if (typeof value === "string") return value;
    }
    return null;
  };
  const own = caller.kind === "agent" ? caller : { taskId: null, agentId: null };
  return { taskId: named("task_id") ?? own.taskId, agentId: named("agent_id") ?? own.agentId };
}
