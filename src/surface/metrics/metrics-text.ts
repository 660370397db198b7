/** The text of `/metrics`. Loaded when it is first asked for: a daemon that nobody scrapes needs no metrics. */
import { Counter, Gauge, Registry } from "prom-client";
import type { Figures } from "../../supervision/figures.ts";
import { METRICS } from "./metric-table.ts";

/**
 * Made anew for each scrape, so that nothing is kept of an agent that has ended.
 * @returns the content type and the text.
 */
export async function metricsText(
  figures: Figures,
): Promise<{ readonly type: string; readonly text: string }> {
  const registry = new Registry();
  const registers = [registry];
  for (const [name, { help, labels: labelNames, type, values }] of Object.entries(METRICS)) {
    const known = values(figures);
    // Without a label it would be published as 0.
    if (known.length === 0) continue;
    const options = { name, help, labelNames: [...labelNames], registers };
    if (type === "gauge") {
      const metric = new Gauge(options);
      for (const { labels, value } of known) metric.set(labels, value);
    } else {
      const metric = new Counter(options);
      for (const { labels, value } of known) metric.inc(labels, value);
    }
  }
  return { type: registry.contentType, text: await registry.metrics() };
}
