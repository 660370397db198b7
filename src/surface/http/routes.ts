/**
 * The routes of the API: exactly those that src/contract/api.ts documents (a test compares).
 * Each says how its input is read and which operation answers; nothing is decided here.
 */
import { ExportInput, PruneInput } from "../../contract/archive.ts";
import { LeaveInput, SweepInput, WaitInput } from "../../contract/api.ts";
import { QuotaResetInput } from "../../contract/quota.ts";
import { HistoryQuery } from "../../contract/sampling.ts";
import { isToolName, TOOLS } from "../../contract/tools.ts";
import { parseInput } from "../mcp/parse-input.ts";
import {
  agentIn,
  answerAgents,
  answerArchives,
  answerLedger,
  answerMessages,
  answerResource,
  answerResume,
  answerScreen,
  answerSend,
  answerStream,
  answerTasks,
  answerTool,
  type RouteCall,
} from "./route-answers.ts";

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
