import type { Command } from "commander";
import type { AgentView } from "../../../contract/agent.ts";
import { isoTime } from "../../../kernel/units.ts";
import { wholeNumber } from "../arguments.ts";
import { chosenLines, lastLines, patternOf, timeOf } from "../chosen-lines.ts";
import { EXIT } from "../exit-codes.ts";
import type { CliPorts, Pretty } from "../ports.ts";
import { resolveAgent } from "../resolve.ts";
import { lineChunks, linesOf, tailOffset } from "../streams.ts";
import type { LineChunk, ReadRange } from "../streams.ts";
import { example, jsonText, wantsJson } from "../verb.ts";
import type { Verb } from "../verb.ts";

/** How the stream of an agent is printed. */
export interface LogsRequest {
  readonly follow: boolean;
  /** Begin at the last that many lines; absent begins at the start. */
  readonly tail?: number;
  /** Only lines that match. */
  readonly grep?: RegExp;
  /** Leave out what is certainly older. Milliseconds since the epoch. */
  readonly since?: number;
  readonly stream: "stdout" | "stderr";
  /** `raw`: the bytes as they are; `pretty`: for people; `json`: a JSON line per line. */
  readonly form: "raw" | "pretty" | "json";
}

/** `corral logs`: what an agent printed; with `-f` until it has ended. */
export const logs: Verb = {
  define(command, bind) {
    command
      .argument("<agent>", "agent id, or the unique beginning of one")
      .option("-f, --follow", "go on until the agent has ended")
      .option("--tail <lines>", "begin with the last lines only", wholeNumber(1))
      .option("--since <time>", "leave out what is older: 90s, 10m, 2h, 1d, or a time", timeOf)
      .option("--grep <pattern>", "only lines that match, before --tail", patternOf)
      .option("--stderr", "its standard error instead of its output")
      .option("--pretty", "render the agent CLI's events for people");
    example(command, "corral logs -f --pretty fixer-1");
    bind(command, run);
  },
};

async function run(ports: CliPorts, command: Command): Promise<number> {
  const options = command.opts<{
    follow?: boolean;
    tail?: number;
    since?: (now: number) => number;
    grep?: RegExp;
    stderr?: boolean;
    pretty?: boolean;
  }>();
  const json = wantsJson(command);
  const agent = await resolveAgent(await ports.client(), command.args[0] ?? "");
  const request: LogsRequest = {
    follow: options.follow === true,
    ...(options.tail === undefined ? {} : { tail: options.tail }),
    ...(options.grep === undefined ? {} : { grep: options.grep }),
    ...(options.since === undefined ? {} : { since: options.since(ports.now()) }),
    stream: options.stderr === true ? "stderr" : "stdout",
    form: json ? "json" : options.pretty === true ? "pretty" : "raw",
  };
  if (json && !request.follow) await printDocument(ports, agent, request);
  else await printLogs(ports, agent, request);
  return EXIT.ok;
}

/** Prints whole lines as they come; returns when the agent has ended, or at the end without `follow`. */
export async function printLogs(
  ports: CliPorts,
  agent: AgentView,
  request: LogsRequest,
): Promise<void> {
  const print = await printerOf(ports, agent, request.form);
  for await (const chunk of await chunksOf(ports, agent, request)) await print(chunk);
}

async function printDocument(
  ports: CliPorts,
  agent: AgentView,
  request: LogsRequest,
): Promise<void> {
  const lines: { offset: number; line: string }[] = [];
  for await (const chunk of await chunksOf(ports, agent, request)) lines.push(...linesOf(chunk));
  const { agent_id, status } = agent;
  ports.terminal.line(jsonText({ agent_id, status, stream: request.stream, lines }));
}

async function chunksOf(
  ports: CliPorts,
  { agent_id: agentId }: AgentView,
  request: LogsRequest,
): Promise<AsyncGenerator<LineChunk>> {
  const { stream, tail, follow, since, grep } = request;
  const client = await ports.client();
  const read: ReadRange = (from, maxBytes) => client.stream(agentId, { stream, from, maxBytes });
  const chunks = (from: number, follows: boolean): AsyncGenerator<LineChunk> =>
    lineChunks(read, from, { follow: follows, pause: () => ports.sleep(POLL_MS) });
  if (since === undefined && grep === undefined) {
    const from = tail === undefined ? 0 : await tailOffset(read, (await read(0, 1)).size, tail);
    return chunks(from, follow);
  }
  // The daemon knows how far the stream was at that time; lines that say their own time are looked at here.
  const begin =
    since === undefined
      ? 0
      : (await client.stream(agentId, { stream, maxBytes: 1, since: isoTime(since) })).from;
  if (tail === undefined) return chosenLines(chunks(begin, follow), request);
  return lastThenRest(request, tail, begin, chunks);
}

/** The last of the chosen lines that are there, then, when it follows, what comes behind them. */
async function* lastThenRest(
  request: LogsRequest,
  tail: number,
  begin: number,
  chunks: (from: number, follows: boolean) => AsyncGenerator<LineChunk>,
): AsyncGenerator<LineChunk> {
  let end = begin;
  const seen = async function* (): AsyncGenerator<LineChunk> {
    for await (const chunk of chunks(begin, false)) {
      end = chunk.from + chunk.bytes.length;
      yield chunk;
    }
  };
  yield* await lastLines(chosenLines(seen(), request), tail);
  if (request.follow) yield* chosenLines(chunks(end, true), request);
}

/** Short enough to look live; a look at a quiet stream costs the daemon one fstat. */
const POLL_MS = 200;

async function printerOf(
  { terminal, pretty }: CliPorts,
  { harness }: AgentView,
  form: LogsRequest["form"],
): Promise<(chunk: LineChunk) => Promise<void>> {
  if (form === "raw") return (chunk) => terminal.bytes(chunk.bytes);
  const linesFor = form === "json" ? jsonLines : prettyLines(await pretty(harness));
  return async (chunk) => {
    const text = linesFor(chunk)
      .map((line) => `${line}\n`)
      .join("");
    if (text !== "") await terminal.bytes(text);
  };
}

const jsonLines = (chunk: LineChunk): readonly string[] => linesOf(chunk).map(jsonText);

const prettyLines =
  (pretty: Pretty) =>
  (chunk: LineChunk): readonly string[] =>
    linesOf(chunk).flatMap(({ line }) => pretty(line));
