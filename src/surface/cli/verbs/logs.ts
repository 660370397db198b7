import type { Command } from "commander";
import type { AgentView } from "../../../contract/agent.ts";
import { wholeNumber } from "../arguments.ts";
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
    stderr?: boolean;
    pretty?: boolean;
  }>();
  const json = wantsJson(command);
  const agent = await resolveAgent(await ports.client(), command.args[0] ?? "");
  const request: LogsRequest = {
    follow: options.follow === true,
    ...(options.tail === undefined ? {} : { tail: options.tail }),
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
  { stream, tail, follow }: LogsRequest,
): Promise<AsyncGenerator<LineChunk>> {
  const client = await ports.client();
  const read: ReadRange = (from, maxBytes) => client.stream(agentId, { stream, from, maxBytes });
  const from = tail === undefined ? 0 : await tailOffset(read, (await read(0, 1)).size, tail);
  return lineChunks(read, from, { follow, pause: () => ports.sleep(POLL_MS) });
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
