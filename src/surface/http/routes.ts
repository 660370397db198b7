/**
 * The routes of the API: exactly those that src/contract/api.ts documents (a test compares).
 * Each says how its input is read and which operation answers; nothing is decided here.
 */
import { z } from "zod";
import { TaskStatus } from "../../contract/agent.ts";
import { ExportInput, PruneInput } from "../../contract/archive.ts";
import { LeaveInput, SweepInput, WaitInput } from "../../contract/api.ts";
import { QuotaResetInput } from "../../contract/quota.ts";
import { HistoryQuery } from "../../contract/sampling.ts";
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

export interface Route {
  readonly method: "GET" | "POST";
  /** Segments; one in angle brackets matches anything. */
  readonly path: string;
  /** True when an agent's own token opens it. */
  readonly forAgents?: true;
  /** Whether a page of the dashboard may use it, given its segment. Absent means that none may. */
  readonly forPages?: (segment: string) => boolean;
  /** Named ones need the connection itself and are served by the handler; every other route by this. */
  readonly answer: ((call: RouteCall) => unknown) | "events" | "login" | "begin" | "end";
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
/** `/api/events`: the last event the reader has seen. */
export const EventsQuery = z.strictObject({ after: count.optional() });

export const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/api/health",
    forPages: always,
    answer: ({ operations }) => operations.health(),
  },
  {
    method: "POST",
    path: "/api/tools/<tool>",
    forAgents: true,
    forPages: isPageTool,
    answer: answerTool,
  },
  {
    method: "GET",
    path: "/api/overview",
    forPages: always,
    answer: ({ operations }) => operations.overview(),
  },
  {
    method: "GET",
    path: "/api/machine",
    forPages: always,
    answer: ({ operations }) => operations.machine(),
  },
  { method: "GET", path: "/api/tasks", forPages: always, answer: answerTasks },
  { method: "GET", path: "/api/agents", forPages: always, answer: answerAgents },
  {
    method: "GET",
    path: "/api/agents/<id>",
    forPages: always,
    answer: (call) => call.operations.agent(agentIn(call)),
  },
  {
    method: "GET",
    path: "/api/agents/<id>/receipt",
    forPages: always,
    answer: (call) => call.operations.receipt(agentIn(call)),
  },
  { method: "GET", path: "/api/agents/<id>/stream", forPages: always, answer: answerStream },
  { method: "GET", path: "/api/agents/<id>/screen", forPages: always, answer: answerScreen },
  {
    method: "GET",
    path: "/api/agents/<id>/processes",
    forPages: always,
    answer: (call) => call.operations.processes(agentIn(call)),
  },
  {
    method: "GET",
    path: "/api/samples",
    forPages: always,
    answer: ({ operations }) => operations.samples(),
  },
  {
    method: "GET",
    path: "/api/alerts",
    forPages: always,
    answer: ({ operations }) => operations.alerts(),
  },
  {
    method: "GET",
    path: "/api/history",
    forPages: always,
    answer: ({ operations, query }) =>
      operations.history(parseInput(HistoryQuery, query, "GET /api/history")),
  },
  { method: "GET", path: "/api/agents/<id>/messages", forPages: always, answer: answerMessages },
  { method: "POST", path: "/api/agents/<id>/messages", forPages: always, answer: answerSend },
  { method: "POST", path: "/api/agents/<id>/resume", forPages: always, answer: answerResume },
  { method: "GET", path: "/api/ledger", forPages: always, answer: answerLedger },
  {
    method: "POST",
    path: "/api/wait",
    answer: ({ operations, body, signal }) =>
      operations.wait(parseInput(WaitInput, body, "POST /api/wait"), signal),
  },
  { method: "GET", path: "/api/events", forPages: always, answer: "events" },
  {
    method: "GET",
    path: "/api/resource",
    forAgents: true,
    forPages: always,
    answer: answerResource,
  },
  {
    method: "POST",
    path: "/api/sweep",
    forPages: always,
    answer: ({ operations, body }) =>
      operations.sweep(parseInput(SweepInput, body, "POST /api/sweep")),
  },
  { method: "GET", path: "/api/archives", forPages: always, answer: answerArchives },
  {
    method: "GET",
    path: "/api/archives/<id>",
    forPages: always,
    answer: (call) => call.operations.archive(agentIn(call)),
  },
  {
    method: "POST",
    path: "/api/archives/<id>/export",
    answer: (call) =>
      call.operations.exportArchive(
        agentIn(call),
        parseInput(ExportInput, call.body, "POST /api/archives/<id>/export"),
      ),
  },
  {
    method: "POST",
    path: "/api/archives/prune",
    answer: ({ operations, body }) =>
      operations.pruneArchives(parseInput(PruneInput, body, "POST /api/archives/prune")),
  },
  {
    method: "GET",
    path: "/api/doctor",
    forPages: always,
    answer: ({ operations }) => operations.doctor(),
  },
  {
    method: "GET",
    path: "/api/configuration",
    forPages: always,
    answer: ({ operations }) => operations.configuration(),
  },
  {
    method: "POST",
    path: "/api/quota/reset",
    answer: ({ operations, body }) =>
      operations.resetQuota(parseInput(QuotaResetInput, body, "POST /api/quota/reset")),
  },
  {
    method: "POST",
    path: "/api/leave",
    answer: ({ operations, body }) =>
      operations.leave(parseInput(LeaveInput, body, "POST /api/leave")),
  },
  { method: "POST", path: "/api/login", answer: "login" },
  { method: "POST", path: "/api/session", answer: "begin" },
  { method: "POST", path: "/api/session/end", forPages: always, answer: "end" },
];

/**
 * Tools that change something and are buttons of the dashboard. Deploying is not one: a page can start
 * no program but an agent that ran before, as it was.
 */
const PAGE_TOOLS: ReadonlySet<string> = new Set(["kill_real_agent"]);

function isPageTool(name: string): boolean {
  return isToolName(name) && (TOOLS[name].annotations.readOnlyHint || PAGE_TOOLS.has(name));
}

function always(): boolean {
  return true;
}

export type Match =
  | { readonly kind: "route"; readonly route: Route; readonly segment: string }
  | { readonly kind: "wrong-method"; readonly allow: string }
  | { readonly kind: "unknown" };

/** Finds the route of a request. @param path  As it came, still percent-encoded, without query. */
export function matchRoute(method: string, path: string): Match {
  const given = path.split("/");
  const matching = ROUTES.filter((route) => fits(route.path.split("/"), given));
  const route = matching.find((one) => one.method === method);
  if (route !== undefined) return { kind: "route", route, segment: segmentOf(route, given) };
  if (matching.length === 0) return { kind: "unknown" };
  return { kind: "wrong-method", allow: matching.map((one) => one.method).join(", ") };
}

/** The fault for a path that is no route; its hint names the nearest one. */
export function unknownRoute(method: string, path: string): Fault {
  const known = ROUTES.map((route) => `${route.method} ${route.path}`);
  return new Fault("ROUTE_UNKNOWN", `There is no route ${shownValue(`${method} ${path}`)}.`, {
    hint: `Did you mean ${nearest(`${method} ${path.slice(0, 100)}`, known)}?`,
  });
}

function fits(pattern: readonly string[], given: readonly string[]): boolean {
  return (
    pattern.length === given.length &&
    pattern.every((part, at) => part === given[at] || (part.startsWith("<") && given[at] !== ""))
  );
}

function segmentOf(route: Route, given: readonly string[]): string {
  const at = route.path.split("/").findIndex((part) => part.startsWith("<"));
  return at === -1 ? "" : (given[at] ?? "");
}

function answerTool({ operations, caller, id: name, body }: RouteCall): Promise<unknown> {
  if (!isToolName(name)) {
    throw new Fault("ROUTE_UNKNOWN", `There is no tool ${shownValue(name)}.`, {
      hint: `Did you mean ${nearest(name.slice(0, 100), TOOL_NAMES)}?`,
    });
  }
  return operations.tool(name, parseInput(TOOLS[name].input, body, name), caller);
}

function answerTasks({ operations, query }: RouteCall): unknown {
  return operations.tasks(present(parseInput(TasksQuery, query, "GET /api/tasks")));
}

function answerAgents({ operations, query }: RouteCall): unknown {
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

function answerArchives({ operations, query }: RouteCall): unknown {
  const { task_id: taskId } = parseInput(ArchivesQuery, query, "GET /api/archives");
  return operations.archives(taskId === undefined ? {} : { taskId });
}

function answerLedger({ operations, query }: RouteCall): unknown {
  const { owner, all } = parseInput(LedgerQuery, query, "GET /api/ledger");
  return operations.ledger({ ...(owner === undefined ? {} : { owner }), all: all === "1" });
}

function answerStream(call: RouteCall): Promise<unknown> {
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

function answerMessages(call: RouteCall): Promise<unknown> {
  const { limit = 50 } = parseInput(MessagesQuery, call.query, "GET /api/agents/<id>/messages");
  const tool = "get_agent_messages";
  return call.operations.tool(tool, { ...namedIn(call), limit }, call.caller);
}

function answerSend(call: RouteCall): Promise<unknown> {
  const input = parseInput(MessageInput, call.body, "POST /api/agents/<id>/messages");
  return call.operations.tool("send_agent_message", { ...namedIn(call), ...input }, call.caller);
}

/** As it was: a page changes nothing of what the agent may do. */
function answerResume(call: RouteCall): Promise<unknown> {
  const input = parseInput(ResumePageInput, call.body ?? {}, "POST /api/agents/<id>/resume");
  const { message = GO_ON, ...once } = input;
  return call.operations.tool("resume_agent", { ...namedIn(call), message, ...once }, call.caller);
}

/** An agent with its task, as tools want them. */
function namedIn(call: RouteCall): { readonly task_id: string; readonly agent_id: string } {
  const { agent_id, task_id } = call.operations.agent(agentIn(call));
  return { task_id, agent_id };
}

function answerScreen(call: RouteCall): Promise<unknown> {
  const { seen } = parseInput(ScreenQuery, call.query, "GET /api/agents/<id>/screen");
  return call.operations.screen(agentIn(call), seen);
}

function answerResource({ operations, caller, query }: RouteCall): unknown {
  const { uri } = parseInput(ResourceQuery, query, "GET /api/resource");
  return operations.resource(uri, caller);
}

function agentIn({ id: agentId }: RouteCall): string {
  return parseInput(z.object({ agent_id: id }), { agent_id: agentId }, "GET /api/agents/<id>")
    .agent_id;
}
