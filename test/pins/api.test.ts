import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TOOL_NAMES } from "../../src/contract/tools.ts";
import { ROUTES } from "../../src/surface/http/routes.ts";

// Frozen by hand: the command line, the dashboard and other people's programs call these.
const PUBLISHED_ROUTES = [
  "GET /api/health",
  "POST /api/tools/<tool>",
  "GET /api/overview",
  "GET /api/machine",
  "GET /api/tasks",
  "GET /api/agents",
  "GET /api/agents/<id>",
  "GET /api/agents/<id>/receipt",
  "GET /api/agents/<id>/stream",
  "GET /api/agents/<id>/screen",
  "GET /api/agents/<id>/processes",
  "GET /api/samples",
  "GET /api/alerts",
  "GET /api/history",
  "GET /api/agents/<id>/messages",
  "POST /api/agents/<id>/messages",
  "POST /api/agents/<id>/resume",
  "GET /api/ledger",
  "POST /api/wait",
  "GET /api/events",
  "GET /api/resource",
  "POST /api/sweep",
  "GET /api/archives",
  "GET /api/archives/<id>",
  "POST /api/archives/<id>/export",
  "POST /api/archives/prune",
  "GET /api/doctor",
  "GET /api/configuration",
  "POST /api/quota/reset",
  "POST /api/leave",
  "POST /api/login",
  "POST /api/session",
  "POST /api/session/end",
];

// Frozen by hand: a longer list gives agents more than design says they may.
const OPEN_TO_AGENTS = ["POST /api/tools/<tool>", "GET /api/resource"];

// Frozen by hand: what a page that was tricked could do. What it starts is an agent that ran before, as
// it was, with a message (docs/adr/0030-messages-in-answers.md).
const OPEN_TO_PAGES = [
  "GET /api/health",
  "GET /api/overview",
  "GET /api/machine",
  "GET /api/tasks",
  "GET /api/agents",
  "GET /api/agents/<id>",
  "GET /api/agents/<id>/receipt",
  "GET /api/agents/<id>/stream",
  "GET /api/agents/<id>/screen",
  "GET /api/agents/<id>/processes",
  "GET /api/samples",
  "GET /api/alerts",
  "GET /api/history",
  "GET /api/agents/<id>/messages",
  "POST /api/agents/<id>/messages",
  "POST /api/agents/<id>/resume",
  "GET /api/ledger",
  "GET /api/events",
  "GET /api/resource",
  "POST /api/sweep",
  "GET /api/archives",
  "GET /api/archives/<id>",
  "GET /api/doctor",
  "GET /api/configuration",
  "POST /api/session/end",
];
const TOOLS_OF_PAGES = [
  "get_real_task_status",
  "get_agent_output",
  "kill_real_agent",
  "get_resource_report",
  "get_task_findings",
  "wait_for_agents",
  "list_tasks",
  "search_history",
  "get_agent_messages",
];

const named = ({ method, path }: { readonly method: string; readonly path: string }) =>
  `${method} ${path}`;

test("the published routes are exactly these", () => {
  expect(ROUTES.map(named)).toEqual(PUBLISHED_ROUTES);
});

test("the routes are exactly those that src/contract/api.ts documents", () => {
  const source = readFileSync(new URL("../../src/contract/api.ts", import.meta.url), "utf8");
  const documented = [...source.matchAll(/^ \* {3}(GET|POST) +(\/api[^\s?]*)/gm)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  expect(documented).toEqual(PUBLISHED_ROUTES);
});

test("an agent's own token opens exactly these", () => {
  expect(ROUTES.filter(({ forAgents }) => forAgents).map(named)).toEqual(OPEN_TO_AGENTS);
});

test("a page of the dashboard opens exactly these, and these tools", () => {
  const open = ROUTES.filter(({ forPages }) => forPages?.("x") === true).map(named);
  expect(open).toEqual(OPEN_TO_PAGES);
  const tools = ROUTES.find(({ path }) => path === "/api/tools/<tool>");
  expect(TOOL_NAMES.filter((name) => tools?.forPages?.(name))).toEqual(TOOLS_OF_PAGES);
});
