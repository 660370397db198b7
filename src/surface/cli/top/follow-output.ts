/** The output of one agent, read into the view from near its end and on as it comes. */
import { stripVTControlCharacters } from "node:util";
import type { AgentView } from "../../../contract/agent.ts";
import type { StreamAnswer } from "../../../contract/api.ts";
import { asFault } from "../../../kernel/fault.ts";
import type { CliPorts } from "../ports.ts";
import { lineChunks, linesOf, tailOffset } from "../streams.ts";
import type { ReadRange } from "../streams.ts";
import type { ApiClient } from "../../../contract/client.ts";
import { isGone } from "./ask.ts";
import type { TopState } from "./model.ts";
import { withLines } from "./take.ts";
import { plain } from "./width.ts";

const LINES_FIRST = 500;
const POLL_MS = 250;
const RETRY_MS = 1_000;

export interface FollowPorts extends Pick<CliPorts, "sleep" | "pretty"> {
  readonly client: ApiClient;
  readonly agent: AgentView;
  readonly signal: AbortSignal;
  readonly change: (step: (before: TopState) => TopState) => void;
}

/** Follows until the agent has ended or the signal aborts; over daemon restarts, without losing or repeating a line. */
export async function followOutput(ports: FollowPorts): Promise<void> {
  const { agent, signal, sleep, change } = ports;
  const { agent_id: agentId } = agent;
  const read = patientRead(ports);
  try {
    const pretty = await ports.pretty(agent.harness);
    const from = await tailOffset(read, (await read(0, 1)).size, LINES_FIRST);
    const pause = (): Promise<void> => sleep(POLL_MS, signal);
    for await (const chunk of lineChunks(read, from, { follow: true, pause })) {
      const lines = linesOf(chunk)
        .flatMap(({ line }) => pretty(stripVTControlCharacters(line)))
        .flatMap((text) => text.split("\n"))
        .map(plain);
      change((before) => withLines(before, agentId, lines));
    }
    change((before) =>
      before.output.agentId === agentId
        ? { ...before, output: { ...before.output, isEnd: true } }
        : before,
    );
  } catch (thrown) {
    if (signal.aborted) return;
    const { message } = asFault(thrown);
    change((before) => withLines(before, agentId, [`The output cannot be read: ${message}`]));
  }
}

/** Reads again while there is no daemon; rejects when the signal aborts. */
function patientRead({ client, agent, signal, sleep }: FollowPorts): ReadRange {
  return async (from, maxBytes): Promise<StreamAnswer> => {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await client.stream(agent.agent_id, { from, maxBytes });
      } catch (thrown) {
        if (!isGone(asFault(thrown))) throw thrown;
        await sleep(RETRY_MS, signal);
      }
    }
  };
}
