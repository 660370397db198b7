/** Agents' streams on disk behind the ports of supervision. */
import { join } from "node:path";
import type { AgentRecord } from "../../agents/record.ts";
import type { HarnessName } from "../../contract/agent.ts";
import type { Harness } from "../../harness/harness.ts";
import { agentOutput } from "../../output/agent-output.ts";
import { NO_OUTCOME, streamOutcome } from "../../output/outcome.ts";
import type { LineMatcher } from "../../output/ports.ts";
import { RUNNER_FILES } from "../../runner/records.ts";
import type { OutputReader } from "../../supervision/output-reader.ts";
import type { Outcomes } from "../../supervision/setting.ts";
import { outputFile } from "../fs/output-file.ts";
import { tailOf } from "../fs/runner-records.ts";

type HarnessOf = (name: HarnessName) => Harness;

const STDERR_TAIL_BYTES = 2_048;

const streamPath = ({ directory }: Pick<AgentRecord, "directory">): string =>
  join(directory, RUNNER_FILES.stdout);
const stderrPath = ({ directory }: Pick<AgentRecord, "directory">): string =>
  join(directory, RUNNER_FILES.stderr);

/** Reads a whole stream once, when its agent has ended. */
export function streamOutcomes(harnessOf: HarnessOf): Outcomes {
  return {
    async read(agent) {
      const harness = harnessOf(agent.harness);
      // What a program of the user's prints means nothing to us: its exit says all.
      if (harness.program === null) return NO_OUTCOME.outcome;
      try {
        const file = outputFile(streamPath(agent));
        return (await streamOutcome(NO_OUTCOME, file, harness, true)).outcome;
      } catch {
        // An unreadable stream must not keep an agent from being settled by its exit.
        return NO_OUTCOME.outcome;
      }
    },
  };
}

/** What agents printed, for get_agent_output and `corral logs`. */
export function streamReader(harnessOf: HarnessOf, matcher: LineMatcher): OutputReader {
  return {
    async read(agent, input) {
      const path = streamPath(agent);
      const file = outputFile(path);
      const ended = agent.endedAt !== null;
      const harness = harnessOf(agent.harness);
      const part = await agentOutput(input, { file, harness, matcher, ended, path });
      const failed = ended && agent.status !== "completed";
      const stderr = failed ? tailOf(stderrPath(agent), STDERR_TAIL_BYTES) : "";
      return {
        agent_id: agent.id,
        status: agent.status,
        ...part,
        source: ended ? await file.source() : "stream",
        gaps: [...(await file.gaps(input.cursor ?? 0, part.next_cursor))],
        stderr: stderr === "" ? null : stderr,
      };
    },
    async stream(agent, { stream, from, maxBytes }) {
      const file = outputFile(stream === "stdout" ? streamPath(agent) : stderrPath(agent));
      // Whether it has ended is asked before the bytes are read: what comes between is then read next time.
      const ended = agent.endedAt !== null;
      const gap = (await file.gaps(from, await file.size()))[0];
      // What is lost is stepped over: the answer begins behind it, and says so by its `from`.
      const start = gap?.from === from ? gap.to : from;
      const bytes = await file.read(start, maxBytes);
      const size = await file.size();
      const next = start + bytes.byteLength;
      return {
        data: Buffer.from(bytes).toString("base64"),
        from: start,
        next,
        size,
        ended: ended && next >= size,
      };
    },
  };
}
