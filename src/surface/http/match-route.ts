/** Which route a request is for. */
import { Fault } from "../../kernel/fault.ts";
import { shownValue } from "../mcp/parse-input.ts";
import { nearest } from "./nearest.ts";
import { type Route, ROUTES } from "./routes.ts";

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
