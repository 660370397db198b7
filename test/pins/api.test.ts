import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ROUTES } from "../../src/surface/http/routes.ts";

// Frozen by hand: the command line, the dashboard and other people's programs call these.
const PUBLISHED_ROUTES = [
  "GET /api/health",
  "POST /api/tools/<tool>",
  "GET /api/tasks",
  "GET /api/agents",
  "GET /api/agents/<id>",
  "GET /api/agents/<id>/receipt",
  "GET /api/agents/<id>/stream",
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
  "POST /api/leave",
];

// Frozen by hand: a longer list gives agents more than design says they may.
const OPEN_TO_AGENTS = ["POST /api/tools/<tool>", "GET /api/resource"];

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
