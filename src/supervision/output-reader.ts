/** Reading what an agent printed; implemented over the output room in a composition root. */
import type { AgentRecord } from "../agents/record.ts";
import type { StreamAnswer } from "../contract/api.ts";
import type { AgentOutputAnswer, AgentOutputInput } from "../contract/tools.ts";
import type { StreamRequest } from "./operations.ts";

export interface OutputReader {
  /** @throws {Fault} FILTER_INVALID. */
  read(agent: AgentRecord, input: AgentOutputInput): Promise<AgentOutputAnswer>;
  /** Raw bytes; an offset behind the end answers with nothing. */
  stream(agent: AgentRecord, request: StreamRequest): Promise<StreamAnswer>;
}
