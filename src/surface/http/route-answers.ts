/**
 * What the routes with more than one line to them answer: how their input is read, and which operation it
 * goes to. Nothing is decided here.
 */
import { z } from "zod";
import { TaskStatus } from "../../contract/agent.ts";
import { MessageInput, ResumePageInput } from "../../contract/messages.ts";
import { GO_ON, isToolName, TOOL_NAMES, TOOLS } from "../../contract/tools.ts";
import { Fault } from "../../kernel/fault.ts";
import { KIB, MIB } from "../../kernel/units.ts";
import type { Caller, Operations } from "../../supervision/operations.ts";
import { parseInput, shownValue } from "../mcp/parse-input.ts";
import { nearest } from "./nearest.ts";

export interface RouteCall {
  readonly operations: Operations;
  readonly caller: Caller;
  /** The decoded `<…>` segment of the path; empty when the route has none. */
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
  /** Parsed JSON; undefined for GET and for an empty body. */
  readonly body: unknown;
  /** Aborts when the caller has gone. Only waiting heeds it: a deploy or kill is never cut short. */
  readonly signal: AbortSignal;
}

const flag = z.enum(["0", "1"]).optional();
const count = z
  .string()
  .regex(/^\d{1,15}$/, "must be a whole number, 0 or more")
  .transform(Number);
const id = z.string().min(1).max(128);

/** Most agents that one call may name. */
const IDS_MOST = 500;
const TasksQuery = z.strictObject({
  status: z.enum([...TaskStatus.options, "all"]).optional(),
  prefix: z.string().min(1).max(128).optional(),
  limit: count.pipe(z.int().min(1).max(500)).optional(),
  cursor: z.string().min(1).max(200).optional(),
});
const AgentsQuery = z.strictObject({
  task_id: id.optional(),
  all: flag,
  prefix: z.string().min(1).max(128).optional(),
  limit: count.pipe(z.int().min(1).max(10_000)).optional(),
  ids: z
    .string()
    .max(IDS_MOST * 130)
    .transform((text) => text.split(",").filter(Boolean))
    .pipe(z.array(id).max(IDS_MOST))
    .optional(),
});
const ArchivesQuery = z.strictObject({ task_id: id.optional() });
const LedgerQuery = z.strictObject({ owner: id.optional(), all: flag });
const StreamQuery = z.strictObject({
  from: count.default(0),
  max: count.pipe(z.int().min(1).max(MIB)).default(256 * KIB),
  stream: z.enum(["stdout", "stderr"]).default("stdout"),
  since: z
    .string()
    .refine((text) => Number.isFinite(Date.parse(text)), "must be an ISO-8601 time")
    .transform((text) => Date.parse(text))
    .optional(),
});
const MessagesQuery = z.strictObject({
  limit: count.pipe(z.int().min(1).max(500)).optional(),
});
const ScreenQuery = z.strictObject({ seen: z.string().min(1).max(64).optional() });
const ResourceQuery = z.strictObject({ uri: z.string().min(1).max(512) });
/** `/api/events`: the last event the reader has seen, and whether it looks on at samples. */
export const EventsQuery = z.strictObject({ after: count.optional(), samples: flag });

export function answerTool({ operations, caller, id: name, body }: RouteCall): Promise<unknown> {
  if (!isToolName(name)) {
    throw new Fault("ROUTE_UNKNOWN", `There is no tool ${shownValue(name)}.`, {
      hint: `Did you mean ${nearest(name.slice(0, 100), TOOL_NAMES)}?`,
    });
  }
  return operations.tool(name, parseInput(TOOLS[name].input, body, name), caller);
}

export function answerTasks({ operations, query }: RouteCall): unknown {
  return operations.tasks(present(parseInput(TasksQuery, query, "GET /api/tasks")));
}

export function answerAgents({ operations, query }: RouteCall): unknown {
  const asked = parseInput(AgentsQuery, query, "GET /api/agents");
  const { task_id: taskId, all, prefix, limit, ids } = asked;
  if (ids !== undefined) return operations.agentsNamed(ids);
  return operations.agents({ all: all === "1", ...present({ taskId, prefix, limit }) });
}

/** Only what was given: an option that is absent is not there at all. */
function present<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

export function answerArchives({ operations, query }: RouteCall): unknown {
  const { task_id: taskId } = parseInput(ArchivesQuery, query, "GET /api/archives");
  return operations.archives(taskId === undefined ? {} : { taskId });
}

export function answerLedger({ operations, query }: RouteCall): unknown {
  const { owner, all } = parseInput(LedgerQuery, query, "GET /api/ledger");
  return operations.ledger({ ...(owner === undefined ? {} : { owner }), all: all === "1" });
}

export function answerStream(call: RouteCall): Promise<unknown> {
  const target = "GET /api/agents/<id>/stream";
  const { from, max: maxBytes, stream, since } = parseInput(StreamQuery, call.query, target);
  if (since !== undefined && stream === "stderr") {
    throw new Fault("INPUT_INVALID", "Times are kept of stdout only.", {
      hint: "Leave since out for stderr.",
      details: { parameter: "since" },
    });
  }
  return call.operations.stream(agentIn(call), { stream, from, maxBytes, ...present({ since }) });
}

export function answerMessages(call: RouteCall): Promise<unknown> {
  const { limit = 50 } = parseInput(MessagesQuery, call.query, "GET /api/agents/<id>/messages");
  const tool = "get_agent_messages";
  return call.operations.tool(tool, { ...namedIn(call), limit }, call.caller);
}

export function answerSend(call: RouteCall): Promise<unknown> {
  const input = parseInput(MessageInput, call.body, "POST /api/agents/<id>/messages");
  return call.operations.tool("send_agent_message", { ...namedIn(call), ...input }, call.caller);
}

/** As it was: a page changes nothing of what the agent may do. */
export function answerResume(call: RouteCall): Promise<unknown> {
  const input = parseInput(ResumePageInput, call.body ?? {}, "POST /api/agents/<id>/resume");
  const { message = GO_ON, ...once } = input;
  return call.operations.tool("resume_agent", { ...namedIn(call), message, ...once }, call.caller);
}

/** An agent with its task, as tools want them. */
function namedIn(call: RouteCall): { readonly task_id: string; readonly agent_id: string } {
  const { agent_id, task_id } = call.operations.agent(agentIn(call));
  return { task_id, agent_id };
}

export function answerScreen(call: RouteCall): Promise<unknown> {
  const { seen } = parseInput(ScreenQuery, call.query, "GET /api/agents/<id>/screen");
  return call.operations.screen(agentIn(call), seen);
}

export function answerResource({ operations, caller, query }: RouteCall): unknown {
  const { uri } = parseInput(ResourceQuery, query, "GET /api/resource");
  return operations.resource(uri, caller);
}

export function agentIn({ id: agentId }: RouteCall): string {
  return parseInput(z.object({ agent_id: id }), { agent_id: agentId }, "GET /api/agents/<id>")
    .agent_id;
}
