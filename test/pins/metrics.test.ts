/** What scrapers and dashboards rely on: names, types and labels, frozen by docs/metrics.md. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { METRICS } from "../../src/surface/metrics/metric-table.ts";
import { documentText, tableRows } from "../helpers/markdown.ts";
import { sourcesBelow } from "../helpers/source-graph.ts";

const DASHBOARD = new URL("../../docs/grafana-dashboard.json", import.meta.url);

interface Panel {
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly { readonly expr: string }[];
}

const panels = (
  JSON.parse(readFileSync(DASHBOARD, "utf8")) as { readonly panels: readonly Panel[] }
).panels;
const named = (expr: string): readonly string[] => expr.match(/\bcorral_[a-z_]+/g) ?? [];

test("docs/metrics.md lists exactly the metrics, with type, labels and meaning", () => {
  const rows = tableRows(documentText("docs/metrics.md"))
    .map((cells) => cells.map((cell) => cell.replaceAll("`", "")))
    .filter(([name = ""]) => name.startsWith("corral_"));
  const published = Object.entries(METRICS).map(([name, { help, labels, type }]) => [
    name,
    type,
    labels.join(", "),
    help,
  ]);
  expect(rows).toEqual(published);
});

test("the library of metrics is loaded by a scrape, and by nothing before", () => {
  const imports = sourcesBelow("src").flatMap(({ imports: all, path }) =>
    all.map(({ file, kind, specifier }) => ({ path, kind, of: file ?? specifier })),
  );
  const home = "src/surface/metrics/metrics-text.ts";
  expect(imports.filter(({ of }) => of === "prom-client").map(({ path }) => path)).toEqual([home]);
  expect(imports.filter(({ of }) => of === home).map(({ kind }) => kind)).toEqual(["dynamic"]);
});

test("names tell the type and the unit as Prometheus asks", () => {
  for (const [name, { type }] of Object.entries(METRICS)) {
    expect(name).toMatch(/^corral_[a-z]+(?:_[a-z]+)*$/);
    expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
  }
});

test("only agents have a label of unbounded many values, and it is told with their task", () => {
  const bounded = new Set([
    "version",
    "status",
    "rule",
    "severity",
    "path",
    "level",
    "kind",
    "tool",
    "outcome",
  ]);
  for (const [name, { labels }] of Object.entries(METRICS)) {
    const others = labels.filter((label) => !bounded.has(label));
    expect([name, others]).toEqual([name, others.length === 0 ? [] : ["agent_id", "task_id"]]);
  }
});

describe("the example dashboard", () => {
  test.for(panels.map((panel) => [panel.title, panel] as const))(
    "%s asks for metrics that exist",
    ([, panel]) => {
      const names = panel.targets.flatMap(({ expr }) => named(expr));
      expect(names.length).toBeGreaterThanOrEqual(panel.targets.length);
      expect(names.filter((name) => !(name in METRICS))).toEqual([]);
    },
  );

  test("asks for rates of counters, and only of these", () => {
    for (const { expr } of panels.flatMap(({ targets }) => targets)) {
      for (const [, name = ""] of expr.matchAll(/rate\((corral_[a-z_]+)/g)) {
        expect([name, METRICS[name]?.type]).toEqual([name, "counter"]);
      }
    }
  });

  test("lays no panel over another", () => {
    const overlaps = panels.flatMap((one, at) =>
      panels.slice(at + 1).filter(({ gridPos: other }) => {
        const { h, w, x, y } = one.gridPos;
        return x < other.x + other.w && other.x < x + w && y < other.y + other.h && other.y < y + h;
      }),
    );
    expect(overlaps.map(({ title }) => title)).toEqual([]);
  });
});
