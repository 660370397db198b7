/** Agents' streams on disk behind the ports of supervision. */
import { join } from "node:path";
import type { AgentRecord } from "../../agents/record.ts";
import type { HarnessName } from "../../contract/agent.ts";
import type { AgentId } from "../../kernel/ids.ts";
import type { Harness } from "../../harness/harness.ts";
import { agentOutput } from "../../output/agent-output.ts";
import { NO_OUTCOME, streamOutcome } from "../../output/outcome.ts";
import type { LineMatcher, OutputFile } from "../../output/ports.ts";
import type { Redactor } from "../../output/redact.ts";
import { redactedFile } from "../../output/redacted-file.ts";
import { RUNNER_FILES } from "../../runner/records.ts";
import type { OutputReader } from "../../supervision/output-reader.ts";
import type { Outcomes } from "../../supervision/setting.ts";
import { streamView } from "./stream-view.ts";

type HarnessOf = (name: HarnessName) => Harness;

const STDERR_TAIL_BYTES = 2_048;

/** Where the archive of an agent is, once there is one. Absolute path. */
type ArchiveOf = (agentId: AgentId) => string;

/** Reads a whole stream once, when its agent has ended: before there is an archive of it. */
export function streamOutcomes(harnessOf: HarnessOf): Outcomes {
  return {
    async read(agent) {
      const harness = harnessOf(agent.harness);
      // What a program of the user's prints means nothing to us: its exit says all.
      if (harness.program === null) return NO_OUTCOME.outcome;
      try {
        const { directory } = agent;
        const file = streamView({ directory, stream: RUNNER_FILES.stdout, archive: null });
        return (await streamOutcome(NO_OUTCOME, file, harness, true)).outcome;
      } catch {
        // An unreadable stream must not keep an agent from being settled by its exit.
        return NO_OUTCOME.outcome;
      }
    },
  };
}

/** What agents printed, for get_agent_output and `corral logs`. */
export function streamReader(
  harnessOf: HarnessOf,
  matcher: LineMatcher,
  archiveOf: ArchiveOf,
  redactor: Redactor,
): OutputReader {
  const viewOf = ({ directory, id }: AgentRecord, which: "stdout" | "stderr"): OutputFile => {
    const view = { directory, stream: RUNNER_FILES[which], archive: archiveOf(id) };
    return redactedFile(streamView(view), redactor);
  };
  return {
    async read(agent, input) {
      const file = viewOf(agent, "stdout");
      const ended = agent.endedAt !== null;
      const harness = harnessOf(agent.harness);
      const source = await file.source();
      const path =
        source === "archive" ? archiveOf(agent.id) : join(agent.directory, RUNNER_FILES.stdout);
      const part = await agentOutput(input, {
        file,
        harness,
        matcher,
        ended,
        path,
        ranMs: ended ? agent.endedAt - (agent.startedAt ?? agent.createdAt) : null,
      });
      const failed = ended && agent.status !== "completed";
      const stderr = failed ? await tailOf(viewOf(agent, "stderr"), STDERR_TAIL_BYTES) : "";
      return {
        agent_id: agent.id,
        status: agent.status,
        ...part,
        source: ended ? source : "stream",
        gaps: [...(await file.gaps(input.cursor ?? 0, part.next_cursor))],
        stderr: stderr === "" ? null : stderr,
      };
    },
    async stream(agent, { stream, from: asked, maxBytes }) {
      const file = viewOf(agent, stream);
      // Whether it has ended is asked before the bytes are read: what comes between is then read next time.
      const ended = agent.endedAt !== null;
      // Behind everything there will ever be: what was asked for ended before it.
      const from = asked === Number.MAX_SAFE_INTEGER ? await file.size() : asked;
      const gap = (await file.gaps(from, await file.size()))[0];
      // What is lost is stepped over: the answer begins behind it, and says so by its `from`.
      const start = gap?.from === from ? gap.to : from;
      const read = await file.read(start, maxBytes);
      const size = await file.size();
      const isAtEnd = start + read.byteLength >= size;
      const bytes = ended || !isAtEnd ? read : withoutOpenWord(read);
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

/** The last bytes of a stream as text; "" when there is nothing, or a gap ends it. */
async function tailOf(file: OutputFile, maxBytes: number): Promise<string> {
  const size = await file.size();
  const bytes = await file.read(Math.max(0, size - maxBytes), maxBytes);
  return Buffer.from(bytes).toString("utf8");
}

/** Longest word that is waited for at the end of a stream that is being written. Bytes. */
const OPEN_WORD_BYTES = 4_096;

/**
 * Without the last word when nothing ends it yet: it may be the beginning of a secret whose rest
 * is still to be written. It comes with the next read, when something follows it or the agent ends.
 */
function withoutOpenWord(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  const least = Math.max(0, end - OPEN_WORD_BYTES);
  while (end > least && !isBlank(bytes[end - 1]!)) end -= 1;
  return bytes.subarray(0, end);
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
